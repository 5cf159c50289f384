"""Assembles files from the bytes of objects: hashed while they are written, and renamed to their path once verified."""

from __future__ import annotations

import hashlib
import io
import shutil
import threading
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from wanllmdb.sdk import errors
from wanllmdb.sdk.cancellation import raise_if_cancelled
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.progress import OnProgress
from wanllmdb.sdk.transfer.cached_contents import SMALL, ContentCache
from wanllmdb.sdk.transfer.download_directory import TempDir
from wanllmdb.sdk.transfer.hashes import MIB
from wanllmdb.sdk.transfer.publication import Publication
from wanllmdb.sdk.transfer.remote_manifest import RemoteManifest

RANGE_SIZE = 16 * MIB
"""Larger files are downloaded in ranges of this size; smaller ones next to each other in an object in one request."""


@dataclass(slots=True)
class FileSlice:
    """The part of an object that holds the contents of one or more files."""

    entry: Entry
    offset: int
    paths: list[str] = field(default_factory=list)
    is_published: bool = False

    @property
    def end(self) -> int:
        return self.offset + self.entry.size


class ObjectDownload:
    """One object, whose slices become files of a directory."""

    def __init__(
        self,
        manifest: RemoteManifest,
        object_id: str,
        publication: Publication,
        temp_dir: TempDir,
        on_progress: OnProgress,
        cache: ContentCache | None = None,
    ) -> None:
        self.manifest = manifest
        self.object_id = object_id
        self.publication = publication
        self.temp_dir = temp_dir
        self.on_progress = on_progress
        self.cache = cache

    def download(self, slices: list[FileSlice]) -> None:
        """Download adjacent slices. Those with wrong bytes are downloaded a second time."""
        for _ in range(2):
            missing = [file_slice for file_slice in slices if not file_slice.is_published]
            if not missing:
                return
            start, end = missing[0].offset, missing[-1].end
            with closing(_SliceWriter(self, missing)) as writer:
                if end > start:
                    self.manifest.download_range(self.object_id, start, end - start, writer.restart)
                else:
                    writer.restart()(b"")
        corrupt = next((file_slice for file_slice in slices if not file_slice.is_published), None)
        if corrupt:
            raise corrupt_error(corrupt.entry)

    def publish(self, file_slice: FileSlice, temporary_path: str, content: bytes | None = None) -> None:
        """Publish a verified temporary file at its path, and copies of it at the other paths with the same contents.

        `content`: its bytes, where they are at hand.
        """
        first, *others = file_slice.paths
        entry = file_slice.entry
        if self.cache is not None and entry.sha256:
            self.cache.add(entry.sha256, temporary_path, entry.size, content)
        for path in others:
            copy = self.temp_dir.new_path()
            shutil.copyfile(temporary_path, copy)
            self.publication.add(copy, path)
            self.on_progress(file_slice.entry.size, 1)
        self.publication.add(temporary_path, first)
        self.on_progress(0, 1)
        file_slice.is_published = True


class _SliceWriter:
    """Writes the bytes of adjacent slices, received in order, to their files. Slices with wrong bytes are dropped."""

    def __init__(self, download: ObjectDownload, slices: list[FileSlice]) -> None:
        self._download = download
        self._slices = slices
        self._queue: deque[FileSlice] = deque()
        self._position = 0
        self._file: _HashedTempFile | None = None

    def restart(self) -> Callable[[bytes], object]:
        """A function that takes the bytes from the start of the first slice."""
        self.close()
        self._queue = deque(file_slice for file_slice in self._slices if not file_slice.is_published)
        self._position = self._slices[0].offset
        return self.write

    def write(self, block: bytes) -> None:
        view = memoryview(block)
        while self._queue:
            file_slice = self._queue[0]
            skipped = min(len(view), max(0, file_slice.offset - self._position))
            content = view[skipped : max(0, file_slice.end - self._position)]
            self._position += skipped + len(content)
            view = view[skipped + len(content) :]
            if self._position < file_slice.offset or (not content and file_slice.entry.size):
                return
            self._file = self._file or _HashedTempFile(self._download.temp_dir.new_path(), file_slice.entry)
            self._file.write(content)
            if self._position < file_slice.end:
                return
            self._finish(file_slice, self._file)

    def _finish(self, file_slice: FileSlice, file: _HashedTempFile) -> None:
        self._queue.popleft()
        self.close()
        if file.checksum.is_correct:
            self._download.publish(file_slice, file.path, file.content)
            self._download.on_progress(file_slice.entry.size)

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None


