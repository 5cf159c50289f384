"""The backend for SQLite, on a database of its own, whatever the other tests use."""

import traceback
from pathlib import Path

import pytest
from django.db import OperationalError, transaction
from django.db.backends.sqlite3.base import Database
from django.db.utils import ConnectionHandler

from core.sqlite.base import Cursor

pytestmark = pytest.mark.django_db


@pytest.fixture
def connections(tmp_path: Path) -> ConnectionHandler:
    """Two connections to one database; neither waits for the other."""
    options = {"transaction_mode": "IMMEDIATE", "timeout": 0}
    database = {"ENGINE": "core.sqlite", "NAME": tmp_path / "db.sqlite3", "OPTIONS": options}
    handler = ConnectionHandler({"default": database, "other": database})
    yield handler
    handler.close_all()


def test_a_refused_transaction_leaves_no_open_cursor(connections, monkeypatch):
    """The garbage collector of another thread would wait for this connection to free it."""
    monkeypatch.setattr(transaction, "connections", connections)
    with transaction.atomic("default"), pytest.raises(OperationalError) as refusal, transaction.atomic("other"):
        pass
    cursors = {
        frame.f_locals["self"]
        for error in (refusal.value, refusal.value.__cause__)
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if isinstance(frame.f_locals.get("self"), Cursor)
    }
    assert cursors
    for cursor in cursors:
        with pytest.raises(Database.ProgrammingError, match="closed cursor"):
            cursor.fetchone()


def test_a_cursor_goes_on_after_a_statement_that_worked(connections):
    with connections["default"].cursor() as cursor:
        cursor.execute("CREATE TABLE words (word text)")
        cursor.executemany("INSERT INTO words VALUES (%s)", [["one"], ["two"]])
        assert cursor.execute("SELECT count(*) FROM words").fetchone() == (2,)
        with pytest.raises(OperationalError):
            cursor.execute("SELECT * FROM absent")
