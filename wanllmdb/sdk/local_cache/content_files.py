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
from contextlib import suppress
from io import FileIO
from pathlib import Path

from wanllmdb.sdk.local_cache import file_copies
from wanllmdb.sdk.progress import OnProgress, ignore_progress

NAME = re.compile(r"([0-9a-f]{64})-([0-9a-f]+)-([0-9a-f]+)")
USED = ".used"
_CLONED_FROM = 1 << 20
"""Where blocks can be shared, a smaller file becomes a hard link all the same, which takes a fraction of the time."""
_PAST_NS = 2_000_000_000
"""By so much a file is dated back: whatever is written to it later changes its time, however coarse the disk's is."""


class ContentFiles:
    """The files of one cache, as they are listed when they are first needed. Safe to use from several threads."""

    def __init__(self, path: Path, *, is_own: bool, hard_links: bool = False) -> None:
        self._path = path
        self._is_own = is_own
        """Whether this user writes them. What others have written is hashed whenever it is read."""
        self._hard_links = hard_links
        """Whether downloads are hard links of these files, and so are read-only."""
        self._names: dict[str, dict[str, str]] = {}

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self._list(sha256[:2])

    def _list(self, prefix: str) -> dict[str, str]:
        if prefix not in self._names:
            names = (NAME.fullmatch(name) for name in list_directory(self._path / prefix))
            self._names[prefix] = {match[1]: match[0] for match in names if match}
        return self._names[prefix]

    def _local_path(self, name: str) -> Path:
        return self._path / name[:2] / name

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
            if is_copied and self._is_own:
                _touch(self._local_path(f"{sha256}{USED}"))
        except OSError:  # deleted meanwhile; or the disk is full, which is told by whoever downloads the file then
            is_copied = False
        count(size - copied if is_copied else -copied)
        if not is_copied:
            with suppress(OSError):
                os.unlink(target)
        return is_copied

    def _copy(self, source: FileIO, name: str, size: int, target: str, on_progress: OnProgress) -> bool:
        before = os.fstat(source.fileno())
        if before.st_size == size and self._is_unchanged(name, before):
            if self._hard_links and not before.st_mode & 0o333:
                os.link(self._local_path(name), target)
                return os.path.samestat(os.lstat(target), before)
            with FileIO(target, "xb") as copy:
                is_complete = file_copies.copy(source, copy, size, on_progress)
            return is_complete and file_name(name[:64], os.fstat(source.fileno())) == name
        with FileIO(target, "xb") as copy:
            is_correct = before.st_size == size and (
                file_copies.copy_hashed(source, copy, size, on_progress) == name[:64]
            )
        if self._is_own:
            self._correct(name, before, is_correct=is_correct)
        return is_correct

    def _is_unchanged(self, name: str, result: os.stat_result) -> bool:
        """Whether the file is known to have its content: nobody wrote to it, and the machine did not crash since."""
        if not self._is_own or file_name(name[:64], result) != name:
            return False
        verified_ns = result.st_mtime_ns
        with suppress(OSError):
            verified_ns = max(verified_ns, self._local_path(f"{name[:64]}{USED}").lstat().st_mtime_ns)
        # After a loss of power the end of a file may never have been written, though its size and time are right.
        return verified_ns > _booted_ns()

    def _correct(self, name: str, result: os.stat_result, *, is_correct: bool) -> None:
        """Give a file that was hashed the name that it should have, or delete it if its content is another one."""
        names, sha256 = self._names[name[:2]], name[:64]
        if not is_correct:
            names.pop(sha256, None)
            self._local_path(name).unlink()
        elif result.st_mtime_ns < time.time_ns() - _PAST_NS:
            names[sha256] = file_name(sha256, result)
            self._local_path(name).rename(self._local_path(names[sha256]))

    # --- Into the cache -----------------------------------------------------------------------------------------------

    def add(self, sha256: str, source: str, size: int, temporary: Path) -> None:
        """Keep a file that is complete and verified, and that nobody else knows yet. It is dated back a little.

        `temporary` is a new path in the cache. Raises OSError.
        """
        (self._path / sha256[:2]).mkdir(exist_ok=True)
        if size >= _CLONED_FROM and not self._hard_links:
            with FileIO(source) as reader, FileIO(temporary, "xb") as writer:
                is_cloned = file_copies.clone(reader, writer)
            if is_cloned:
                self._move(sha256, temporary)
                return
            temporary.unlink()
        try:
            self._link(sha256, source)
        except OSError:  # another disk, or one without hard links
            require_room(self._path, size)
            with FileIO(source) as reader, FileIO(temporary, "xb") as writer:
                file_copies.copy(reader, writer, size, ignore_progress)
            self._move(sha256, temporary)

    def add_content(self, sha256: str, content: bytes, temporary: Path) -> None:
        """The same for the bytes of a file."""
        (self._path / sha256[:2]).mkdir(exist_ok=True)
        with FileIO(temporary, "xb") as writer:
            writer.write(content)
        self._move(sha256, temporary)

    def _link(self, sha256: str, source: str) -> None:
        if self._hard_links:
            os.chmod(source, stat.S_IMODE(os.stat(source).st_mode) & ~0o222)
        os.utime(source, ns=_past())
        name = file_name(sha256, os.stat(source))
        os.link(source, self._local_path(name))
        self._remember(name)

    def _move(self, sha256: str, temporary: Path) -> None:
        os.utime(temporary, ns=_past())
        name = file_name(sha256, os.stat(temporary))
        os.replace(temporary, self._local_path(name))
        self._remember(name)

    def _remember(self, name: str) -> None:
        if name[:2] in self._names:
            self._names[name[:2]][name[:64]] = name


def file_name(sha256: str, result: os.stat_result) -> str:
    return f"{sha256}-{result.st_mtime_ns:x}-{result.st_ino:x}"


def list_directory(path: Path) -> list[str]:
    """The names in it; none of what is a link, is no directory, or cannot be read."""
    try:
        return os.listdir(path) if stat.S_ISDIR(path.lstat().st_mode) else []
    except OSError:
        return []


def require_room(path: Path, size: int) -> None:
    """Raises OSError unless this much can be written and some of the disk is left: 5 %, or 10 GiB of a large one."""
    if free_space(path) < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def free_space(path: Path) -> int:
    """What the cache may still use of its disk, in bytes; negative if more should be free than is."""
    usage = shutil.disk_usage(path)
    return usage.free - min(usage.total // 20, 10 << 30)


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except FileNotFoundError:
        path.touch(mode=0o600)


def _past() -> tuple[int, int]:
    """Times of last access and last change: now, and a whole and even second before, as every disk can store it."""
    now = time.time_ns()
    return now, (now - _PAST_NS) // _PAST_NS * _PAST_NS


@functools.cache
def _booted_ns() -> int:
    """When this machine was started."""
    since = time.clock_gettime_ns(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic_ns()
    return time.time_ns() - since
