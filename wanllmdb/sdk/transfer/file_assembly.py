"""How the bytes of one object become files: checked as they land, and under their names only when they are right."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from wanllmdb.sdk import errors
from wanllmdb.sdk.console import Tell
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.transfer import worker_pool
from wanllmdb.sdk.transfer.download_directory import Root, Temporary
from wanllmdb.sdk.transfer.hashes import MIB
from wanllmdb.sdk.transfer.remote_manifest import Locations

RANGE = 16 * MIB
"""Larger files are fetched in ranges of this size; smaller neighbours in one object are fetched together up to it."""


@dataclass(slots=True)
class Piece:
    """Contents in an object, and the paths that want them."""

    entry: Entry
    offset: int
    paths: list[str] = field(default_factory=list)
    is_there: bool = False

    @property
    def end(self) -> int:
        return self.offset + self.entry.size


class Landing:
    """One object, whose pieces become files below a root."""

    def __init__(self, locations: Locations, object_id: str, root: Root, temporary: Temporary, tell: Tell) -> None:
        self.locations = locations
        self.object_id = object_id
        self.root = root
        self.temporary = temporary
        self.tell = tell

    def fetch(self, run: list[Piece]) -> None:
        """Bring a run of neighbours; once more what did not come out right."""
        for _ in range(2):
            wanted = [piece for piece in run if not piece.is_there]
            if not wanted:
                return
            start, end = wanted[0].offset, wanted[-1].end
            with closing(_Splitter(self, wanted, start)) as splitter:
                if end > start:
                    self.locations.fetch(self.object_id, start, end - start, splitter.begin)
                else:
                    splitter.begin()(b"")
        wrong = next((piece for piece in run if not piece.is_there), None)
        if wrong:
            raise corrupt(wrong.entry)

    def settle(self, piece: Piece, temporary: str) -> None:
        """Verified bytes get their names."""
        first, *others = piece.paths
        placed = self.root.place(first)
        _rename(temporary, placed)
        for path in others:
            copy = self.temporary.name()
            shutil.copyfile(placed, copy)
            _rename(copy, self.root.place(path))
            self.tell(piece.entry.size)
        piece.is_there = True


def _rename(temporary: str, placed: str) -> None:
    try:
        os.replace(temporary, placed)
    except IsADirectoryError as error:
        raise errors.InvalidPath(f"{placed} is a directory where the artifact has a file") from error


class _Splitter:
    """Takes the bytes of a run in order and makes files of them. Pieces that come out wrong stay not there."""

    def __init__(self, landing: Landing, run: list[Piece], start: int) -> None:
        self._landing = landing
        self._run = run
        self._start = start
        self._waiting: deque[Piece] = deque()
        self._position = start
        self._file: _Unfinished | None = None

    def begin(self) -> Callable[[bytes], object]:
        """From the start of the run."""
        self.close()
        self._waiting = deque(piece for piece in self._run if not piece.is_there)
        self._position = self._start
        return self.take

    def take(self, block: bytes) -> None:
        view = memoryview(block)
        while self._waiting:
            piece = self._waiting[0]
            skipped = min(len(view), max(0, piece.offset - self._position))
            taken = view[skipped : max(0, piece.end - self._position)]
            self._position += skipped + len(taken)
            view = view[skipped + len(taken) :]
            if self._position < piece.offset or (not taken and piece.entry.size):
                return
            self._file = self._file or _Unfinished(self._landing.temporary.name(), piece.entry)
            self._file.write(taken)
            if self._position < piece.end:
                return
            self._settle(piece, self._file)

    def _settle(self, piece: Piece, file: _Unfinished) -> None:
        self._waiting.popleft()
        self.close()
        if file.is_sound:
            self._landing.settle(piece, file.path)
            self._landing.tell(piece.entry.size)

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


class _Unfinished:
    """A file under a temporary name, hashed as it is written."""

    def __init__(self, path: str, entry: Entry) -> None:
        self.path = path
        self._entry = entry
        self._file = io.FileIO(path, "xb")
        self._hash = _Hash(entry)

    def write(self, view: memoryview) -> None:
        self._hash.update(view)
        _write(self._file, view)

    @property
    def is_sound(self) -> bool:
        return self._hash.is_right

    def close(self) -> None:
        self._file.close()


class _Hash:
    """Compares bytes with what the entry says: sha256, else md5."""

    def __init__(self, entry: Entry) -> None:
        self._expected = entry.sha256 or entry.md5
        self._hash = hashlib.sha256() if entry.sha256 else hashlib.md5(usedforsecurity=False)

    def update(self, view: memoryview) -> None:
        self._hash.update(view)

    @property
    def is_right(self) -> bool:
        return self._hash.hexdigest() == self._expected


class Large:
    """One large file in ranges that arrive in any order. Whoever brings the range that is next in line hashes on."""

    def __init__(self, landing: Landing, piece: Piece) -> None:
        self._landing = landing
        self._piece = piece
        self._path = landing.temporary.name()
        self._hash = _Hash(piece.entry)
        self._lock = threading.Lock()
        self._landed: set[int] = set()
        self._next = 0
        self._is_hashing = False
        self.count = -(-piece.entry.size // RANGE)
        with io.FileIO(self._path, "xb") as file:
            file.truncate(piece.entry.size)

    def fetch(self, number: int) -> None:
        start = number * RANGE
        length = min(RANGE, self._piece.entry.size - start)
        told = 0
        with io.FileIO(self._path, "r+b") as file:

            def begin() -> Callable[[bytes], object]:
                nonlocal told
                self._landing.tell(-told)
                told = 0
                file.seek(start)
                return take

            def take(block: bytes) -> None:
                nonlocal told
                _write(file, memoryview(block))
                told += len(block)
                self._landing.tell(len(block))

            self._landing.locations.fetch(self._landing.object_id, self._piece.offset + start, length, begin)
        self._hash_on(number)

    def _hash_on(self, number: int) -> None:
        with self._lock:
            self._landed.add(number)
            if self._is_hashing:
                return
            self._is_hashing = True
        with io.FileIO(self._path) as file:
            block = memoryview(bytearray(MIB))
            while self._has_next():
                file.seek(self._next * RANGE)
                left = min(RANGE, self._piece.entry.size - self._next * RANGE)
                while left and (count := file.readinto(block[: min(MIB, left)])):
                    worker_pool.heed()
                    self._hash.update(block[:count])
                    left -= count
                self._next += 1
                if self._next == self.count:
                    self._finish()

    def _has_next(self) -> bool:
        with self._lock:
            self._is_hashing = self._next in self._landed
            return self._is_hashing

    def _finish(self) -> None:
        if not self._hash.is_right:
            raise corrupt(self._piece.entry)
        self._landing.settle(self._piece, self._path)


def _write(file: io.FileIO, view: memoryview) -> None:
    while view:
        view = view[file.write(view) :]


def corrupt(entry: Entry) -> errors.CorruptDownload:
    return errors.CorruptDownload(f"The bytes that came for {entry.path!r} are not those that were logged")
