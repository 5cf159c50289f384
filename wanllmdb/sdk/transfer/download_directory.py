"""The directory of a download: path checks, temporary files, and a lock between processes."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import stat
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath

from filelock import FileLock, Timeout

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.paths import TEMP_PREFIX as TEMP_PREFIX

# A disk that refuses every write, whatever is written.
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL = (errno.ENOSPC, errno.EDQUOT)
# On Windows a colon starts an alternate data stream, trailing dots are dropped, and some names are devices.
_INVALID_ON_WINDOWS = re.compile(r'[<>:"|?*]|[. ](/|$)|(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)', re.IGNORECASE)


class DownloadDirectory:
    """A directory that files are written into, and never outside of it: neither by `..` nor through a symbolic link."""

    def __init__(self, path: str | PurePath) -> None:
        self.path = os.path.realpath(path)
        try:
            os.makedirs(self.path, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise errors.Invalid(f"{self.path} is not a directory, or lies below a file: use another root") from error
        except OSError as error:
            raise write_error(self.path, error) from error
        self._checked = {self.path}
        self._is_filled: dict[str, bool] = {}
        self._lock = threading.Lock()

    def local_path(self, path: str) -> str:
        """The local path for a path of the artifact. Its parent directory is created.

        Raises `InvalidPath` if the path, or a link or file on the way, leads outside.
        """
        paths.validate(path)
        if sys.platform == "win32" and _INVALID_ON_WINDOWS.search(path):
            raise errors.InvalidPath(f"{path!r} is not a valid file name on Windows")
        *parents, name = path.split("/")
        directory = self.path
        for parent in parents:
            directory = os.path.join(directory, parent)
            self._make_directory(directory)
        return os.path.join(directory, name)

    def _make_directory(self, directory: str) -> None:
        if directory in self._checked:
            return
        with self._lock:
            try:
                os.mkdir(directory)
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(directory).st_mode):
                    raise errors.InvalidPath(
                        f"{directory} is a link or a file, but the artifact has a directory there: nothing was written"
                    ) from None
            except OSError as error:
                raise write_error(directory, error) from error
            self._checked.add(directory)

    def existing_path(self, path: str) -> str:
        """The local path of a file that is there: see `stat_file`. Creates nothing."""
        return os.path.join(self.path, path.replace("/", os.sep)) if path else self.path

    def stat_file(self, path: str) -> os.stat_result | None:
        """The regular file that exists at this path, reached without links; None if there is none. Creates nothing.

        Raises `Invalid` where it cannot be known.
        """
        directory = self.path
        *parents, name = paths.validate(path).split("/")
        try:
            for parent in parents:
                directory = os.path.join(directory, parent)
                if directory not in self._checked and not stat.S_ISDIR(os.lstat(directory).st_mode):
                    return None
            result = os.lstat(os.path.join(directory, name))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            message = f"{os.path.join(self.path, path)} cannot be read: {error.strerror or error}"
            raise errors.Invalid(message) from error
        return result if stat.S_ISREG(result.st_mode) else None

    def has_anything_in(self, folder: str) -> bool:
        """Whether a folder of the artifact was there, with something in it, when this was first asked."""
        if folder not in self._is_filled:
            try:
                with os.scandir(self.existing_path(folder)) as items:
                    self._is_filled[folder] = any(not item.name.startswith(TEMP_PREFIX) for item in items)
            except (FileNotFoundError, NotADirectoryError):
                self._is_filled[folder] = False
            except OSError:
                self._is_filled[folder] = True
        return self._is_filled[folder]

    def inodes(self, folder: str) -> dict[str, int]:
        """Of the regular files in a folder of the artifact, by name: in one call for all. Empty if it is not known."""
        try:
            with os.scandir(self.existing_path(folder)) as items:
                return {item.name: item.inode() for item in items if item.is_file(follow_symlinks=False)}
        except OSError:
            return {}


def full_disk_error(path: str, error: BaseException) -> OSError | None:
    """The same with the directory that was written to, if it is the error of a full disk."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return OSError(error.errno, f"The disk of {path} is full ({error.strerror}): free some space")
    return None


def write_error(path: str, error: OSError) -> OSError | errors.Invalid:
    """What to raise where `path` could not be written: the error itself, unless it can be said more plainly."""
    if error.errno in _UNWRITABLE:
        return errors.Invalid(f"{path} cannot be written: {error.strerror}")
    if error.errno == errno.ENAMETOOLONG:
        return errors.InvalidPath(f"{path} is longer than this disk takes")
    return error


class TempDir:
    """A directory for incomplete files of this process, inside the download directory and so on the same disk."""

    def __init__(self, root: str) -> None:
        remove_stale(root)
        name = f"{TEMP_PREFIX}{_host_name()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.path = os.path.join(root, name)
        os.mkdir(self.path, 0o700)
        self._count = 0
        self._lock = threading.Lock()

    def new_path(self) -> str:
        """A path that was not returned before."""
        with self._lock:
            self._count += 1
            return os.path.join(self.path, str(self._count))

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _host_name() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname()) or "host"


def remove_stale(root: str) -> None:
    """Remove what a crash left behind: directories of processes of this machine that no longer run."""
    prefix = f"{TEMP_PREFIX}{_host_name()}-"
    for path in Path(root).glob(f"{prefix}*-*"):
        pid = path.name[len(prefix) :].split("-")[0]
        if pid.isdigit() and not _is_running(int(pid)):
            shutil.rmtree(path, ignore_errors=True)


def _is_running(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # signal 0 would end the process there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def download_lock(root: str, cache_dir: Path, on_wait: Callable[[], object]) -> Iterator[None]:
    """Make other processes of this machine that download to the same directory wait; they find the files there then.

    Without file locks on the file system all proceed at once, which is safe but slower.
    """
    name = hashlib.sha256(root.encode("utf-8", "surrogateescape")).hexdigest()
    lock = FileLock(cache_dir / "locks" / f"{name}.lock", thread_local=False)
    try:
        os.makedirs(cache_dir / "locks", exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            lock.acquire()
    except (OSError, NotImplementedError):
        yield
        return
    try:
        yield
    finally:
        # Whoever waits makes it again: at worst two proceed at once.
        with suppress(OSError):
            os.unlink(lock.lock_file)
        lock.release()
