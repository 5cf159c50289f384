"""Contents of the cache that have a file each, in `files/<first two digits>/`.

The name of a file has its sha256 and its fingerprint, time of last change and inode. It may be a hard link to a file of
a download directory: writing to that changes the time, so that the file no longer is what its name says. An empty file
`<sha256>.used` has the time of last use.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from pathlib import Path

from wanllmdb.sdk.local_cache import file_copies
from wanllmdb.sdk.progress import OnProgress, ignore_progress

NAME = re.compile(r"([0-9a-f]{64})-([0-9a-f]+)-([0-9a-f]+)")
USED = ".used"
_CLONED_FROM = 1 << 20
"""Where blocks can be shared, a smaller file becomes a hard link all the same, which takes a fraction of the time."""
_USE_INTERVAL_NS = 3600 * 10**9
"""Uses are noted once an hour."""
_PAST_NS = 2_000_000_000
"""By so much a file is dated back: whatever is written to it later changes its time, however coarse the disk's is."""


class ContentFiles:
    """The files of one cache, as they are listed when they are first needed. Safe to use from several threads."""

    def __init__(self, path: Path, *, is_own: bool, hard_links: bool = False) -> None:
        self._path = str(path)
        self._is_own = is_own
        """Whether this user writes them. What others have written is hashed whenever it is read."""
        self._hard_links = hard_links
        """Whether downloads are hard links of these files, and so are read-only."""
        self._names: dict[str, dict[str, str]] = {}
        self._linked: set[str] = set()
        """What was given out as a hard link: once, as two paths of a directory must not be one file."""

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._list(sha256[:2])

    def _list(self, prefix: str) -> dict[str, str]:
        if prefix not in self._names:
            names = (NAME.fullmatch(name) for name in list_directory(os.path.join(self._path, prefix)))
            self._names[prefix] = {match[1]: match[0] for match in names if match}
        return self._names[prefix]

    def _local_path(self, name: str) -> str:
        return f"{self._path}/{name[:2]}/{name}"

    # --- Out of the cache ---------------------------------------------------------------------------------------------

    def copy(self, sha256: str, size: int, target: str, on_progress: OnProgress) -> bool:
        """Whether the content is here, and now at the new path `target` too. What is broken is deleted here."""
        name = self._list(sha256[:2]).get(sha256)
        if name is None:
            return False
        copied = 0

        def count(size: int, files: int = 0, *, is_reused: bool = True) -> None:
            nonlocal copied
            copied += size
            on_progress(size, files, is_reused=True)

        try:
            with file_copies.open_regular(self._local_path(name)) as source:
                is_copied = self._copy(source, name, size, target, count)
        except OSError:  # deleted meanwhile; or the disk is full, which is told by whoever downloads the file then
            is_copied = False
        if not is_copied:
            count(-copied)
            with suppress(OSError):
                os.unlink(target)
        elif copied != size:
            count(size - copied)
        return is_copied

    def _copy(self, source: FileIO, name: str, size: int, target: str, on_progress: OnProgress) -> bool:
        before = os.fstat(source.fileno())
        used_ns = self._used_ns(name, before)
        # After a loss of power the end of a file may never have been written, though its size and time are right.
        is_known = self._is_own and file_name(name[:64], before) == name and used_ns > _booted_ns()
        if before.st_size != size or not is_known:
            return self._copy_hashed(source, name, size, target, on_progress)
        if self._hard_links and not before.st_mode & 0o333 and name not in self._linked:
            self._linked.add(name)
            os.link(self._local_path(name), target)
            is_copied = os.path.samestat(os.lstat(target), before)
        else:
            with FileIO(target, "xb") as copy:
                is_copied = file_copies.copy(source, copy, size, on_progress)
            is_copied = is_copied and file_name(name[:64], os.fstat(source.fileno())) == name
        if is_copied and used_ns < time.time_ns() - _USE_INTERVAL_NS:
            self._touch(name)
        return is_copied

    def _copy_hashed(self, source: FileIO, name: str, size: int, target: str, on_progress: OnProgress) -> bool:
        """Copy what may have changed, and give it the name that it should have here, or delete it."""
        sha256 = name[:64]
        before = os.fstat(source.fileno())
        with FileIO(target, "xb") as copy:
            is_correct = before.st_size == size and (file_copies.copy_hashed(source, copy, size, on_progress) == sha256)
        if not self._is_own:
            return is_correct
        names = self._names[name[:2]]
        if not is_correct:
            names.pop(sha256, None)
            os.unlink(self._local_path(name))
        elif before.st_mtime_ns < time.time_ns() - _PAST_NS:
            names[sha256] = file_name(sha256, before)
            os.rename(self._local_path(name), self._local_path(names[sha256]))
            self._touch(name)
        return is_correct

    def _used_ns(self, name: str, result: os.stat_result) -> int:
        """When it was added or used last: then it had its content."""
        with suppress(OSError):
            return max(result.st_mtime_ns, os.lstat(self._local_path(f"{name[:64]}{USED}")).st_mtime_ns)
        return result.st_mtime_ns

    def _touch(self, name: str) -> None:
        path = self._local_path(f"{name[:64]}{USED}")
        try:
            os.utime(path)
        except FileNotFoundError:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))

    # --- Into the cache -----------------------------------------------------------------------------------------------

    def add(self, sha256: str, source: str, size: int, new_path: Callable[[], str]) -> None:
        """Keep a file that is complete and verified, and that nobody else knows yet. It is dated back a little.

        `new_path` gives a path in the cache for what is not complete. Raises OSError.
        """
        if size >= _CLONED_FROM and not self._hard_links and self._add_clone(sha256, source, new_path()):
            return
        try:
            self._link(sha256, source)
        except OSError:  # another disk, or one without hard links
            require_room(self._path, size)
            temporary = new_path()
            with FileIO(source) as reader, FileIO(temporary, "xb") as writer:
                file_copies.copy(reader, writer, size, ignore_progress)
            self._move(sha256, temporary)

    def add_content(self, sha256: str, content: bytes, temporary: str) -> None:
        """Keep the bytes of a file. Raises OSError."""
        with FileIO(temporary, "xb") as writer:
            file_copies.write_all(writer, memoryview(content))
        self._move(sha256, temporary)

    def _add_clone(self, sha256: str, source: str, temporary: str) -> bool:
        with FileIO(source) as reader, FileIO(temporary, "xb") as writer:
            is_cloned = file_copies.clone(reader, writer)
        if is_cloned:
            self._move(sha256, temporary)
        else:
            os.unlink(temporary)
        return is_cloned

    def _link(self, sha256: str, source: str) -> None:
        if self._hard_links:
            os.chmod(source, stat.S_IMODE(os.stat(source).st_mode) & ~0o222)
        self._enter(sha256, source, os.link)

    def _move(self, sha256: str, temporary: str) -> None:
        self._enter(sha256, temporary, os.replace)

    def _enter(self, sha256: str, path: str, enter: Callable[[str, str], None]) -> None:
        """Give the file its name in the cache too, or instead."""
        os.utime(path, ns=_past())
        name = file_name(sha256, os.stat(path))
        try:
            enter(path, self._local_path(name))
        except FileNotFoundError:
            os.makedirs(os.path.join(self._path, name[:2]), exist_ok=True)
            enter(path, self._local_path(name))
        if name[:2] in self._names:
            self._names[name[:2]][sha256] = name


def file_name(sha256: str, result: os.stat_result) -> str:
    return f"{sha256}-{result.st_mtime_ns:x}-{result.st_ino:x}"


def list_directory(path: str | Path) -> list[str]:
    """The names in it; none of what is a link, is no directory, or cannot be read."""
    try:
        return os.listdir(path) if stat.S_ISDIR(os.lstat(path).st_mode) else []
    except OSError:
        return []


def require_room(path: str | Path, size: int) -> None:
    """Raises OSError unless this much can be written and some of the disk is left: 5 %, or 10 GiB of a large one."""
    if free_space(path) < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def free_space(path: str | Path) -> int:
    """What the cache may still use of its disk, in bytes; negative if more should be free than is."""
    usage = shutil.disk_usage(path)
    return usage.free - min(usage.total // 20, 10 << 30)


def _past() -> tuple[int, int]:
    """Times of last access and last change: now, and a whole and even second before, as every disk can store it."""
    now = time.time_ns()
    return now, (now - _PAST_NS) // _PAST_NS * _PAST_NS


@functools.cache
def _booted_ns() -> int:
    """When this machine was started."""
    since = time.clock_gettime_ns(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic_ns()
    return time.time_ns() - since
