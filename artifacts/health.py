"""Whether what this server stands on can be reached: the database, the object store, the workers."""

from datetime import timedelta

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.utils import timezone

from artifacts import errors, storage
from artifacts.models import WorkerHeartbeat

WORKERS = "workers"
PULSE_EVERY = timedelta(seconds=30)
# Two workers that each read a big file back are busy, not away.
SILENCE = timedelta(minutes=3)
# In the cache while what is known is fresh.
ASKED = "health-asked"
_KNOWN_FOR_SECONDS = 15


def parts() -> dict[str, str]:
    """A sentence for each part that is away, "" for one that is there. Asks now, for about a second at most."""
    return {"database": _database(), "store": _store(), "workers": _workers()}


def problems() -> list[str]:
    """What people should know of store and workers, as they were not much more than 15 seconds ago.

    Of the requests of a process one asks, and the others do not wait for it.
    """
    if cache.add(ASKED, True, _KNOWN_FOR_SECONDS):
        cache.set("health", [sentence for sentence in (_store(), _workers()) if sentence], None)
    return cache.get("health", [])


def record_heartbeat() -> None:
    """The workers work: this is called by one."""
    WorkerHeartbeat.objects.update_or_create(name=WORKERS, defaults={"last_seen_at": timezone.now()})


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database does not respond."
    return ""


def _store() -> str:
    try:
        storage.ping()
    except errors.RegistryError:
        return "The object store does not respond: uploads and downloads are unavailable."
    return ""


def _workers() -> str:
    try:
        pulse = WorkerHeartbeat.objects.filter(name=WORKERS).first()
    except DatabaseError:
        return "The state of the workers is unknown."
    if pulse is None:
        return "The workers have not started yet: hashing, verification and cleanup are delayed."
    silence = timezone.now() - pulse.last_seen_at
    if silence < SILENCE:
        return ""
    minutes = int(silence.total_seconds() // 60)
    return f"No heartbeat from the workers for {minutes} min: hashing, verification and cleanup are delayed."
