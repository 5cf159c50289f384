"""sha256 of files and of whole versions. Each file is read once: small ones in one thread, large ones in parallel."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from queue import Queue, SimpleQueue
from typing import NamedTuple

from wanllmdb.sdk import errors
from wanllmdb.sdk.cancellation import raise_if_cancelled
from wanllmdb.sdk.progress import OnProgress, ignore_progress
from wanllmdb.sdk.threads import start_if_possible
from wanllmdb.sdk.transfer import chunks
from wanllmdb.sdk.transfer.chunks import Piece
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

MIB = 1 << 20
BLOCK_SIZE = 4 * MIB
PACK_BELOW = MIB
"""Smaller files are read as a whole and uploaded in packs."""
SMALL = 64 << 10
"""The bytes of files below this size are kept many in a file by the cache of contents."""
PART_SIZE = 32 * MIB
MULTIPART_ABOVE = 64 * MIB
"""Larger files are uploaded in parts."""
MAX_PARTS = 10_000
_BATCH_SIZE = 256
# Seconds that a small file takes on a disk for which other reads need not wait. In memory it is 0.00002.
_SLOW_READ = 0.0003
_READ_ONLY = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class FileFingerprint(NamedTuple):
    """File metadata. While it stays the same, so do the bytes."""

    size: int
    modified_ns: int
    changed_ns: int
    """When bytes or metadata were changed: unlike `modified_ns` it cannot be set. On Windows when it was created."""
    inode: int
    device: int = 0

    @classmethod
    def from_stat(cls, result: os.stat_result) -> FileFingerprint:
        return cls(result.st_size, result.st_mtime_ns, result.st_ctime_ns, result.st_ino, result.st_dev)


@dataclass(slots=True)
class HashedFile:
    """A local file as it was when it was read."""

    path: str
    """Inside the artifact."""
    source: str
    """On this machine."""
    size: int
    sha256: str
    fingerprint: FileFingerprint
    part_size: int = 0
    parts: tuple[str, ...] = ()
    """sha256 of each part, for a file larger than MULTIPART_ABOVE that is uploaded in parts."""
    executable: bool = False
    content: bytes | None = field(default=None, repr=False, compare=False)
    """The bytes of a small file that were kept, so that it need not be read again."""
    is_recalled: bool = field(default=False, compare=False)
    """Whether it was not read, since it looks as it did when it was read before."""
    pieces: tuple[Piece, ...] = ()
    """What a large file consists of, where it was cut to be logged."""

    @property
    def piece_hashes(self) -> Iterator[str]:
        return (piece.sha256 for piece in self.pieces)


_NumberedFile = tuple[int, tuple[str, str]]


def hash_files(
    files: Iterable[tuple[str, str]],
    *,
    max_kept: int = 0,
    max_workers: int | None = None,
    in_pieces: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> list[HashedFile]:
    """Hash (path, source) pairs, and return them in the same order. `on_progress` is called with the bytes read.

    With `in_pieces`, large files are cut, and each piece is hashed as well.
    Of the small files at the beginning the contents are kept, of about `max_kept` bytes in all.
    Raises `FileChanged` for a file that is gone or changes while it is read, `Invalid` for one that cannot be read.
    """
    hashed: dict[int, HashedFile] = {}
    room = max_kept

    def hash_small(batch: list[_NumberedFile]) -> list[_NumberedFile]:
        """Hash the small files, and return the others."""
        nonlocal room
        others = []
        for number, (path, source) in batch:
            file = _hash_small(path, source, on_progress, is_kept=room > 0)
            if file is None:
                others.append((number, (path, source)))
            else:
                hashed[number] = file
                room -= file.size if file.content is not None else 0
        return others

    def hash_all(batch: list[_NumberedFile]) -> None:
        for number, (path, source) in hash_small(batch):
            hashed[number] = hash_file(path, source, on_progress, in_pieces=in_pieces)

    numbered = enumerate(files)
    started_at, cpu_before = time.perf_counter(), time.thread_time()
    waits_for_disk = False
    with WorkerPool(max_workers or min(8, os.cpu_count() or 1)) as workers:
        while batch := list(islice(numbered, _BATCH_SIZE)):
            if not waits_for_disk:
                batch = hash_small(batch)
                # Where the bytes are in memory, two threads only fight over the interpreter lock: three times as long.
                elapsed, cpu = time.perf_counter() - started_at, time.thread_time() - cpu_before
                waits_for_disk = elapsed > len(hashed) * _SLOW_READ and elapsed > 4 * cpu
            job_size = 8 if waits_for_disk else 1
            for start in range(0, len(batch), job_size):
                workers.submit(hash_all, batch[start : start + job_size])
    return [hashed[number] for number in range(len(hashed))]


def hash_file(
    path: str, source: str, on_progress: OnProgress = ignore_progress, *, in_pieces: bool = False
) -> HashedFile:
    """Hash one file. Raises `FileChanged` if it is gone or changes while it is read, `Invalid` if it cannot be read."""
    small = _hash_small(path, source, on_progress, is_kept=False)
    return small or _hash_large(path, source, on_progress, in_pieces=in_pieces)


def _hash_small(path: str, source: str, on_progress: OnProgress, *, is_kept: bool) -> HashedFile | None:
    """None for a file that is too large to be read as a whole. Few objects and calls, since there may be many files."""
    raise_if_cancelled()
    try:
        handle = os.open(source, _READ_ONLY)
        try:
            result = os.fstat(handle)
            if not stat.S_ISREG(result.st_mode):
                raise errors.FileChanged(f"{source} is no longer a regular file")
            size = result.st_size
            if size >= PACK_BELOW:
                return None
            content = os.read(handle, size + 1)
            fingerprint = FileFingerprint.from_stat(result)
            if len(content) != size or FileFingerprint.from_stat(os.fstat(handle)) != fingerprint:
                raise _changing_error(source)
        finally:
            os.close(handle)
    except OSError as error:
        raise _unreadable_error(source, error) from error
    on_progress(size, 1)
    sha256 = hashlib.sha256(content).hexdigest()
    return HashedFile(path, source, size, sha256, fingerprint, content=content if is_kept else None)


def _hash_large(path: str, source: str, on_progress: OnProgress, *, in_pieces: bool) -> HashedFile:
    try:
        with open_source(source) as file:
            fingerprint = FileFingerprint.from_stat(os.fstat(file.fileno()))
            unhashed = HashedFile(path, source, 0, "", fingerprint)
            hash_by = _hash_blocks if fingerprint.size <= MULTIPART_ABOVE else _hash_parts
            if in_pieces and fingerprint.size >= chunks.CUT_FROM:
                hash_by = _hash_pieces
            hashed = hash_by(unhashed, file, on_progress)
            if hashed.size != fingerprint.size or FileFingerprint.from_stat(os.fstat(file.fileno())) != fingerprint:
                raise _changing_error(source)
    except OSError as error:  # of a broken disk
        raise _unreadable_error(source, error) from error
    on_progress(0, 1)
    return hashed


def _hash_blocks(unhashed: HashedFile, file: io.FileIO, on_progress: OnProgress) -> HashedFile:
    sha256 = hashlib.sha256()
    block = memoryview(bytearray(MIB))
    size = 0
    # Not to the end of the file: it may have none while another process keeps writing.
    while size <= unhashed.fingerprint.size and (count := file.readinto(block)):
        raise_if_cancelled()
        sha256.update(block[:count])
        size += count
        on_progress(count)
    return replace(unhashed, size=size, sha256=sha256.hexdigest())


def _hash_pieces(unhashed: HashedFile, file: io.FileIO, on_progress: OnProgress) -> HashedFile:
    """Cut the file, and hash it and its pieces in one pass: the piece in this thread, the file in another."""
    piece, pieces = hashlib.sha256(), []
    size = start = 0
    with BackgroundHash() as whole:
        for data, is_end in chunks.cut(file, unhashed.fingerprint.size):
            raise_if_cancelled()
            whole.update(data)
            piece.update(data)
            size += len(data)
            on_progress(len(data))
            if is_end:
                pieces.append(Piece(piece.hexdigest(), size - start))
                piece, start = hashlib.sha256(), size
    if size > start:
        pieces.append(Piece(piece.hexdigest(), size - start))
    is_cut = 2 <= len(pieces) <= chunks.MAX_PIECES
    return replace(unhashed, size=size, sha256=whole.hexdigest(), pieces=tuple(pieces) if is_cut else ())


class BackgroundHash:
    """The sha256 of what is passed to it, computed in a thread of its own, if there can be one."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._blocks: Queue[bytes] = Queue(maxsize=2)
        self._thread = threading.Thread(target=self._hash, name="wanllmdb-sha256", daemon=True)
        self._is_parallel = False

    def __enter__(self) -> BackgroundHash:
        self._is_parallel = start_if_possible(self._thread)
        return self

    def update(self, data: memoryview) -> None:
        """The bytes are copied."""
        if self._is_parallel and data:
            self._blocks.put(bytes(data))
        else:
            self._sha256.update(data)

    def __exit__(self, *_: object) -> None:
        if self._is_parallel:
            self._blocks.put(b"")
            self._thread.join()

    def hexdigest(self) -> str:
        """Of all, once it has been left."""
        return self._sha256.hexdigest()

    def _hash(self) -> None:
        while block := self._blocks.get():
            self._sha256.update(block)


