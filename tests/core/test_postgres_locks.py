"""Rows in PostgreSQL that somebody has locked for long: a few wait for them, and the others fail early."""

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing

import environ
import psycopg
import pytest
from django.db import OperationalError, transaction
from django.db.utils import ConnectionHandler

from core import database_errors, postgres_locks
from harness import servers

ONE = ("SELECT 1", [])
LOCK = "SELECT 1 FROM pg_database WHERE datname = %s FOR NO KEY UPDATE"


@pytest.fixture
def holder(monkeypatch) -> Iterator["psycopg.Connection"]:
    """Who has locked the row."""
    url = f"{servers.postgres()}/postgres"
    monkeypatch.setattr(postgres_locks, "SLOTS", 1)
    monkeypatch.setattr(postgres_locks, "EARLY", 0.1)
    monkeypatch.setattr(postgres_locks, "ATTEMPT_MILLISECONDS", 50)
    with closing(psycopg.connect(url)) as connection:
        connection.execute(LOCK, ["template1"])
        yield connection


@pytest.fixture
def lock_row(monkeypatch):
    """Lock the row as a request does; what the transaction says then."""
    connections = ConnectionHandler({"default": environ.Env.db_url_config(f"{servers.postgres()}/postgres")})
    monkeypatch.setattr(transaction, "get_connection", lambda using=None: connections["default"])

    def lock(name: str = "template1") -> str:
        connection = connections["default"]
        connection.ensure_connection()
        postgres_locks.limit_waits_of(connection)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                try:
                    cursor.execute(LOCK, [name])
                except OperationalError as error:
                    return database_errors.refusal(error).code
                [(timeout,)] = cursor.execute("SHOW lock_timeout").fetchall()
                return f"locked, then {timeout}"
        finally:
            connections.close_all()

    return lock


@pytest.mark.django_db(transaction=True)
def test_one_waits_and_the_others_fail_early(holder, lock_row):
    with ThreadPoolExecutor(6) as threads:
        wanting = {threads.submit(lock_row) for _ in range(6)}
        failed: set = set()
        while len(failed) < 5:
            done, wanting = wait(wanting, return_when=FIRST_COMPLETED)
            failed |= done
        assert {future.result() for future in failed} == {"DatabaseBusy"}
        # Who wants other rows notices nothing.
        assert lock_row("template0") == "locked, then 0"
        holder.rollback()
        assert [future.result() for future in wanting] == ["locked, then 0"]
    assert not postgres_locks._rows


@pytest.mark.django_db(transaction=True)
def test_while_the_lock_goes_from_one_to_the_next_everybody_waits(holder, lock_row, monkeypatch):
    class Released(postgres_locks.LockQueue):
        def _may_wait(self, waiter: object) -> bool:
            holder.rollback()
            return super()._may_wait(waiter)

    monkeypatch.setattr(postgres_locks, "SLOTS", 0)
    monkeypatch.setattr(postgres_locks, "EARLY", 60)
    monkeypatch.setattr(postgres_locks, "LockQueue", Released)
    # After an attempt that failed the transaction goes on, with the timeout that it had.
    assert lock_row() == "locked, then 0"


@pytest.fixture
def requests(monkeypatch) -> Iterator[ConnectionHandler]:
    """Connections as a web process has them, one a thread."""
    url = environ.Env.db_url_config(f"{servers.postgres()}/postgres")
    connections = ConnectionHandler({"default": url | {"ENGINE": "core.postgres"}})
    monkeypatch.setattr(transaction, "get_connection", lambda using=None: connections["default"])
    yield connections
    connections.close_all()


def lock_with_others(connections: ConnectionHandler) -> tuple[str, int]:
    """Lock the row and read something, as a move of an alias does: how it went, and in how many trips."""
    connection = connections["default"]
    connection.ensure_connection()
    postgres_locks.limit_waits_of(connection)
    trips: list[object] = []
    wait_once = connection.connection.wait

    def counted(generator, *args, **options):
        trips.append(generator)
        return wait_once(generator, *args, **options)

    connection.connection.wait = counted
    try:
        with transaction.atomic():
            # What psycopg does here is no trip.
            trips.clear()
            locked, one = connection.run((LOCK, ["template1"]), ONE)
            return f"{locked.fetchall()} {one.fetchall()}", len(trips)
    except OperationalError as error:
        return database_errors.refusal(error).code, len(trips)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_where_waits_are_limited_statements_are_sent_at_once_all_the_same(requests, holder, monkeypatch):
    holder.rollback()
    assert lock_with_others(requests) == ("[(1,)] [(1,)]", 1)
    # But where others wait for the rows already, they are asked for again and again, until that is for too long.
    holder.execute(LOCK, ["template1"])
    monkeypatch.setattr(postgres_locks, "SLOTS", 0)
    code, trips = lock_with_others(requests)
    assert code == "DatabaseBusy" and trips > 1
    assert not postgres_locks._rows
