"""How a web process waits for rows that others have locked in PostgreSQL.

Where many want the same rows, the first few wait for as long as the server lets them (`lock_timeout`). The others ask
again and again, and fail early where nobody gets the rows: the threads that they would take are for everybody else.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from core.lock_queue import LockQueue

# Of those who want the same rows, and of all.
SLOTS, ALL_SLOTS = 4, 16
# In seconds: `lock_timeout`; without anybody having got the rows; and for one attempt, in milliseconds.
PATIENCE, EARLY, ATTEMPT_MILLISECONDS = 5.0, 1.0, 500

_LOCKING = ("FOR NO KEY UPDATE", "FOR UPDATE")


class _Rows:
    """Those who want the same rows: how many, how many of them wait in the server, and the queue of the others."""

    def __init__(self) -> None:
        self.count = self.waiting = 0
        self.queue = LockQueue(slots=0, patience=PATIENCE, early=EARLY)


_lock = Lock()
_rows: dict[str, _Rows] = {}


def limit_waits() -> None:
    """Let new connections of this process wait as said above, where they are to PostgreSQL."""
    connection_created.connect(limit_waits_of, dispatch_uid="postgres-locks")


def limit_waits_of(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if connection.vendor == "postgresql" and _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)


def _execute(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    if not (sql.startswith("SELECT") and any(lock in sql for lock in _LOCKING)):
        return execute(sql, params, many, context)

    def attempt() -> Any:
        # A transaction in which a statement fails cannot go on, but from a savepoint.
        with transaction.atomic(using=context["connection"].alias), context["connection"].cursor() as settings:
            settings.execute(f"SET LOCAL lock_timeout = {ATTEMPT_MILLISECONDS:d}")
            result = execute(sql, params, many, context)
            settings.execute("SET LOCAL lock_timeout TO DEFAULT")
        return result

    with _wanted(f"{sql} {params}") as (rows, may_wait):
        result = execute(sql, params, many, context) if may_wait else rows.queue.run(attempt)
        rows.queue.record_success()
    return result


@contextmanager
def _wanted(key: str) -> Iterator[tuple[_Rows, bool]]:
    """The rows that a statement locks, and whether it may wait in the server."""
    with _lock:
        rows = _rows.setdefault(key, _Rows())
        may_wait = rows.waiting < SLOTS and sum(other.waiting for other in _rows.values()) < ALL_SLOTS
        rows.count += 1
        rows.waiting += may_wait
    try:
        yield rows, may_wait
    finally:
        with _lock:
            rows.count -= 1
            rows.waiting -= may_wait
            if not rows.count:
                del _rows[key]
