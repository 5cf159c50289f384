"""Whoever waits for SQLite's lock gets it before those who came later, in whichever process they are."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import transaction
from django.db.utils import ConnectionHandler
from prometheus_client import REGISTRY

from core.sqlite import ticket
from core.sqlite.ticket import Ticket

HOLD = """
import sys
from core.sqlite.ticket import Ticket
with Ticket(sys.argv[1]) as held:
    print(held.wait(0), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path) -> str:
    return str(tmp_path / "db-queue")


@pytest.fixture
def connections(db, tmp_path) -> Iterator[ConnectionHandler]:
    options = {"transaction_mode": "IMMEDIATE", "timeout": 60}
    handler = ConnectionHandler({"default": {"ENGINE": "core.sqlite", "NAME": tmp_path / "db", "OPTIONS": options}})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "connections", handler)
        with handler["default"].cursor() as cursor:
            cursor.execute("CREATE TABLE words (word text)")
        yield handler
    handler.close_all()


def is_waited(path: str) -> bool:
    with Ticket(path) as last:
        return not last.wait(0)


def test_who_came_first_is_next(path):
    with Ticket(path) as second:
        with Ticket(path) as third:
            assert second.wait(0) and not third.wait(0)
        with Ticket(path) as fourth:
            assert not fourth.wait(0.01)
    with Ticket(path) as fifth:
        assert fifth.wait(0)


def test_a_process_that_is_killed_is_not_waited_for(path):
    command = [sys.executable, "-c", HOLD, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout.readline() == b"True\n"
        with Ticket(path) as second:
            assert not second.wait(0)
            os.kill(first.pid, signal.SIGKILL)
            assert second.wait(60)


def test_without_a_file_nobody_waits(tmp_path):
    with Ticket(tmp_path / "absent" / "db-queue") as first, Ticket(tmp_path / "absent" / "db-queue") as second:
        assert first.wait(0) and second.wait(0)


def test_without_locks_nobody_waits(path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    with Ticket(path) as first, Ticket(path) as second:
        assert first.wait(0) and second.wait(0)


def test_a_process_that_was_forked_meanwhile_keeps_nobody_waiting(path):
    with Ticket(path) as first:
        copy = os.dup(first._file)
    try:
        with Ticket(path) as second:
            assert second.wait(0)
    finally:
        os.close(copy)


def test_on_other_systems_nobody_waits(path, monkeypatch):
    monkeypatch.setattr(ticket, "_HAS_LOCKS", False)
    with Ticket(path) as first, Ticket(path) as second:
        assert first.wait(0) and second.wait(0)


@pytest.mark.parametrize("in_transaction", [False, True])
def test_between_two_transactions_of_one_writer_another_writes(connections, path, in_transaction):
    def write(word: str) -> None:
        with connections["default"].cursor() as cursor:
            cursor.execute("INSERT INTO words VALUES (%s)", [word])

    def write_between() -> None:
        if in_transaction:
            with transaction.atomic():
                write("between")
        else:
            write("between")
        connections["default"].close()

    waits = REGISTRY.get_sample_value("wanllmdb_sqlite_lock_wait_seconds_count")
    between = threading.Thread(target=write_between)
    with transaction.atomic():
        write("first")
        between.start()
        while not is_waited(path):
            time.sleep(0.01)
    with transaction.atomic():
        write("last")
    between.join()
    with connections["default"].cursor() as cursor:
        words = [word for (word,) in cursor.execute("SELECT word FROM words ORDER BY rowid")]
    assert words == ["first", "between", "last"]
    assert REGISTRY.get_sample_value("wanllmdb_sqlite_lock_wait_seconds_count") == waits + 3
