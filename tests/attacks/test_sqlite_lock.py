"""Somebody holds SQLite's lock for long: a few writers wait for it, others say so early, and readers notice nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext

import pytest
from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

from core import database_errors
from core.sqlite import lock as sqlite_lock
from core.sqlite.lock import LockQueue


class Lock:
    """Held by somebody else. Each attempt to get it takes a second, of which `during` can make use."""

    def __init__(self) -> None:
        self.now = 0.0
        self.is_free = False
        self.attempts = 0
        self.during: list[Callable[[], None]] = []

    def attempt(self) -> str:
        self.attempts += 1
        self.now += 1
        if self.during:
            self.during.pop(0)()
        if self.is_free:
            return "written"
        error = OperationalError("database is locked")
        error.__cause__ = sqlite3.OperationalError()
        error.__cause__.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    def become_free(self) -> None:
        self.is_free = True

    def clock(self) -> float:
        return self.now


@pytest.fixture
def lock() -> Lock:
    return Lock()


@pytest.fixture
def queue(lock) -> LockQueue:
    return LockQueue(slots=1, early=3, clock=lock.clock)


def outcome(queue: LockQueue, lock: Lock) -> tuple[str, int]:
    """What came of a write, and of how many attempts, its own and those meanwhile."""
    before = lock.attempts
    try:
        return queue.run(lock.attempt, patience=5), lock.attempts - before
    except OperationalError as error:
        assert database_errors.is_busy(error)
        return "busy", lock.attempts - before


def test_the_first_waits_as_long_as_it_has_patience(queue, lock):
    assert outcome(queue, lock) == ("busy", 6)


def test_the_lock_that_comes_in_time_is_taken(queue, lock):
    lock.during = [lambda: None, lambda: None, lock.become_free]
    assert outcome(queue, lock) == ("written", 3)


def test_others_fail_early_while_the_lock_is_held(queue, lock):
    seen = []
    # The first has a slot, and waits. Meanwhile the second comes, and a little later the third.
    lock.during = [
        lambda: None,
        lambda: seen.append(outcome(queue, lock)),
        lambda: None,
        lambda: None,
        lambda: seen.append(outcome(queue, lock)),
    ]
    assert outcome(queue, lock)[0] == "busy"
    assert seen == [("busy", 2), ("busy", 1)]


def test_others_wait_while_the_lock_goes_round(queue, lock):
    seen = []
    rounds = [queue.record_success] * 3
    lock.during = [
        lambda: None,
        lambda: seen.append(outcome(queue, lock)),
        *rounds,
        lambda: setattr(lock, "is_free", 1),
    ]
    assert outcome(queue, lock)[0] == "written"
    assert seen == [("written", 4)]


def test_other_errors_are_not_waited_for(queue):
    def fail() -> None:
        raise OperationalError("no such table: x")

    with pytest.raises(OperationalError):
        queue.run(fail, patience=5)
    assert not queue._waiting


@pytest.fixture
def connection(tmp_path, db) -> Iterator[BaseDatabaseWrapper]:
    """To a database of its own, which it waits for as long as a web process does."""
    options = {"transaction_mode": "IMMEDIATE", "timeout": 60}
    database = {"ENGINE": "core.sqlite", "NAME": tmp_path / "db", "OPTIONS": options}
    connections = ConnectionHandler({"default": database})
    connection = connections["default"]
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("CREATE TABLE words (word text)")
    yield connection
    connections.close_all()


@pytest.mark.parametrize("in_transaction", [False, True])
def test_a_writer_waits_until_the_lock_is_free(connection, monkeypatch, in_transaction):
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        class Queue(LockQueue):
            def _may_wait(self, waiter: object, patience: float) -> bool:
                other.execute("ROLLBACK")
                return super()._may_wait(waiter, patience)

        monkeypatch.setattr(sqlite_lock, "_queue", Queue(slots=1, early=60))
        with monkeypatch.context() as patch:
            patch.setattr(transaction, "get_connection", lambda using=None: connection)
            with transaction.atomic() if in_transaction else nullcontext(), connection.cursor() as cursor:
                cursor.execute("INSERT INTO words VALUES (%s)", ["one"])
                assert cursor.execute("SELECT word FROM words").fetchall() == [("one",)]


def test_what_must_not_wait_does_not(connection, monkeypatch):
    """The use of an API key is recorded only where nobody has to wait for it."""
    monkeypatch.setattr(sqlite_lock, "_queue", None)
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        token = database_errors.may_wait.set(False)
        try:
            with pytest.raises(OperationalError, match="locked"), connection.cursor() as cursor:
                cursor.execute("INSERT INTO words VALUES (%s)", ["one"])
        finally:
            database_errors.may_wait.reset(token)
