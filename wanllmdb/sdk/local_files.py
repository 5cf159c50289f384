"""Local files on their way into an artifact: what they were when they were added, and those of a directory."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.exclusions import Exclusions
from wanllmdb.sdk.host_environment import directories
from wanllmdb.sdk.paths import TEMP_PREFIX, StrPath

# A file written again at once may keep its time: clocks of disks tick every few milliseconds, some every two seconds.
_FRESH_NS = 2_000_000_000
_TICK_NS = 20_000_000
_MAX_HASHED_SIZE = 1 << 20  # larger ones wait for the next tick instead


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file as it was when it was added to a draft."""

    source: str
    """Its absolute path."""
    size: int
    """In bytes."""
    modified_ns: int
    inode: int
    executable: bool
    sha256: str | None
    """Of a small file that was written a moment before, whose time alone proves nothing."""

    @classmethod
    def from_stat(cls, source: str, result: os.stat_result) -> LocalFile:
        """Takes the stamp of a file that was just examined."""
        age = time.time_ns() - result.st_mtime_ns
        sha256 = None
        if age < _FRESH_NS:
            if result.st_size < _MAX_HASHED_SIZE:
                sha256 = _sha256(source, result.st_size)
            elif 0 <= age < _TICK_NS:
                time.sleep((_TICK_NS - age) / 1e9)
        # Windows has no such bit: there it is made up from the end of the name.
        executable = sys.platform != "win32" and bool(result.st_mode & stat.S_IXUSR)
        return cls(source, result.st_size, result.st_mtime_ns, result.st_ino, executable, sha256)

    def __fspath__(self) -> str:
        return self.source

    def __deepcopy__(self, memo: object) -> LocalFile:
        return self

    def is_same(self, size: int, modified_ns: int, inode: int, sha256: str) -> bool:
        """Whether a file that was read with this size, time, inode and sha256 is still the one that was added."""
        if self.sha256:
            return self.sha256 == sha256
        return (self.size, self.modified_ns, self.inode) == (size, modified_ns, inode)

    def require_unchanged(self) -> os.stat_result:
        """What it looks like now. Raises `FileChanged` if that is different, before anything is read of the others."""
        try:
            now = os.stat(self.source)
        except (FileNotFoundError, NotADirectoryError):
            raise errors.FileChanged(f"{self.source} was removed since it was added; nothing was logged") from None
        except OSError as error:
            raise errors.Invalid(f"{self.source} cannot be read: {error.strerror or error}") from error
        if (self.size, self.modified_ns, self.inode) == (now.st_size, now.st_mtime_ns, now.st_ino):
            return now
        # A small file may have been touched or written again with the same bytes.
        if self.sha256 is None or self.size != now.st_size or _sha256(self.source, self.size) != self.sha256:
            raise self.changed_error()
        return now

    def changed_error(self) -> errors.FileChanged:
        return errors.FileChanged(
            f"{self.source} has changed since it was added; nothing was logged. To log it as it is now, add it again; "
            "to log several states of one file, add each under a name of its own on the disk"
        )


def _sha256(source: str, size: int) -> str | None:
    try:
        with open(source, "rb", buffering=0) as file:
            return hashlib.sha256(file.read(size + 1) or b"").hexdigest()
    except OSError:
        return None  # it is refused when it is logged


def expand_user(path: StrPath) -> str:
    """The path with `~` expanded. Raises `Invalid`."""
    text = paths.to_text(path)
    if "\0" in text:
        raise errors.Invalid(f"{text!r} is not a path: it contains a NUL character")
    if text == "~" or text.startswith(("~/", f"~{os.sep}")):
        return str(directories.expand(text))
    return os.path.expanduser(text)  # the home of another user, or a file whose name begins so


def absolute_path(path: StrPath) -> str:
    """The path on this machine, `~` expanded; symbolic links in it are not resolved. Raises `Invalid`."""
    text = expand_user(path)
    try:
        return os.path.abspath(text)
    except FileNotFoundError as error:
        raise errors.Invalid(f"{text} is relative to the working directory, which was deleted") from error


def named_path(path: StrPath) -> str:
    """`absolute_path` of what somebody names: an empty one is a variable without a value, more often than `.`."""
    if not paths.to_text(path):
        raise errors.Invalid("The path is empty: write '.' for the current directory")
    return absolute_path(path)


def get_stat(source: str) -> os.stat_result:
    """Raises `Invalid` with the reason for what is not there or cannot be examined."""
    try:
        return os.stat(source)
    except FileNotFoundError as error:
        problem = "is a broken symbolic link" if os.path.islink(source) else "does not exist"
        raise errors.Invalid(f"{source} {problem}") from error
    except (OSError, ValueError) as error:
        raise errors.Invalid(f"{source} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def require_regular_file(source: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise errors.Invalid(f"{source} is not a regular file: sockets, pipes and devices cannot be logged")


def iter_files(top: str, exclusions: Exclusions) -> Iterator[tuple[str, LocalFile]]:
    """Every file with its path below top. Symbolic links are followed; one that leads in a circle is an error.

    What is excluded is not looked at.
    """
    pending: list[tuple[str, str, frozenset[tuple[int, int]], Exclusions]] = [(top, "", frozenset(), exclusions)]
    while pending:
        directory, prefix, parents, rules = pending.pop()
        info = os.stat(directory)
        identity = (info.st_dev, info.st_ino)
        if identity in parents:
            raise errors.Invalid(f"{directory} is a symbolic link to a directory that contains it")
        rules = rules.with_ignore_file(directory, prefix)
        with os.scandir(directory) as items:
            for item in items:
                path = f"{prefix}{item.name}"
                if not prefix and item.name.startswith(TEMP_PREFIX):
                    continue  # left behind by a download that crashed
                is_folder = item.is_dir()
                if rules.match(path, is_folder):
                    continue
                if is_folder:
                    pending.append((item.path, f"{path}/", parents | {identity}, rules))
                    continue
                result = get_stat(item.path)
                require_regular_file(item.path, result.st_mode)
                yield path, LocalFile.from_stat(item.path, result)