class _HashedTempFile:
    """A file at a temporary path, hashed while it is written."""

    def __init__(self, path: str, entry: Entry) -> None:
        self.path = path
        self.checksum = _Checksum(entry)
        self.content: bytes | None = b""
        """All that was written, where it was written at once."""
        self._file = io.FileIO(path, "xb")

    def write(self, view: memoryview) -> None:
        self.content = bytes(view) if self.content == b"" and len(view) < SMALL else None
        self.checksum.update(view)
        _write_all(self._file, view)

    def close(self) -> None:
        self._file.close()


class _Checksum:
    """Compares bytes with the hash of an entry: its sha256, else its md5."""

    def __init__(self, entry: Entry) -> None:
        self._expected = entry.sha256 or entry.md5
        self._hash = hashlib.sha256() if entry.sha256 else hashlib.md5(usedforsecurity=False)

    def update(self, view: memoryview) -> None:
        self._hash.update(view)

    @property
    def is_correct(self) -> bool:
        return self._hash.hexdigest() == self._expected


class RangedDownload:
    """One large file, downloaded in ranges that arrive in any order. The thread that brings the next range to hash
    hashes it and all that have arrived after it."""

    def __init__(self, download: ObjectDownload, file_slice: FileSlice) -> None:
        self._download = download
        self._slice = file_slice
        self._path = download.temp_dir.new_path()
        self._checksum = _Checksum(file_slice.entry)
        self._lock = threading.Lock()
        self._arrived: set[int] = set()
        self._next = 0
        self._is_hashing = False
        self.range_count = -(-file_slice.entry.size // RANGE_SIZE)
        with io.FileIO(self._path, "xb") as file:
            file.truncate(file_slice.entry.size)

    def download(self, number: int) -> None:
        start = number * RANGE_SIZE
        length = min(RANGE_SIZE, self._slice.entry.size - start)
        received = 0
        with io.FileIO(self._path, "r+b") as file:

            def restart() -> Callable[[bytes], object]:
                nonlocal received
                self._download.on_progress(-received)
                received = 0
                file.seek(start)
                return write

            def write(block: bytes) -> None:
                nonlocal received
                _write_all(file, memoryview(block))
                received += len(block)
                self._download.on_progress(len(block))

            offset = self._slice.offset + start
            self._download.manifest.download_range(self._download.object_id, offset, length, restart)
        self._hash_arrived(number)

    def _hash_arrived(self, number: int) -> None:
        with self._lock:
            self._arrived.add(number)
            if self._is_hashing:
                return
            self._is_hashing = True
        with io.FileIO(self._path) as file:
            block = memoryview(bytearray(MIB))
            while self._has_next():
                file.seek(self._next * RANGE_SIZE)
                remaining = min(RANGE_SIZE, self._slice.entry.size - self._next * RANGE_SIZE)
                while remaining and (count := file.readinto(block[: min(MIB, remaining)])):
                    raise_if_cancelled()
                    self._checksum.update(block[:count])
                    remaining -= count
                self._next += 1
                if self._next == self.range_count:
                    self._finish()

    def _has_next(self) -> bool:
        with self._lock:
            self._is_hashing = self._next in self._arrived
            return self._is_hashing

    def _finish(self) -> None:
        if not self._checksum.is_correct:
            raise corrupt_error(self._slice.entry)
        self._download.publish(self._slice, self._path)


def _write_all(file: io.FileIO, view: memoryview) -> None:
    while view:
        view = view[file.write(view) :]


def corrupt_error(entry: Entry) -> errors.CorruptDownload:
    return errors.CorruptDownload(f"The downloaded bytes of {entry.path!r} differ from the logged ones")
