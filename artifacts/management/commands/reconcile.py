"""`manage.py reconcile`: compares the object store with the database, and deletes what the database does not know.

It also says how much of the packs nothing needs any more.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from artifacts import errors
from artifacts.content import compaction, reconciliation


class Command(BaseCommand):
    help = "Lists objects in the store that the database does not know, and those it knows that are not there."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="delete the objects that the database does not know")

    def handle(self, *args: Any, delete: bool, **options: Any) -> None:
        try:
            differences = reconciliation.compare()
            failures = reconciliation.delete_unknown(differences) if delete else {}
        except errors.StoreUnavailable as refusal:
            raise CommandError(str(refusal)) from refusal
        unknown, missing = differences.unknown, differences.missing
        for key in unknown:
            self.stdout.write(key)
        done = "deleted" if delete else "found; --delete deletes them"
        self.stderr.write(f"{len(unknown)} unknown to the database {done}." if unknown else "Nothing is left over.")
        if needless := [pack.needless for pack in compaction.measure(timedelta()) if pack.needless]:
            self.stderr.write(
                f"{sum(needless):,} bytes in {len(needless):,} packs are not needed any more: "
                f"workers rewrite each pack once {settings.REPACK_THRESHOLD:.0%} of it are not."
            )
        if missing:
            self.stderr.write(f"{len(missing)} known to the database are not in the store:")
            for key in missing:
                self.stderr.write(key)
        if failures:
            key, message = next(iter(failures.items()))
            raise CommandError(f"The store did not delete {len(failures)} of them, such as {key!r}: {message}")