def with_parts(file: HashedFile, on_progress: OnProgress = ignore_progress) -> HashedFile:
    """The same file to be uploaded in parts, if it is so large, and not in pieces. It is read again."""
    if file.size <= MULTIPART_ABOVE or file.parts:
        return replace(file, pieces=())
    again = hash_file(file.path, file.source, on_progress)
    if again.sha256 != file.sha256:
        raise _changing_error(file.source)
    return replace(again, executable=file.executable)


def _hash_parts(unhashed: HashedFile, file: io.FileIO, on_progress: OnProgress) -> HashedFile:
    """Hash the file and its parts in one pass: the part in this thread, the file in another, during the next read."""
    part_size = part_size_for(unhashed.fingerprint.size)
    sha256, part, parts = hashlib.sha256(), hashlib.sha256(), []
    size = 0
    free: SimpleQueue[memoryview] = SimpleQueue()
    full: SimpleQueue[tuple[memoryview, int]] = SimpleQueue()
    for _ in "ab":
        free.put(memoryview(bytearray(BLOCK_SIZE)))

    def hash_block(block: memoryview, count: int) -> None:
        sha256.update(block[:count])
        free.put(block)

    def hash_blocks() -> None:
        while (item := full.get())[1]:
            hash_block(*item)

    # Not of `concurrent.futures`, which takes no jobs while the interpreter waits for its last threads.
    thread = threading.Thread(target=hash_blocks, name="wanllmdb-sha256", daemon=True)
    is_parallel = start_if_possible(thread)
    try:
        while size <= unhashed.fingerprint.size:
            raise_if_cancelled()
            block = free.get()
            count = file.readinto(block[: min(BLOCK_SIZE, part_size - size % part_size)])
            if not count:
                break
            if is_parallel:
                full.put((block, count))
            else:
                hash_block(block, count)
            part.update(block[:count])
            size += count
            on_progress(count)
            if size % part_size == 0:
                parts.append(part.hexdigest())
                part = hashlib.sha256()
    finally:
        if is_parallel:
            full.put((memoryview(b""), 0))
            thread.join()
    if size % part_size:
        parts.append(part.hexdigest())
    return replace(unhashed, size=size, sha256=sha256.hexdigest(), part_size=part_size, parts=tuple(parts))


