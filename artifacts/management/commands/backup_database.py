"""`manage.py backup_database FILE`: a copy of the SQLite database, also while the server runs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.template.defaultfilters import filesizeformat

from core.sqlite import backup


class Command(BaseCommand):
    help = "Copy the SQLite database to a new file, which is checked. The server may be running."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="where the copy is to be; it must not exist yet")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        if connection.vendor != "sqlite":
            raise CommandError("This server's database is PostgreSQL: use pg_dump.")
        try:
            size = backup.copy(Path(connection.settings_dict["NAME"]), file)
        except backup.BackupRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"Copied to {file}: {filesizeformat(size)}.")
