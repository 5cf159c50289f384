"""How a web process waits for what others have locked in PostgreSQL: rows or tables, whatever the statement.

As long as a lock goes from one to the next, everybody waits for it. Where one transaction holds it for long, the first
few go on to wait, for as long as the server lets them (`lock_timeout`), and the statements of the others are cancelled:
the threads that they would take are for everybody else.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Lock, Thread
from typing import Any, NamedTuple

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

# How many of a process go on to wait.
SLOTS = 4
# A transaction that holds a lock at two looks holds it for long.
LOOK_SECONDS = 0.5
# What takes less is not looked at.
QUICK_SECONDS = 0.25

# Who waits for whom is asked of those who wait alone: the answer takes all locks of the server's table of locks. Of the
# transactions of other roles the times are not told.
_SESSIONS = """
SELECT pid, xact_start,
    CASE WHEN wait_event_type = 'Lock' THEN pg_blocking_pids(pid) ELSE '{}' END
FROM pg_stat_activity WHERE datname = current_database() ORDER BY query_start
"""
_CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = ANY(%s) AND wait_event_type = 'Lock'"


class _Session(NamedTuple):
    """A connection, as the server has it: its process, when its transaction began, and whom it waits for."""

    pid: int
    began_at: datetime | None
    blocked_by: list[int]


class LockWatch:
    """The statements of this process that wait for their answers, and who holds a lock that others wait for."""

    def __init__(self) -> None:
        # By the server's process, since when.
        self._running: dict[int, float] = {}
        self._holders: set[tuple[int, datetime | None]] = set()

    def add(self, connection: BaseDatabaseWrapper) -> None:
        """Watch the statements of this connection. psycopg waits for the answers to all of them by `wait`."""
        driver = connection.connection
        pid, wait = driver.pgconn.backend_pid, driver.wait

        def watched(*args: Any, **options: Any) -> Any:
            self._running[pid] = time.monotonic()
            try:
                return wait(*args, **options)
            finally:
                self._running.pop(pid, None)

        driver.wait = watched

    def run(self, connection: BaseDatabaseWrapper) -> None:
        """Look for ever, by a connection that is open only while there is something to see."""
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                self.look(connection)
            except Error:
                # The database is away. Whoever waits for it learns so.
                connection.close()

    def look(self, connection: BaseDatabaseWrapper) -> None:
        """Cancel what waits for long, but for the first few."""
        since = time.monotonic() - QUICK_SECONDS
        slow = {pid for pid, began_at in self._running.copy().items() if began_at <= since}
        if len(slow) <= SLOTS:
            self._holders.clear()
            connection.close()
            return
        with connection.cursor() as cursor:
            cursor.execute(_SESSIONS)
            sessions = {row[0]: _Session(*row) for row in cursor.fetchall()}
            before, self._holders = self._holders, set()
            stalled = []
            for session in sessions.values():
                holders = {(holder.pid, holder.began_at) for holder in _holders(session, sessions)}
                self._holders |= holders
                if session.pid in slow and holders & before:
                    stalled.append(session.pid)
            if stalled[SLOTS:]:
                cursor.execute(_CANCEL, [stalled[SLOTS:]])


def _holders(session: _Session, sessions: dict[int, _Session]) -> Iterable[_Session]:
    """Who holds what the session waits for: of those in the queue before it, the ones who wait for nobody."""
    pending, seen = list(session.blocked_by), {session.pid}
    while pending:
        pid = pending.pop()
        if pid in seen or pid not in sessions:
            continue
        seen.add(pid)
        pending += sessions[pid].blocked_by
        if not sessions[pid].blocked_by:
            yield sessions[pid]


_watch = LockWatch()
_starting = Lock()
_thread: Thread | None = None


def limit_waits() -> None:
    """Let new connections of this process wait as said above, where they are to PostgreSQL."""
    connection_created.connect(limit_waits_of, dispatch_uid="postgres-locks")


def limit_waits_of(connection: BaseDatabaseWrapper, **_: Any) -> None:
    global _thread
    if connection.vendor != "postgresql":
        return
    _watch.add(connection)
    with _starting:
        if _thread is None:
            _thread = Thread(target=_run, args=[connection.copy], name="postgres-locks", daemon=True)
            _thread.start()


def _run(connect: Callable[[], BaseDatabaseWrapper]) -> None:
    """A connection belongs to the thread in which it is made."""
    _watch.run(connect())
