"""What must be there before anybody comes: tables, static files, a first user, and a store that works.

A program of its own, so that the launcher, which stays, need not hold Django in memory. It prints `prepared` when the
processes may start, and ends well when the store, which is one of them, has taken an object and given it back.
"""

import io
import json
import os
import secrets
import shutil
import sys
import time
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from artifacts import errors, storage
from deploy import ports, var_directory

PROBE = "probes/embedded"
DATABASE_TIMEOUT = 120.0
STORE_TIMEOUT = 60.0


def main() -> None:
    var = Path(os.environ["WANLLMDB_VAR_DIR"])
    with var_directory.report_full_disk(var):
        django.setup()
        wait_for_database(var)
        refuse_newer_database()
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        create_first_user(var)
        # Counts of processes that ended with the last stop.
        shutil.rmtree(settings.METRICS_DIR, ignore_errors=True)
    connection.close()
    print("prepared", flush=True)
    wait_for_store(var, int(os.environ["STORE_PORT"]))


def wait_for_database(var: Path) -> None:
    """It may be another of the processes, which has just been started."""
    deadline = time.monotonic() + DATABASE_TIMEOUT
    while True:
        try:
            return connection.ensure_connection()
        except OperationalError as error:
            if connection.vendor == "sqlite":
                raise
            if time.monotonic() > deadline:
                sys.exit(f"The database does not answer after {DATABASE_TIMEOUT:.0f} s ({error}): see {var / 'log'}.")
        time.sleep(0.05)


def refuse_newer_database() -> None:
    loader = MigrationLoader(connection)
    newest: dict[str, str] = {}
    for app, name in loader.disk_migrations:
        newest[app] = max(name, newest.get(app, ""))
    unknown = sorted(f"{app}.{name}" for app, name in loader.applied_migrations if name > newest.get(app, name))
    if unknown:
        sys.exit(f"A newer wanLLMDB made this database (it has {unknown[-1]}): run that version, or one after it.")


def create_first_user(var: Path) -> None:
    """The credentials are on disk before the user is in the database: nobody is made whose password is lost."""
    with transaction.atomic():
        output = io.StringIO()
        call_command("first_user", stdout=output)
        if output.getvalue():
            var_directory.write_credentials(var, json.loads(output.getvalue()))


def wait_for_store(var: Path, port: int) -> None:
    deadline = time.monotonic() + STORE_TIMEOUT
    while not store_works(port):
        if time.monotonic() > deadline:
            sys.exit(f"The object store does not work after {STORE_TIMEOUT:.0f} s: see {var / 'log'}.")
        time.sleep(0.05)


def store_works(port: int) -> bool:
    """Whether the store takes an object and gives it back: an open port says nothing of that."""
    if ports.is_free(port):
        return False
    body = secrets.token_bytes(16)
    try:
        storage.upload_file(PROBE, body)
        storage.ensure_cors(settings.PAGE_ORIGINS)
        return b"".join(storage.download_file(PROBE)) == body
    except errors.RegistryError:
        return False


if __name__ == "__main__":
    main()
