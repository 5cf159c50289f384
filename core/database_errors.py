"""What the database says that is nobody's mistake: it is busy, full or away. Each is a 503 with its sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction

from core import errors

_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
# PostgreSQL's: a lock that was not available, a statement that took too long, a deadlock, a failed serialization.
_POSTGRES_BUSY = {"55P03", "57014", "40P01", "40001"}
_POSTGRES_FULL = "53100"
# Too many connections or too little memory; a connection that failed; a server that stops or starts.
_POSTGRES_AWAY = ("53", "08", "57P")
# False where a write has to fail at once.
may_wait: ContextVar[bool] = ContextVar("may_wait", default=True)


def refusal(error: BaseException) -> errors.Unavailable | None:
    """The error for people, or None where this one is a mistake of ours."""
    if not isinstance(error, (DatabaseError, InterfaceError)):
        return None
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        # The lowest byte is the kind; the others say where it happened.
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in _SQLITE_BUSY:
            return _busy()
        return _full() if code in _SQLITE_FULL else None
    state = getattr(cause, "sqlstate", None)
    if state in _POSTGRES_BUSY:
        return _busy()
    if state == _POSTGRES_FULL:
        return _full()
    if state is None:
        # Without a state it is the driver that speaks, of a connection that is gone or was never made.
        return _away() if isinstance(error, (OperationalError, InterfaceError)) else None
    return _away() if state.startswith(_POSTGRES_AWAY) else None


def is_busy(error: BaseException) -> bool:
    """Whether another change holds the lock, or the statement took too long."""
    return isinstance(refusal(error), errors.DatabaseBusy)


@contextmanager
def without_waiting() -> Iterator[None]:
    """A transaction in which a write fails at once where another connection holds the lock that it needs."""
    if connection.vendor == "sqlite":
        with _at_once(), transaction.atomic():
            yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            # In milliseconds; 0 would mean for ever.
            cursor.execute("SET LOCAL lock_timeout = 1")
        yield


@contextmanager
def _at_once() -> Iterator[None]:
    with connection.cursor() as cursor:
        [before] = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout = 0")
    token = may_wait.set(False)
    try:
        yield
    finally:
        may_wait.reset(token)
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {before:d}")


def _busy() -> errors.DatabaseBusy:
    return errors.DatabaseBusy("The database is busy with other changes. Nothing was changed: try again in a moment.")


def _full() -> errors.DatabaseFull:
    return errors.DatabaseFull(
        "The disk of the database is full. Nothing was changed, and what is there can be read: "
        "an operator of this server has to free space."
    )


def _away() -> errors.DatabaseUnavailable:
    return errors.DatabaseUnavailable("The database does not respond. Nothing was changed: try again in a moment.")
