"""The sha256 of files that were logged from this machine: what looks as it did when it was read is not read again.

A file counts as the same while path, size, inode, device, and the times of its last modification and change are. Unlike
the first of them the second cannot be set, so other bytes could only be missed within one tick of the disk's clock: of
a file that was young when it was read nothing is remembered. One SQLite database, shared by processes.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.transfer.chunks import Piece
from wanllmdb.sdk.transfer.hashes import FileFingerprint, HashedFile

try:
    import sqlite3
except ImportError:  # some Pythons are built without it
    _is_possible = False
else:
    # The second time of a file is that of its creation on Windows.
    _is_possible = sys.platform != "win32"

MAX_SIZE = 128 << 20
"""In bytes, of about 700,000 files. Of more the quarter that was not logged for longest is forgotten."""
_YOUNG_NS = 2_000_000_000
# A clock of whole seconds is that of a server or of a simple disk, and may be behind ours.
_YOUNG_BY_COARSE_CLOCK_NS = 60_000_000_000
_SECOND_NS = 1_000_000_000
# Seconds to wait for another process: to read the files is the alternative.
_LOCK_TIMEOUT = 1.0
_FILES_PER_QUERY = 500
_DAYS_BETWEEN_USES = 7
_MAX_INTEGER = 2**63 - 1
_PIECE = struct.Struct(">32sQ")
_TABLE = """
    CREATE TABLE IF NOT EXISTS files (
        path BLOB PRIMARY KEY, size INTEGER NOT NULL, modified_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL,
        inode INTEGER NOT NULL, device INTEGER NOT NULL, sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
        part_size INTEGER NOT NULL, parts BLOB NOT NULL, used_on INTEGER NOT NULL
    ) WITHOUT ROWID
"""


class FileHashes:
    """What one log recalls and remembers. Nothing is raised: without the database all files are read."""

    def __init__(self, cache_dir: Path | None) -> None:
        """Without a directory nothing is known, and nothing is kept."""
        self._path = cache_dir / "file-hashes.sqlite3" if cache_dir and _is_possible else None
        self._today = int(time.time() // 86_400)
        self._long_unused: list[HashedFile] = []

    def recall(self, files: Sequence[tuple[str, str, FileFingerprint]]) -> dict[str, HashedFile]:
        """The files whose hashes are known, by path, of these with path, source and what they look like now."""
        found: dict[str, HashedFile] = {}

        def look_up(database: sqlite3.Connection) -> None:
            remaining = iter(files)
            while batch := list(islice(remaining, _FILES_PER_QUERY)):
                sources = [os.fsencode(source) for _, source, _ in batch]
                marks = ",".join("?" * len(sources))
                rows = {
                    row[0]: row for row in database.execute(f"SELECT * FROM files WHERE path IN ({marks})", sources)
                }
                for key, (path, source, fingerprint) in zip(sources, batch, strict=True):
                    row = rows.get(key)
                    if row is not None and row[1:6] == _to_columns(fingerprint):
                        found[path] = self._to_file(path, source, fingerprint, row)

        self._attempt(look_up)
        return found

    def remember(self, files: Iterable[HashedFile], read_at_ns: int) -> None:
        """Keep the hashes of files that were read after this time, by the clock of this machine."""
        known = [*(file for file in files if _is_settled(file.fingerprint, read_at_ns)), *self._long_unused]
        rows = (
            (
                os.fsencode(file.source),
                *_to_columns(file.fingerprint),
                bytes.fromhex(file.sha256),
                file.part_size,
                _parts_column(file),
                self._today,
            )
            for file in known
        )

        def store(database: sqlite3.Connection) -> None:
            database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            _make_room(database)

        if known:
            self._attempt(store)

    def forget(self, files: Iterable[HashedFile]) -> None:
        """Read these again the next time."""
        keys = [(os.fsencode(file.source),) for file in files]
        self._attempt(lambda database: database.executemany("DELETE FROM files WHERE path = ?", keys))

    def _to_file(self, path: str, source: str, fingerprint: FileFingerprint, row: tuple[Any, ...]) -> HashedFile:
        sha256, part_size, parts, used_on = row[6:]
        file = HashedFile(path, source, fingerprint.size, sha256.hex(), fingerprint, part_size, is_recalled=True)
        if part_size:
            file.parts = tuple(parts[start : start + 32].hex() for start in range(0, len(parts), 32))
        elif parts:
            file.pieces = tuple(Piece(sha256.hex(), size) for sha256, size in _PIECE.iter_unpack(parts))
        if used_on < self._today - _DAYS_BETWEEN_USES:
            self._long_unused.append(file)
        return file

    def _attempt(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do it in a transaction, if there can be one. A database that is damaged is removed."""
        if self._path is None:
            return
        try:
            json_files.make_directory(self._path.parent)
            with closing(sqlite3.connect(self._path, timeout=_LOCK_TIMEOUT)) as database, database:
                database.execute(_TABLE)
                work(database)
        except (errors.CacheError, OSError, sqlite3.OperationalError):
            # Read-only, full, locked, or on a disk without locks.
            return
        except sqlite3.DatabaseError:
            for path in (self._path, self._path.with_name(f"{self._path.name}-journal")):
                with suppress(OSError):
                    path.unlink()


def _parts_column(file: HashedFile) -> bytes:
    """The hashes of its parts, which have one size; else its pieces with their sizes."""
    if file.part_size:
        return bytes.fromhex("".join(file.parts))
    return b"".join(_PIECE.pack(bytes.fromhex(piece.sha256), piece.size) for piece in file.pieces)


def _to_columns(fingerprint: FileFingerprint) -> tuple[int, int, int, int, int]:
    size, modified_ns, changed_ns, inode, device = fingerprint
    # Those of some network disks have 64 bits, of which SQLite keeps 63.
    return size, modified_ns, changed_ns, inode & _MAX_INTEGER, device & _MAX_INTEGER


def _is_settled(fingerprint: FileFingerprint, read_at_ns: int) -> bool:
    """Whether what is written to the file after it was read gets another time than it has."""
    is_coarse = fingerprint.changed_ns % _SECOND_NS == 0
    newest = max(fingerprint.modified_ns, fingerprint.changed_ns)
    return newest < read_at_ns - (_YOUNG_BY_COARSE_CLOCK_NS if is_coarse else _YOUNG_NS)


def _make_room(database: sqlite3.Connection) -> None:
    pages, free, page_size = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    if (pages - free) * page_size > MAX_SIZE:
        database.execute(
            "DELETE FROM files WHERE path IN "
            "(SELECT path FROM files ORDER BY used_on LIMIT (SELECT COUNT(*) / 4 + 1 FROM files))"
        )
