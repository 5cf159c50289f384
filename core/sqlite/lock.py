"""How connections wait for SQLite's lock, which one writer has at a time, of all processes: in the order they came.

SQLite keeps no queue. Whoever waits asks again and again, and may find the lock taken each time, for many seconds,
where two others take turns. So all wait by tickets, and only who is next asks SQLite.

In a web process only a few threads go on to wait where somebody holds the lock for long, and the others fail early: the
threads that they would take are for people who read.
"""

import math
from collections.abc import Callable
from itertools import count
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from core import database_errors
from core.metrics import SQLITE_LOCK_WAITS
from core.sqlite.lock_queue import LockQueue
from core.sqlite.ticket import Ticket

# For how long one attempt waits in SQLite, in milliseconds: it asks after 1, 2, 5 and 10 of them.
ATTEMPT_MILLISECONDS = 20
# What SQLite waits for where a connection says nothing else, in seconds.
_DEFAULT_TIMEOUT = 5.0
# Statements that need no lock.
_READS = ("SELECT", "PRAGMA", "EXPLAIN")

_queue = LockQueue(slots=0, early=math.inf)


def limit_waits() -> None:
    """Let few threads of this process wait for long. The front sends 32 requests at once, to two such processes."""
    global _queue
    _queue = LockQueue(slots=4, early=1.0)


def wait_in_order(connection: BaseDatabaseWrapper) -> None:
    """Let this connection wait as said above, for its `timeout` at most; with a timeout of 0 it does not wait."""
    if not _timeout(connection):
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {ATTEMPT_MILLISECONDS:d}")
    # Of one thread; it was connected before, most likely.
    if _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)


def _timeout(connection: BaseDatabaseWrapper) -> float:
    return connection.settings_dict["OPTIONS"].get("timeout", _DEFAULT_TIMEOUT)


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

    patience = _timeout(connection)
    if sql.startswith(_READS) or connection.is_in_memory_db():
        return _queue.run(attempt, patience)
    # Those that fail count too: they have waited longest.
    with SQLITE_LOCK_WAITS.time(), Ticket(f"{connection.settings_dict['NAME']}-queue") as ticket:
        result = _queue.run(attempt, patience, ticket)
    _queue.record_success()
    return result
