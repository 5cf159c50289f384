"""Health of what this server depends on: the database, the object store, the workers."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Thread

from django.core.cache import cache
from django.db import DatabaseError, close_old_connections, connection
from django.utils import timezone

from artifacts import errors, storage
from artifacts.models import PendingDeletion, Reconciliation, WorkerHeartbeat

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


def check_workers(name: str, worker: str, queue: str, consequence: str) -> str:
    """A message where no worker of the queue is running, or none gets work done; `worker` is what one is called."""
    try:
        seen = dict(WorkerHeartbeat.objects.values_list("name", "last_seen_at"))
    except DatabaseError:
        return f"The state of the {worker}s is unknown."
    if name not in seen:
        return f"The {worker}s have not started yet: {consequence}."
    now = timezone.now()
    if _is_missing(seen, queue_name(queue), now):
        return f"No {worker} is running: {consequence}."
    age = now - seen[name]
    if age < HEARTBEAT_TIMEOUT:
        return ""
    return f"No heartbeat from the {worker}s for {int(age.total_seconds() // 60)} min: {consequence}."


def _is_missing(seen: dict[str, datetime], process: str, now: datetime) -> bool:
    return process not in seen or now - seen[process] >= PROCESS_HEARTBEAT_TIMEOUT


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
        messages.append(f"{count} deletions are waiting for the object store, tried {failed.failures} times at most.")
    if comparison and comparison.stray_count:
        messages.append(f"{comparison.stray_count} objects in the store are not referenced: see `manage.py reconcile`.")
    if comparison and comparison.missing_count:
        messages.append(f"The bytes of {comparison.missing_count} objects are missing: see `manage.py reconcile`.")
    return " ".join(messages)


def _check_workers() -> str:
    problem = check_workers(WORKERS, "worker", "celery", "hashing, verification and cleanup are delayed")
    return problem or _check_beat()


def _check_beat() -> str:
    try:
        seen = dict(WorkerHeartbeat.objects.filter(name=BEAT).values_list("name", "last_seen_at"))
    except DatabaseError:
        return ""
    if not _is_missing(seen, BEAT, timezone.now()):
        return ""
    return "The scheduler (beat) is not running: retries and cleanup are delayed."
