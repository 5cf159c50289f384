"""Health of what this server depends on: the database, the object store, the workers."""

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


def parts() -> dict[str, str]:
    """A message for each part that is down, "" for one that is up. Checks now, for about a second at most."""
    return {
        "database": _check_database(),
        "store": _check_store(),
        "workers": _check_workers(),
        "cleanup": _check_cleanup(),
    }


def problems() -> list[str]:
    """Messages about object store and workers, as they were not much more than 15 seconds ago.

    Of the requests of a process one checks, and the others do not wait for it.
    """
    if cache.add(CHECKED_KEY, True, _CHECK_EVERY_SECONDS):
        cache.set("health", [message for message in (_check_store(), _check_workers()) if message], None)
    return cache.get("health", [])


def record_heartbeat() -> None:
    """Record that the workers are running: one of them calls this."""
    WorkerHeartbeat.objects.update_or_create(name=WORKERS, defaults={"last_seen_at": timezone.now()})


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
    try:
        heartbeat = WorkerHeartbeat.objects.filter(name=WORKERS).first()
    except DatabaseError:
        return "The state of the workers is unknown."
    if heartbeat is None:
        return "The workers have not started yet: hashing, verification and cleanup are delayed."
    age = timezone.now() - heartbeat.last_seen_at
    if age < HEARTBEAT_TIMEOUT:
        return ""
    minutes = int(age.total_seconds() // 60)
    return f"No heartbeat from the workers for {minutes} min: hashing, verification and cleanup are delayed."
