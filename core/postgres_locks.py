"""How a web process waits for rows that others have locked in PostgreSQL.

Where many want the same rows, the first few wait for as long as the server lets them (`lock_timeout`). The others ask
again and again, and fail early where nobody gets the rows: the threads that they would take are for everybody else.
"""

from collections.abc import Callable, Iterator, Sequence
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
    if connection.vendor == "postgresql" and limit_wait not in connection.execute_wrappers:
        connection.execute_wrappers.append(limit_wait)


@contextmanager
def turn(connection: BaseDatabaseWrapper, statements: Sequence[tuple[str, Sequence[Any]]]) -> Iterator[bool]:
    """Whether statements that are sent at once may wait in the server, if one of them locks rows. Else one by one."""
    locking = next((statement for statement in statements if _is_locking(statement[0])), None)
    if locking is None or limit_wait not in connection.execute_wrappers:
        yield True
        return
    with _waiting(_key(*locking)) as (rows, may_wait):
        yield may_wait
        if may_wait:
            rows.queue.record_success()


def limit_wait(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """The wrapper of a connection's statements that lets one that locks rows wait as said above."""
    if not _is_locking(sql):
        return execute(sql, params, many, context)

    def attempt() -> Any:
        # A transaction in which a statement fails cannot go on, but from a savepoint.
        with transaction.atomic(using=context["connection"].alias), context["connection"].cursor() as settings:
            settings.execute(f"SET LOCAL lock_timeout = {ATTEMPT_MILLISECONDS:d}")
            result = execute(sql, params, many, context)
            settings.execute("SET LOCAL lock_timeout TO DEFAULT")
        return result

    with _waiting(_key(sql, params)) as (rows, may_wait):
        result = execute(sql, params, many, context) if may_wait else rows.queue.run(attempt)
        rows.queue.record_success()
    return result


def _is_locking(sql: str) -> bool:
    return sql.startswith("SELECT") and any(lock in sql for lock in _LOCKING)


def _key(sql: str, params: Any) -> str:
    """The rows that it locks: the same for statements that are sent alone and with others."""
    return f"{sql} {list(params or ())}"


@contextmanager
def _waiting(key: str) -> Iterator[tuple[_Rows, bool]]:
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
