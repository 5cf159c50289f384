"""`manage.py reconcile`: what a crash left in the object store without a row in the database."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from artifacts import errors
from artifacts.content import garbage_collection


class Command(BaseCommand):
    help = "Lists objects in the store that the database does not know, and removes them if asked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="remove them")

    def handle(self, *args: Any, delete: bool, **options: Any) -> None:
        try:
            strays = garbage_collection.reconcile(delete=delete)
        except errors.StoreUnavailable as refusal:
            raise CommandError(str(refusal)) from refusal
        for key in strays:
            self.stdout.write(key)
        done = "removed" if delete else "found; --delete removes them"
        self.stderr.write(f"{len(strays)} unknown to the database {done}." if strays else "Nothing is left over.")
