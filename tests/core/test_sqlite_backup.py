"""Copies of a SQLite database in use, made and put back: by our command, and by sqlite3 as the guide does it."""

import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from core.sqlite import backup

ROWS = 2_000


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """One that was closed in an orderly way, so that only its file is there."""
    path = tmp_path / "db.sqlite3"
    with closing(connect(path)) as connection:
        connection.execute("CREATE TABLE one (id INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO one (text) VALUES (?)", [("x" * 500,)] * ROWS)
    return path


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    return connection


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT count(*) FROM one").fetchone()[0]


def test_a_database_that_nobody_has_open_is_copied(database, tmp_path):
    copy = tmp_path / "copy.db"

    assert backup.copy(database, copy) == copy.stat().st_size
    assert count(copy) == ROWS
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    # One file, without a log.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "db.sqlite3"]


def test_what_is_in_the_log_alone_is_in_the_copy(database, tmp_path):
    with closing(connect(database)) as writer:
        writer.execute("INSERT INTO one (text) VALUES ('in the log')")
        assert Path(f"{database}-wal").stat().st_size

        backup.copy(database, tmp_path / "copy.db")
    assert count(tmp_path / "copy.db") == ROWS + 1


def test_an_open_transaction_of_another_is_not_in_the_copy_and_goes_on(database, tmp_path):
    with closing(connect(database)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO one (text) VALUES ('not yet')")
        backup.copy(database, tmp_path / "copy.db")
        writer.execute("COMMIT")
    assert count(tmp_path / "copy.db") == ROWS
    assert count(database) == ROWS + 1


def test_writers_go_on_while_it_is_copied(database, tmp_path):
    """Each transaction writes two rows: no copy has one of them alone."""
    stop = threading.Event()
    written = threading.Event()

    def write() -> None:
        with closing(connect(database)) as writer:
            while not stop.is_set():
                writer.execute("BEGIN IMMEDIATE")
                writer.execute("INSERT INTO one (text) VALUES ('a')")
                writer.execute("INSERT INTO one (text) VALUES ('b')")
                writer.execute("COMMIT")
                written.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert written.wait(60)
        for number in range(3):
            backup.copy(database, tmp_path / f"{number}.db")
    finally:
        stop.set()
        thread.join()
    counts = [count(tmp_path / f"{number}.db") for number in range(3)]
    assert counts == sorted(counts) and counts[0] > ROWS
    assert all(number % 2 == 0 for number in counts)


def test_what_is_there_is_not_overwritten(database, tmp_path):
    copy = tmp_path / "copy.db"
    copy.write_text("precious")

    with pytest.raises(backup.BackupRefused, match="exists already"):
        backup.copy(database, copy)
    assert copy.read_text() == "precious"


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("none.db", "copy.db", "cannot be copied"),
        ("db.sqlite3", "nowhere/copy.db", "There is no directory"),
        ("text", "copy.db", "cannot be copied"),
    ],
)
def test_refusals_leave_nothing_behind(database, tmp_path, source, target, message):
    (tmp_path / "text").write_text("This is no database. " * 100)
    before = sorted(tmp_path.iterdir())

    with pytest.raises(backup.BackupRefused, match=message):
        backup.copy(tmp_path / source, tmp_path / target)
    assert sorted(tmp_path.iterdir()) == before


def test_a_damaged_copy_is_known(database, tmp_path):
    copy = tmp_path / "copy.db"
    backup.copy(database, copy)
    backup.check(copy)
    with copy.open("r+b") as file:
        file.seek(copy.stat().st_size // 2)
        file.write(b"\xff" * 8192)

    with pytest.raises(backup.BackupRefused, match="is damaged"):
        backup.check(copy)
