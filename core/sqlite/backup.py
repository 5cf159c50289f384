"""A copy of a SQLite database that is in use, as `sqlite3 FILE ".backup COPY"` makes it: by SQLite's online backup.

Readers and writers go on meanwhile. To copy the file itself would miss what is in its write-ahead log, and may catch it
in the middle of a transaction.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4


class BackupRefused(Exception):
    """The copy cannot be made, or is not one: the message says why."""


def copy(source: Path, target: Path) -> int:
    """Copy the database at `source` to a new file at `target`; its size in bytes.

    The target appears whole and checked, or not at all. Raises `BackupRefused`.
    """
    if target.exists():
        raise BackupRefused(f"{target} exists already: name a new file.")
    if not target.parent.is_dir():
        raise BackupRefused(f"There is no directory {target.parent}.")
    temporary = target.with_name(f".{target.name}.{uuid4().hex}")
    # For its owner alone from the first byte on, as the database is.
    temporary.touch(mode=0o600)
    try:
        _copy(source, temporary)
        check(temporary)
        temporary.rename(target)
    except sqlite3.Error as error:
        raise BackupRefused(f"{source} cannot be copied to {target}: {error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return target.stat().st_size


def check(path: Path) -> None:
    """Raise `BackupRefused` unless the file is a database without damage. Nothing is written to it."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            [(result,), *_] = database.execute("PRAGMA quick_check(1)")
    except sqlite3.Error as error:
        raise BackupRefused(f"{path} is not a SQLite database: {error}.") from error
    if result != "ok":
        raise BackupRefused(f"{path} is damaged: {result}.")


def _copy(source: Path, target: Path) -> None:
    origin = sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=30)
    with closing(origin), closing(sqlite3.connect(target)) as copy:
        # In one step: where pages are copied some at a time, each write of others begins it anew.
        origin.backup(copy)
        # Without a log of its own, the file is all there is of the copy.
        copy.execute("PRAGMA journal_mode=DELETE")
