"""Health of what this server depends on: the database, the object store, the workers."""

from collections.abc import Callable
from datetime import timedelta

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils import timezone

from artifacts import errors, storage
from artifacts.models import PendingDeletion, Reconciliation, WorkerHeartbeat

WORKERS = "workers"
HEARTBEAT_INTERVAL = timedelta(seconds=30)
# Two workers that each read a big file are busy, not down.
HEARTBEAT_TIMEOUT = timedelta(minutes=3)
# In the cache while the last check is fresh.
CHECKED_KEY = "health-checked"
_CHECK_EVERY_SECONDS = 15
# Of apps above: by name, what gives a message, or "". An app adds its own once it is ready.
CHECKS: dict[str, Callable[[], str]] = {}


def parts() -> dict[str, str]:
    """A message for each part that is down, "" for one that is up. Checks now, for about a second at most."""
    parts = {
        "database": _check_database(),
        "store": _check_store(),
        "workers": _check_workers(),
        "cleanup": _check_cleanup(),
    }
    return parts | {name: check() for name, check in CHECKS.items()}


def problems() -> list[str]:
    """Messages about object store and workers, as they were not much more than 15 seconds ago.

    Of the requests of a process one checks, and the others do not wait for it.
    """
    if cache.add(CHECKED_KEY, True, _CHECK_EVERY_SECONDS):
        messages = [_check_store(), _check_workers(), *(check() for check in CHECKS.values())]
        cache.set("health", [message for message in messages if message], None)
    return cache.get("health", [])


def record_heartbeat(name: str = WORKERS) -> None:
    """Record that the workers of a queue are running: one of them calls this."""
    WorkerHeartbeat.objects.update_or_create(name=name, defaults={"last_seen_at": timezone.now()})


def check_heartbeat(name: str, workers: str, consequence: str) -> str:
    """A message where none of these workers has been heard of for a while."""
    try:
        heartbeat = WorkerHeartbeat.objects.filter(name=name).first()
    except DatabaseError:
        return f"The state of the {workers} is unknown."
    if heartbeat is None:
        return f"The {workers} have not started yet: {consequence}."
    age = timezone.now() - heartbeat.last_seen_at
    if age < HEARTBEAT_TIMEOUT:
        return ""
    return f"No heartbeat from the {workers} for {int(age.total_seconds() // 60)} min: {consequence}."


def _check_database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database does not respond."
    return ""


def _check_store() -> str:
    try:
        storage.ping()
    except errors.ClockSkew as refusal:
        return str(refusal)
    except errors.RegistryError:
        return "The object store does not respond: uploads and downloads are unavailable."
    return ""


def _check_cleanup() -> str:
    """What the store owes us: deletions that it did not carry out, and differences that were found in it."""
    try:
        failed = PendingDeletion.objects.failed().order_by("-failures").first()
        count = PendingDeletion.objects.failed().count()
        comparison = Reconciliation.objects.first()
    except DatabaseError:
        return "The state of the cleanup is unknown."
    messages = []
    if failed:
        messages.append(f"{count} deletions wait for the object store, tried {failed.failures} times at most.")
    if comparison and comparison.stray_count:
        messages.append(f"{comparison.stray_count} objects in the store belong to nothing: see `manage.py reconcile`.")
    if comparison and comparison.missing_count:
        messages.append(f"The bytes of {comparison.missing_count} objects are missing: see `manage.py reconcile`.")
    return " ".join(messages)


def _check_workers() -> str:
    return check_heartbeat(WORKERS, "workers", "hashing, verification and cleanup are delayed")
