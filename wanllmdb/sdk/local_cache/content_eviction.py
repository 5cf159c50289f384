"""What the cache of contents has, how it is kept small, and whether its bytes are still right.

Other processes may read and write meanwhile, and delete the same.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wanllmdb.sdk.local_cache import content_packs, file_copies, json_files
from wanllmdb.sdk.local_cache.content_files import NAME, USED, free_space, list_directory
from wanllmdb.sdk.local_cache.content_packs import Pack
from wanllmdb.sdk.progress import OnProgress

MAX_FILES = 100_000
"""More are deleted too, whatever their size, so that they can be listed in a second."""
_GROWTH = "growth"
"""A file with a line for each download since all was listed: how many bytes and files it has added."""
_MAX_LINES = 10_000
_STALE_AFTER = 24 * 3600
"""So many seconds a directory of temporary files is left alone, if it is not known to be nobody's."""


@dataclass(frozen=True, slots=True)
class CachedFile:
    """A content, or a pack of small ones."""

    path: Path
    size: int
    """In bytes."""
    used_at: float
    """Seconds since 1970: when it was added, or used last."""
    is_linked: bool
    """Whether a file elsewhere shares its bytes, so that deleting it frees nothing."""

    @property
    def is_pack(self) -> bool:
        return self.path.suffix == content_packs.SUFFIX


def scan(directory: Path) -> list[CachedFile]:
    """All that is cached, what was not used for the longest time first."""
    files = [*_scan_packs(directory / "packs")]
    for prefix in list_directory(directory / "files"):
        files += _scan_files(directory / "files" / prefix)
    return sorted(files, key=lambda file: file.used_at)


def _scan_packs(directory: Path) -> Iterator[CachedFile]:
    for name, result in _stat_all(directory):
        if name.endswith(content_packs.SUFFIX):
            yield _cached_file(directory / name, result, result.st_mtime)


def _scan_files(directory: Path) -> Iterator[CachedFile]:
    results = dict(_stat_all(directory))
    for name, result in results.items():
        if NAME.fullmatch(name):
            used = results.get(f"{name[:64]}{USED}", result)
            yield _cached_file(directory / name, result, max(result.st_mtime, used.st_mtime))


def _stat_all(directory: Path) -> Iterator[tuple[str, os.stat_result]]:
    for name in list_directory(directory):
        with suppress(OSError):
            result = os.lstat(directory / name)
            if stat.S_ISREG(result.st_mode):
                yield name, result


def _cached_file(path: Path, result: os.stat_result, used_at: float) -> CachedFile:
    return CachedFile(path, result.st_size, used_at, result.st_nlink > 1)


def make_room(directory: Path, limit: int, size: int, count: int) -> None:
    """After so many bytes and files were added: if the cache is too large now, leave 90 % of what it may have.

    It is only listed then: what is added is summed up in a file, to which each process appends. Raises `CacheError`,
    OSError.
    """
    remove_stale(directory / "temporary")
    path = directory / _GROWTH
    is_known = path.exists()
    json_files.append(path, b"%d %d\n" % (size, count))
    try:
        growth = [tuple(map(int, line.split())) for line in path.read_bytes().splitlines()]
        sizes, counts = zip(*growth, strict=True)
        is_known = is_known and len(growth) < _MAX_LINES
    except ValueError:  # a loss of power has left half a line
        is_known = False
    if not is_known or sum(sizes) > limit or sum(counts) > MAX_FILES or free_space(directory) < 0:
        prune(directory, limit * 9 // 10, max_files=MAX_FILES * 9 // 10)


def prune(
    directory: Path, limit: int, used_before: float | None = None, max_files: int | None = None
) -> list[CachedFile]:
    """Delete what was not used since `used_before`, and then what was not used for the longest time, until the cache
    has at most `limit` bytes and enough of the disk is free. Returns what was deleted."""
    files = scan(directory)
    size = sum(file.size for file in files)
    surplus = len(files) - max_files if max_files is not None else 0
    lacking = -free_space(directory) if files else 0
    deleted = []
    for file in files:
        is_old = used_before is not None and file.used_at < used_before
        if not is_old and max(size - limit, surplus, lacking) <= 0:
            break
        if not delete(file):
            continue
        deleted.append(file)
        size -= file.size
        surplus -= 1
        lacking -= 0 if file.is_linked else file.size
    if directory.exists():
        _write_growth(directory, size, len(files) - len(deleted))
    return deleted


def _write_growth(directory: Path, size: int, count: int) -> None:
    temporary = directory / "temporary" / uuid.uuid4().hex
    with suppress(OSError):
        temporary.touch(mode=0o600)
        temporary.write_bytes(b"%d %d\n" % (size, count))
        temporary.replace(directory / _GROWTH)


def delete(file: CachedFile) -> bool:
    """False if it cannot be deleted, so that its bytes stay on the disk."""
    try:
        file.path.unlink(missing_ok=True)
        if not file.is_pack:
            file.path.with_name(f"{file.path.name[:64]}{USED}").unlink(missing_ok=True)
    except OSError:
        return False
    return True


def remove_stale(directory: Path) -> None:
    """Delete what downloads of other machines, which were killed, have left in the directory of temporary files."""
    for name in list_directory(directory):
        with suppress(OSError):
            if os.lstat(directory / name).st_mtime < time.time() - _STALE_AFTER:
                shutil.rmtree(directory / name, ignore_errors=True)


def content_count(file: CachedFile) -> int:
    """How many contents it has; none if it is gone."""
    if not file.is_pack:
        return 1
    try:
        with Pack(file.path) as pack:
            return len(pack.records())
    except OSError:
        return 0


def is_correct(file: CachedFile, on_progress: OnProgress) -> bool:
    """Whether it still has the content that its name says, or those that its records say. Raises OSError."""
    on_progress(0, 1)
    if file.is_pack:
        with Pack(file.path) as pack:
            records = pack.records()
            are_correct = [pack.content(record) is not None for record in records]
        on_progress(file.size)
        return bool(records) and all(are_correct)
    with file_copies.open_regular(file.path) as source:
        sha256 = file_copies.sha256(source, on_progress)
    return sha256 == file.path.name[:64]
