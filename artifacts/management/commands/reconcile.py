"""`manage.py reconcile`: finds objects in the object store without a row in the database, which a crash left."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from artifacts import errors
from artifacts.content import garbage_collection


class Command(BaseCommand):
    help = "Lists objects in the store that the database does not know, and deletes them with --delete."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="delete them")

    def handle(self, *args: Any, delete: bool, **options: Any) -> None:
        try:
            strays = garbage_collection.reconcile(delete=delete)
        except errors.StoreUnavailable as refusal:
            raise CommandError(str(refusal)) from refusal
        for key in strays:
            self.stdout.write(key)
        done = "deleted" if delete else "found; --delete deletes them"
        self.stderr.write(f"{len(strays)} unknown to the database {done}." if strays else "Nothing is left over.")
