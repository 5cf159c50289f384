"""Assembles files from the bytes of objects: hashed while they arrive, and renamed to their path once verified."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from wanllmdb.sdk import errors
from wanllmdb.sdk.cancellation import raise_if_cancelled
from wanllmdb.sdk.connection_errors import ObjectStoreError
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.progress import OnProgress
from wanllmdb.sdk.transfer.cached_contents import ContentCache
from wanllmdb.sdk.transfer.download_directory import TempDir
from wanllmdb.sdk.transfer.hashes import MIB, SMALL
from wanllmdb.sdk.transfer.publication import Publication
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile, RemoteManifest

RANGE_SIZE = 8 * MIB
"""Larger files are downloaded in ranges of this size; smaller ones next to each other in an object in one request."""
MAX_HELD = 64 * MIB
"""Bytes of ranges that are under way, or wait in memory for those before them. The first ones of files come beside."""
MAX_CREATING = 2
MAX_GAP = 64 * 1024
"""Up to so many unneeded bytes it is cheaper to read on than to send another request."""
_BINARY = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY


@dataclass(slots=True)
class FileSlice:
    """The part of an object that holds the contents of one or more files."""

    file: RemoteFile
    paths: list[str] = field(default_factory=list)
    is_published: bool = False

    @property
    def entry(self) -> Entry:
        return self.file.entry

    @property
    def is_ranged(self) -> bool:
        """Whether it is downloaded by itself, in ranges."""
        return self.file.entry.size > RANGE_SIZE or bool(self.file.extents)

    @property
    def end(self) -> int:
        return self.file.offset + self.file.entry.size


class ObjectDownload:
    """Slices of objects, which become files of a directory."""

    def __init__(
        self,
        manifest: RemoteManifest,
        publication: Publication,
        temp_dir: TempDir,
        on_progress: OnProgress,
        cache: ContentCache | None = None,
    ) -> None:
        self.manifest = manifest
        self.publication = publication
        self.temp_dir = temp_dir
        self.on_progress = on_progress
        self.cache = cache
        self.held = 0
        """Bytes of ranges that are not hashed yet."""
        self.changed = threading.Condition()
        """Of what is held, and of what has been hashed of each file."""
        self.creation = threading.Semaphore(MAX_CREATING)
        """Held while files are created: more threads would only wait for each other, in Python and in the disk."""
        self._buffers: list[bytearray] = []

    def take_buffer(self) -> bytearray:
        """Of a MiB, for bytes that wait to be hashed. New memory costs more than hashing it: it is used again."""
        try:
            return self._buffers.pop()
        except IndexError:
            return bytearray(MIB)

    def return_buffer(self, buffer: bytearray) -> None:
        self._buffers.append(buffer)

    def download(self, slices: list[FileSlice]) -> None:
        """Download adjacent slices. Those with wrong bytes are downloaded a second time."""
        for _ in range(2):
            missing = [file_slice for file_slice in slices if not file_slice.is_published]
            if not missing:
                return
            self._download_once(missing)
        corrupt = next((file_slice for file_slice in slices if not file_slice.is_published), None)
        if corrupt:
            raise corrupt_error(corrupt.entry)

    def _download_once(self, slices: list[FileSlice]) -> None:
        """URLs that have expired, or lead to what was moved, are renewed."""
        for is_last_attempt in (False, False, True):
            try:
                for group in adjacent_groups(slices):
                    self._download_group(group)
                return
            except ObjectStoreError as error:
                if is_last_attempt or not error.is_expired:
                    raise
            slices = [file_slice for file_slice in slices if not file_slice.is_published]
            renewed = self.manifest.renew([file_slice.file for file_slice in slices])
            for file_slice, file in zip(slices, renewed, strict=True):
                file_slice.file = file
            slices.sort(key=_position)

    def _download_group(self, group: list[FileSlice]) -> None:
        start, end = group[0].file.offset, group[-1].end
        with closing(_SliceWriter(self, group)) as writer:
            if end == start:
                writer.write(b"")
            for url, offset, size in group[0].file.spans(0, end - start):
                self.manifest.download_range(url, offset, size, writer.write)

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
        self._queue = deque(slices)
        self._position = slices[0].file.offset
        self._file: _HashedTempFile | None = None

    def write(self, block: bytes) -> None:
        with self._download.creation:
            self._write(memoryview(block))

    def _write(self, view: memoryview) -> None:
        start, self._position = self._position, self._position + len(view)
        while self._queue:
            file_slice = self._queue[0]
            content = view[max(0, file_slice.file.offset - start) : max(0, file_slice.end - start)]
            is_whole = len(content) == file_slice.entry.size
            if not content and not is_whole:
                return
            if is_whole:
                self._queue.popleft()
                self._publish_whole(file_slice, content)
                continue
            self._file = self._file or _HashedTempFile(self._download.temp_dir.new_path(), file_slice.entry)
            self._file.write(content)
            if self._position < file_slice.end:
                return
            self._queue.popleft()
            file, self._file = self._file, None
            file.close()
            if file.checksum.is_correct:
                self._publish(file_slice, file.path)

    def _publish_whole(self, file_slice: FileSlice, content: memoryview) -> None:
        """A file that arrived in one piece is only written if it is correct."""
        checksum = _Checksum(file_slice.entry)
        checksum.update(content)
        if checksum.is_correct:
            path = self._download.temp_dir.new_path()
            handle = os.open(path, _CREATE, 0o666)
            try:
                _write_all(handle, content)
            finally:
                os.close(handle)
            keeps = self._download.cache is not None and len(content) < SMALL
            self._publish(file_slice, path, bytes(content) if keeps else None)

    def _publish(self, file_slice: FileSlice, path: str, content: bytes | None = None) -> None:
        self._download.publish(file_slice, path, content)
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
        self._handle = os.open(path, _CREATE, 0o666)

    def write(self, view: memoryview) -> None:
        self.checksum.update(view)
        _write_all(self._handle, view)

    def close(self) -> None:
        os.close(self._handle)


class _Checksum:
    """Compares bytes with the hash of an entry: its sha256, else its md5."""

    def __init__(self, entry: Entry) -> None:
        self._expected = entry.sha256 or entry.md5
        self._hash = hashlib.sha256() if entry.sha256 else hashlib.md5(usedforsecurity=False)

    def update(self, view: bytes | memoryview) -> None:
        self._hash.update(view)

    @property
    def is_correct(self) -> bool:
        return self._hash.hexdigest() == self._expected


class RangedDownload:
    """One large file, downloaded in ranges, several of them at once.

    The bytes of the range that is next are hashed as they arrive, by one of the threads that bring them; those of
    later ranges wait in memory, of all files together at most `MAX_HELD`. Nothing is read back from the disk.
    """

    def __init__(self, download: ObjectDownload, file_slice: FileSlice) -> None:
        self._download = download
        self._slice = file_slice
        self._size = file_slice.entry.size
        self._path = download.temp_dir.new_path()
        self._checksum = _Checksum(file_slice.entry)
        self._changed = download.changed
        self._waiting: dict[int, deque[tuple[bytearray, int]]] = defaultdict(deque)
        self._hashed = 0
        self._is_hashing = False
        # The kernel writes one block of a file at a time, and threads that wait for that in it spin.
        self._writing = threading.Lock()
        self.range_count = -(-self._size // RANGE_SIZE)
        handle = os.open(self._path, _CREATE, 0o666)
        try:
            os.ftruncate(handle, self._size)
        finally:
            os.close(handle)

    def download(self, number: int) -> None:
        """Download one of the ranges, of which each must have been begun before the next."""
        start = number * RANGE_SIZE
        length = min(RANGE_SIZE, self._size - start)
        with self._changed:
            # The first that is not there never waits: all others of its file wait for it.
            while self._hashed < start and self._download.held + length > MAX_HELD:
                self._changed.wait(0.5)
                raise_if_cancelled()
            self._download.held += length
        received = filled = 0
        buffer = bytearray()
        handle = os.open(self._path, os.O_WRONLY | _BINARY)

        def write(block: bytes) -> None:
            nonlocal received, buffer, filled
            view = memoryview(block)
            with self._writing:
                _write_all(handle, view)
            while view:
                if not filled:
                    buffer = self._download.take_buffer()
                count = min(len(view), len(buffer) - filled)
                buffer[filled : filled + count] = view[:count]
                view = view[count:]
                received, filled = received + count, filled + count
                if filled == len(buffer) or received == length:
                    self._hash(number, buffer, filled)
                    filled = 0
            self._download.on_progress(len(block))

        manifest = self._download.manifest
        try:
            os.lseek(handle, start, os.SEEK_SET)
            for is_last_attempt in (False, False, True):
                file = self._slice.file
                try:
                    for url, offset, size in file.spans(start + received, length - received):
                        manifest.download_range(url, offset, size, write)
                    return
                except ObjectStoreError as error:
                    if is_last_attempt or not error.is_expired:
                        raise
                # What has arrived stays: other bytes in its place would be on the disk, and not in the hash.
                [self._slice.file] = manifest.renew([file])
        finally:
            os.close(handle)

    def _hash(self, number: int, buffer: bytearray, size: int) -> None:
        with self._changed:
            self._waiting[number].append((buffer, size))
            if self._is_hashing:
                return
            self._is_hashing = True
        while (next_block := self._next_block()) is not None:
            raise_if_cancelled()
            buffer, size = next_block
            self._checksum.update(memoryview(buffer)[:size])
            self._download.return_buffer(buffer)
            with self._changed:
                before, self._hashed = self._hashed, self._hashed + size
                self._download.held -= size
                if before // RANGE_SIZE < self._hashed // RANGE_SIZE:
                    self._changed.notify_all()
                is_complete = self._hashed == self._size
            if is_complete:
                return self._finish()

    def _next_block(self) -> tuple[bytearray, int] | None:
        """None, and nobody is hashing any more, until it arrives."""
        with self._changed:
            number = self._hashed // RANGE_SIZE
            if number > 0:
                self._waiting.pop(number - 1, None)
            if self._waiting[number]:
                return self._waiting[number].popleft()
            self._is_hashing = False
            return None

    def _finish(self) -> None:
        if not self._checksum.is_correct:
            raise corrupt_error(self._slice.entry)
        self._download.publish(self._slice, self._path)


def slices_by_position(files: Iterable[RemoteFile]) -> list[FileSlice]:
    """The slices of all objects that hold these files, in each object sorted by offset."""
    slices: dict[tuple[object, int, int], FileSlice] = {}
    for file in files:
        position = (file.extents or file.url, file.offset, file.entry.size)
        file_slice = slices.get(position)
        if file_slice is None:
            file_slice = slices[position] = FileSlice(file)
        file_slice.paths.append(file.entry.path)
    return sorted(slices.values(), key=_position)


def adjacent_groups(slices: Iterable[FileSlice]) -> Iterator[list[FileSlice]]:
    """Slices of one object that are close to each other in one group: one request downloads many small files."""
    group: list[FileSlice] = []
    for file_slice in slices:
        if group:
            gap = file_slice.file.offset - group[-1].end
            is_other = file_slice.file.url != group[0].file.url or bool(file_slice.file.extents)
            if is_other or gap < 0 or gap > MAX_GAP or file_slice.end - group[0].file.offset > RANGE_SIZE:
                yield group
                group = []
        group.append(file_slice)
    if group:
        yield group


def _position(file_slice: FileSlice) -> tuple[str, int]:
    return file_slice.file.url or "", file_slice.file.offset


def _write_all(handle: int, view: memoryview) -> None:
    while view:
        view = view[os.write(handle, view) :]


def corrupt_error(entry: Entry) -> errors.CorruptDownload:
    return errors.CorruptDownload(f"The downloaded bytes of {entry.path!r} differ from the logged ones")
