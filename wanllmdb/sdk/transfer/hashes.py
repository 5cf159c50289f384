"""sha256 of files that are about to be logged, read once, several at a time."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

from wanllmdb.sdk import errors
from wanllmdb.sdk.transfer import worker_pool

MIB = 1 << 20
BLOCK = 4 * MIB
SMALL = MIB
"""Files below this size are hashed many to a job, and travel in packs."""
PART_SIZE = 32 * MIB
LARGE = 64 * MIB
"""Files above this size travel in parts."""
MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the file system says of a file. While it stays the same, so do the bytes."""

    size: int
    modified: int
    changed: int
    inode: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass(slots=True)
class HashedFile:
    """A local file as it was when it was read."""

    path: str
    """Inside the artifact."""
    source: str
    """On this machine."""
    size: int
    sha256: str
    stamp: Stamp
    part_size: int = 0
    parts: tuple[str, ...] = ()
    """sha256 of each part, for a file above LARGE."""


def hash_files(
    files: Iterable[tuple[str, str]], *, hands: int | None = None, tell: Callable[[int], object] = lambda size: None
) -> list[HashedFile]:
    """Hash (path, source) pairs, in the order given. `tell` hears of bytes as they are read.

    Raises `FileChanged` for a file that is gone or changes while it is read, `Invalid` for one that cannot be read.
    """
    hashed: dict[int, HashedFile] = {}
    with worker_pool.Crew(hands or min(8, os.cpu_count() or 1)) as workers:
        for batch in _batches(enumerate(files)):
            workers.submit(_hash_batch, batch, hashed, tell)
    return [hashed[number] for number in sorted(hashed)]


_Numbered = tuple[int, tuple[str, str]]


def _batches(files: Iterator[_Numbered]) -> Iterator[list[_Numbered]]:
    while batch := list(islice(files, 32)):
        yield batch


def _hash_batch(batch: list[_Numbered], hashed: dict[int, HashedFile], tell: Callable[[int], object]) -> None:
    for number, (path, source) in batch:
        worker_pool.heed()
        hashed[number] = hash_file(path, source, tell)


def hash_file(path: str, source: str, tell: Callable[[int], object] = lambda size: None) -> HashedFile:
    """Hash one file; `FileChanged` where it is gone, or changes while it is read."""
    with opened(source) as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise errors.FileChanged(f"{source} is no longer a regular file")
        stamp = Stamp.of(before)
        if stamp.size < SMALL:
            content = file.read(stamp.size + 1) or b""
            hashed = HashedFile(path, source, len(content), hashlib.sha256(content).hexdigest(), stamp)
            tell(len(content))
        elif stamp.size <= LARGE:
            hashed = _hash_middling(HashedFile(path, source, 0, "", stamp), file, tell)
        else:
            hashed = _hash_large(HashedFile(path, source, 0, "", stamp), file, tell)
        if hashed.size != stamp.size or Stamp.of(os.fstat(file.fileno())) != stamp:
            raise errors.FileChanged(f"{source} changed while it was being read: log it when nothing writes to it")
    return hashed


def _hash_middling(blank: HashedFile, file: io.FileIO, tell: Callable[[int], object]) -> HashedFile:
    whole = hashlib.sha256()
    block = memoryview(bytearray(MIB))
    size = 0
    # Not to the end: one that somebody goes on writing may have none.
    while size <= blank.stamp.size and (count := file.readinto(block)):
        worker_pool.heed()
        whole.update(block[:count])
        size += count
        tell(count)
    return replace(blank, size=size, sha256=whole.hexdigest())


def _hash_large(blank: HashedFile, file: io.FileIO, tell: Callable[[int], object]) -> HashedFile:
    """The whole and its parts in one reading: the part's hash here, the whole's beside it, the next read under way."""
    part_size = part_size_for(blank.stamp.size)
    whole, part, parts = hashlib.sha256(), hashlib.sha256(), []
    size = 0
    buffers: deque[tuple[memoryview, Future[None] | None]] = deque((memoryview(bytearray(BLOCK)), None) for _ in "ab")
    with ThreadPoolExecutor(1, thread_name_prefix="wanllmdb-sha256") as beside:
        while size <= blank.stamp.size:
            worker_pool.heed()
            block, hashed = buffers.popleft()
            if hashed:
                hashed.result()
            count = file.readinto(block[: min(BLOCK, part_size - size % part_size)])
            if not count:
                break
            buffers.append((block, beside.submit(whole.update, block[:count])))
            part.update(block[:count])
            size += count
            tell(count)
            if size % part_size == 0:
                parts.append(part.hexdigest())
                part = hashlib.sha256()
    if size % part_size:
        parts.append(part.hexdigest())
    return replace(blank, size=size, sha256=whole.hexdigest(), part_size=part_size, parts=tuple(parts))


def part_size_for(size: int) -> int:
    """Parts of 32 MiB, or so large that 10,000 of them are enough."""
    return max(PART_SIZE, -(-size // MOST_PARTS // MIB) * MIB)


@contextmanager
def opened(source: str) -> Iterator[io.FileIO]:
    """A file to log, unbuffered. Raises `FileChanged` where it is gone and `Invalid` where it may not be read."""
    try:
        file = io.FileIO(source)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise errors.FileChanged(f"{source} was taken away while it was being logged") from error
    except OSError as error:
        raise errors.Invalid(f"{source} cannot be read: {error.strerror or error}") from error
    with file:
        yield file


def unchanged(hashed: HashedFile) -> bool:
    """Whether the file still holds the bytes that were hashed; it is read again only where its stamp says otherwise."""
    try:
        if Stamp.of(os.stat(hashed.source)) == hashed.stamp:
            return True
        again = hash_file(hashed.path, hashed.source)
    except (OSError, errors.FileChanged, errors.Invalid):
        return False
    if again.sha256 != hashed.sha256:
        return False
    hashed.stamp = again.stamp  # touched, linked or copied over itself: read again once, not once a part
    return True


def version_digest(entries: Iterable[tuple[str, str, int]]) -> str:
    """The digest of a version with these (path, sha256, size): of the contents alone, whatever their order."""
    lines = sorted((path.encode(), sha256, size) for path, sha256, size in entries)
    whole = hashlib.sha256()
    for path, sha256, size in lines:
        whole.update(b"%s\0%s\0%d\n" % (path, sha256.encode(), size))
    return whole.hexdigest()
