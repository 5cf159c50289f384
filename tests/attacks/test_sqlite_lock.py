"""Somebody holds SQLite's lock for long: a few writers wait for it, others say so early, and readers notice nothing."""

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.db import OperationalError

from core import database_errors, sqlite_lock
from core.sqlite_lock import LockQueue
from harness import servers
from tests.e2e.conftest import wait_until


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
    return LockQueue(slots=1, patience=5, early=3, clock=lock.clock)


def outcome(queue: LockQueue, lock: Lock) -> tuple[str, int]:
    """What came of a write, and of how many attempts, its own and those meanwhile."""
    before = lock.attempts
    try:
        return queue.run(lock.attempt), lock.attempts - before
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
        queue.run(fail)
    assert not queue._waiting


def test_a_locked_database_gives_every_writer_an_answer_and_readers_their_page():
    stack = servers.stack()
    stack.start()
    key = stack.key("bob")

    def call(method: str, body: dict[str, object] | None = None) -> tuple[int, str, str]:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{stack.base_url}/api/v1/projects", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, "", ""
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, json.load(refusal)["code"], refusal.headers["Retry-After"]

    with ThreadPoolExecutor(140) as threads, closing(sqlite3.connect(stack.var / "db.sqlite3")) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        writes = [threads.submit(call, "POST", {"team": "acme", "name": f"locked-{n}"}) for n in range(120)]
        # All but the few that wait.
        wait_until(lambda: sum(write.done() for write in writes) > 100, 120)
        reads = [threads.submit(call, "GET") for _ in range(20)]
        assert {read.result() for read in reads} == {(200, "", "")}
        assert {write.result() for write in writes} == {(503, "DatabaseBusy", "5")}
        other.execute("ROLLBACK")
        assert call("POST", {"team": "acme", "name": "locked"})[0] == 201


def test_what_must_not_wait_does_not():
    """The use of an API key is recorded only where nobody has to wait for it."""
    token = database_errors.may_wait.set(False)
    try:
        attempts = []
        sqlite_lock._execute(lambda *_: attempts.append(1), "BEGIN IMMEDIATE", None, False, {"connection": Outside()})
        assert attempts == [1]
    finally:
        database_errors.may_wait.reset(token)


class Outside:
    in_atomic_block = False
