"""How a web process waits for SQLite's lock, which one writer has at a time, of all processes.

As long as the lock goes from one to the next, every writer waits for it. Where somebody holds it for long, the first
few go on to wait, and the others fail early: the threads that they would take are for people who read.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from core import database_errors
from core.sqlite.lock_queue import LockQueue

# For how long one attempt waits in SQLite, in milliseconds.
ATTEMPT_MILLISECONDS = 100
# Statements that need no lock.
_READS = ("SELECT", "PRAGMA", "EXPLAIN")


# The front sends 32 requests at once that may write, to two such processes.
_queue = LockQueue(slots=4, patience=5.0, early=1.0)


def limit_waits() -> None:
    """Let new connections of this process wait as said above, where they are to SQLite."""
    connection_created.connect(limit_waits_of, dispatch_uid="sqlite-lock")


def limit_waits_of(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {ATTEMPT_MILLISECONDS:d}")
    # Of one thread; it was connected before, most likely.
    if _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)


def _execute(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """A transaction takes the lock as it begins, and has it. Outside of one, each statement takes it for itself."""
    connection, cursor = context["connection"], context["cursor"]
    if connection.in_atomic_block or not database_errors.may_wait.get():
        return execute(sql, params, many, context)
    attempts = count()

    def attempt() -> Any:
        # Where an attempt failed, its cursor is closed.
        if next(attempts):
            cursor.cursor = connection.create_cursor()
        return execute(sql, params, many, context)

    result = _queue.run(attempt)
    if not sql.startswith(_READS):
        _queue.record_success()
    return result
