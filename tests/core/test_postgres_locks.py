"""A lock in PostgreSQL that somebody holds for long: a few wait for it, and the others fail early."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from queue import Queue
from threading import Semaphore
from uuid import uuid4

import environ
import psycopg
import pytest
from django.db import OperationalError, transaction
from django.db.utils import ConnectionHandler

from core import database_errors, postgres_locks
from core.postgres_locks import SLOTS, LockWatch
from harness import servers

COUNT = SLOTS + 2
# What the one who holds the lock has done, and what others want.
LOCKS = {
    "an updated row": ("UPDATE {} SET value = 1 WHERE id = 1", "UPDATE {} SET value = 2 WHERE id = 1"),
    "a locked row": ("SELECT 1 FROM {} WHERE id = 1 FOR UPDATE", "SELECT 1 FROM {} WHERE id = 1 FOR NO KEY UPDATE"),
    "a deleted row": ("DELETE FROM {} WHERE id = 1", "DELETE FROM {} WHERE id = 1"),
    "a unique value": ("INSERT INTO {} VALUES (2, 0)", "INSERT INTO {} VALUES (2, 0) ON CONFLICT DO NOTHING"),
    "a table": ("LOCK TABLE {} IN EXCLUSIVE MODE", "UPDATE {} SET value = 2 WHERE id = 1"),
    "a table that nobody may read": ("LOCK TABLE {}", "SELECT value FROM {}"),
}


@pytest.fixture
def table(monkeypatch) -> Iterator[str]:
    name = f"locked_{uuid4().hex}"
    monkeypatch.setattr(postgres_locks, "QUICK_SECONDS", 0)
    with psycopg.connect(f"{servers.postgres()}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, value int)")
        connection.execute(f"INSERT INTO {name} VALUES (1, 0)")
        yield name
        connection.execute(f"DROP TABLE {name}")


@pytest.fixture
def holder(table) -> Iterator["psycopg.Connection"]:
    with closing(psycopg.connect(f"{servers.postgres()}/postgres")) as connection:
        yield connection


@pytest.fixture
def connections(monkeypatch) -> Iterator[ConnectionHandler]:
    """Connections as a web process has them, one a thread."""
    url = environ.Env.db_url_config(f"{servers.postgres()}/postgres")
    connections = ConnectionHandler({"default": url | {"ENGINE": "core.postgres"}})
    monkeypatch.setattr(transaction, "get_connection", lambda using=None: connections["default"])
    yield connections
    connections.close_all()


@pytest.fixture
def watch() -> LockWatch:
    return LockWatch()


@pytest.fixture
def run(connections, watch) -> Callable[..., str]:
    """Run a statement in a transaction, as a request does; what its answer is. `hold` is called before COMMIT."""

    def run(sql: str, hold: Callable[[], object] = lambda: None) -> str:
        connection = connections["default"]
        connection.ensure_connection()
        watch.add(connection)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
                hold()
            return "done"
        except OperationalError as error:
            return database_errors.refusal(error).code
        finally:
            connection.close()

    return run


def look_until(holds: Callable[[], bool], watch: LockWatch, connections: ConnectionHandler) -> None:
    while not holds():
        watch.look(connections["default"])
        time.sleep(0.05)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", LOCKS)
def test_a_few_wait_and_the_others_fail_early(kind, table, holder, watch, connections, run):
    held, wanted = (sql.format(table) for sql in LOCKS[kind])
    holder.execute(held)
    with ThreadPoolExecutor(COUNT) as threads:
        waiting: list[Future[str]] = [threads.submit(run, wanted) for _ in range(COUNT)]
        look_until(lambda: sum(future.done() for future in waiting) == COUNT - SLOTS, watch, connections)
        for _ in range(3):
            watch.look(connections["default"])
        assert [future.result() for future in waiting if future.done()] == ["DatabaseBusy"] * (COUNT - SLOTS)
        # Who wants something else notices nothing.
        assert run("SELECT 1") == "done"
        holder.rollback()
        assert sorted(future.result() for future in waiting) == ["DatabaseBusy"] * 2 + ["done"] * SLOTS
    assert not watch._running


@pytest.mark.django_db(transaction=True)
def test_while_the_lock_goes_from_one_to_the_next_everybody_waits(table, holder, watch, connections, run):
    has_lock: Queue[int] = Queue()
    may_go = Semaphore(0)

    def hold() -> None:
        has_lock.put(1)
        may_go.acquire()

    update = f"UPDATE {table} SET value = value + 1 WHERE id = 1"
    holder.execute(update)
    with ThreadPoolExecutor(COUNT) as threads:
        waiting = [threads.submit(run, update, hold) for _ in range(COUNT)]
        look_until(lambda: len(watch._running) == COUNT and bool(watch._holders), watch, connections)
        holder.commit()
        for _ in waiting:
            has_lock.get()
            watch.look(connections["default"])
            may_go.release()
        assert [future.result() for future in waiting] == ["done"] * COUNT
    assert holder.execute(f"SELECT value FROM {table}").fetchall() == [(COUNT + 1,)]


@pytest.mark.django_db(transaction=True)
def test_nobody_is_asked_while_nobody_waits(table, watch, connections, run):
    assert run(f"UPDATE {table} SET value = 2 WHERE id = 1") == "done"
    watch.look(connections["default"])
    assert connections["default"].connection is None


@pytest.mark.django_db(transaction=True)
def test_statements_are_sent_at_once_all_the_same(table, watch, connections):
    connection = connections["default"]
    connection.ensure_connection()
    watch.add(connection)
    trips: list[object] = []
    wait = connection.connection.wait

    def counted(generator, *args, **options):
        trips.append(generator)
        return wait(generator, *args, **options)

    connection.connection.wait = counted
    with transaction.atomic():
        # What psycopg does here is no trip.
        trips.clear()
        locked, one = connection.run((f"SELECT id FROM {table} FOR NO KEY UPDATE", []), ("SELECT 1", []))
        assert (locked.fetchall(), one.fetchall(), len(trips)) == ([(1,)], [(1,)], 1)