def part_size_for(size: int) -> int:
    """32 MiB, or the smallest whole number of MiB with which 10,000 parts are enough."""
    return max(PART_SIZE, -(-size // MAX_PARTS // MIB) * MIB)


@contextmanager
def open_source(source: str) -> Iterator[io.FileIO]:
    """Open a file to log, unbuffered. Raises `FileChanged` if it is gone and `Invalid` if it cannot be read."""
    try:
        file = io.FileIO(source)
    except OSError as error:
        raise _unreadable_error(source, error) from error
    with file:
        yield file


def _unreadable_error(source: str, error: OSError) -> errors.WanLLMDBError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return errors.FileChanged(f"{source} was removed while it was being logged")
    return errors.Invalid(f"{source} cannot be read: {error.strerror or error}")


def _changing_error(source: str) -> errors.FileChanged:
    return errors.FileChanged(f"{source} changed while it was being read: log it when nothing writes to it")


def is_unchanged(hashed: HashedFile) -> bool:
    """Whether the file still has the hashed bytes. It is only read again if its fingerprint differs."""
    try:
        if FileFingerprint.from_stat(os.stat(hashed.source)) == hashed.fingerprint:
            return True
        again = hash_file(hashed.path, hashed.source)
    except (OSError, errors.FileChanged, errors.Invalid):
        return False
    if again.sha256 != hashed.sha256:
        return False
    hashed.fingerprint = again.fingerprint  # touched, linked or copied over itself: read again once, not for each part
    return True


def version_digest(entries: Iterable[tuple[str, str, int]]) -> str:
    """The digest of a version with these (path, sha256, size) entries. Their order does not matter."""
    lines = sorted((path.encode(), sha256, size) for path, sha256, size in entries)
    digest = hashlib.sha256()
    for path, sha256, size in lines:
        digest.update(b"%s\0%s\0%d\n" % (path, sha256.encode(), size))
    return digest.hexdigest()


def executable_digest(executables: Iterable[str]) -> str:
    """sha256 over the paths of the executable files of a version, in any order; empty if there are none."""
    lines = b"".join(b"%s\0" % path for path in sorted(path.encode() for path in executables))
    return hashlib.sha256(lines).hexdigest() if lines else ""
