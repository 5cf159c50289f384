"""What must be there before anybody comes: tables, static files, a first user, and a store that works."""

import io
import json
import secrets
import time
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from artifacts import errors, storage
from deploy.embedded import state

PROBE = "probes/embedded"


def server(var: Path) -> None:
    """Tables, static files and the first user. Django reads its settings here, so the environment must be complete."""
    django.setup()
    refuse_newer_database()
    call_command("migrate", verbosity=0, interactive=False)
    call_command("collectstatic", verbosity=0, interactive=False)
    make_first_user(var)
    connection.close()


def refuse_newer_database() -> None:
    loader = MigrationLoader(connection)
    newest: dict[str, str] = {}
    for app, name in loader.disk_migrations:
        newest[app] = max(name, newest.get(app, ""))
    unknown = sorted(f"{app}.{name}" for app, name in loader.applied_migrations if name > newest.get(app, name))
    if unknown:
        raise SystemExit(
            f"A newer wanLLMDB made this database (it has {unknown[-1]}): run that version, or a newer one."
        )


def make_first_user(var: Path) -> None:
    """The credentials are on disk before the user is in the database: nobody can be made whose password is lost."""
    with transaction.atomic():
        answer = io.StringIO()
        call_command("first_user", stdout=answer)
        if answer.getvalue():
            state.write_credentials(var, json.loads(answer.getvalue()))


def store_works(port: int) -> bool:
    """Whether the object store takes a new object and gives it back: an open port says nothing of that."""
    if state.is_free(port):
        return False
    body = secrets.token_bytes(16)
    try:
        storage.upload_file(PROBE, body)
        storage.ensure_cors(settings.PAGE_ORIGINS)
        return b"".join(storage.download_file(PROBE)) == body
    except errors.RegistryError:
        return False


def wait_for_store(port: int) -> bool:
    for _ in range(300):
        if store_works(port):
            return True
        time.sleep(0.1)
    return False
