"""Health of what this server depends on: the database, the object store, the workers."""

import logging
import time
from datetime import timedelta
from threading import Thread

from django.core.cache import cache
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from artifacts import errors, storage
from artifacts.models import WorkerHeartbeat

_logger = logging.getLogger(__name__)
# Recorded by a task, which came through the broker and got a thread.
WORKERS = "workers"
HEARTBEAT_INTERVAL = timedelta(seconds=30)
# Two workers that each read a big file are busy, not down.
HEARTBEAT_TIMEOUT = timedelta(minutes=3)
# Recorded by each process for itself, however busy it is: one that was killed is missed within seconds.
PROCESS_HEARTBEAT_INTERVAL = timedelta(seconds=5)
PROCESS_HEARTBEAT_TIMEOUT = timedelta(seconds=20)
BEAT = "beat"
_PROCESSES = {
    "queue celery": "No worker is running: hashing, verification and cleanup are delayed.",
    BEAT: "The scheduler (beat) is not running: retries and cleanup are delayed.",
}
# In the cache while the last check is fresh.
CHECKED_KEY = "health-checked"
_CHECK_EVERY_SECONDS = 15


def parts() -> dict[str, str]:
    """A message for each part that is down, "" for one that is up. Checks now, for about a second at most."""
    return {"database": _check_database(), "store": _check_store(), "workers": _check_workers()}


def problems() -> list[str]:
    """Messages about object store and workers, as they were not much more than 15 seconds ago.

    Of the requests of a process one checks, and the others do not wait for it.
    """
    if cache.add(CHECKED_KEY, True, _CHECK_EVERY_SECONDS):
        cache.set("health", [message for message in (_check_store(), _check_workers()) if message], None)
    return cache.get("health", [])


def record_heartbeat(name: str = WORKERS) -> None:
    """Record that `name` is running."""
    WorkerHeartbeat.objects.update_or_create(name=name, defaults={"last_seen_at": timezone.now()})


def record_process_heartbeats(*names: str) -> None:
    """Record heartbeats of this process for as long as it lives. A worker is named by each queue that it takes from."""
    Thread(target=_keep_recording, args=(names,), name="heartbeat", daemon=True).start()


def queue_name(queue: str) -> str:
    return f"queue {queue}"


def _keep_recording(names: tuple[str, ...]) -> None:
    while True:
        try:
            for name in names:
                record_heartbeat(name)
        except DatabaseError as error:
            _logger.warning("The heartbeat was not recorded: %s", error)
        close_old_connections()
        time.sleep(PROCESS_HEARTBEAT_INTERVAL.total_seconds())


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
    except errors.RegistryError:
        return "The object store does not respond: uploads and downloads are unavailable."
    return ""


def _check_workers() -> str:
    try:
        seen = dict(WorkerHeartbeat.objects.values_list("name", "last_seen_at"))
    except DatabaseError:
        return "The state of the workers is unknown."
    if WORKERS not in seen:
        return "The workers have not started yet: hashing, verification and cleanup are delayed."
    now = timezone.now()
    oldest = now - PROCESS_HEARTBEAT_TIMEOUT
    missing = [message for name, message in _PROCESSES.items() if seen.get(name, oldest) <= oldest]
    if missing:
        return " ".join(missing)
    age = now - seen[WORKERS]
    if age < HEARTBEAT_TIMEOUT:
        return ""
    minutes = int(age.total_seconds() // 60)
    return f"No heartbeat from the workers for {minutes} min: hashing, verification and cleanup are delayed."
