"""Where downloaded files land: inside one directory and nowhere else, whole or not at all."""

from __future__ import annotations

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
from contextlib import contextmanager
from pathlib import Path, PurePath

from filelock import FileLock, Timeout

from wanllmdb.sdk import errors, paths

TEMPORARY_PREFIX = ".wanllmdb-tmp-"
# Where a colon starts a hidden stream and a trailing dot is dropped, such names do not mean what they say.
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]|[. ](/|$)|(^|/)(con|prn|aux|nul|com\d|lpt\d)(\.|/|$)', re.IGNORECASE)


class Root:
    """A directory that files are written into, and never beside: not by `..`, and not through a symbolic link in it."""

    def __init__(self, root: str | PurePath) -> None:
        self.path = os.path.realpath(root)
        os.makedirs(self.path, exist_ok=True)
        self._sound = {self.path}
        self._lock = threading.Lock()

    def place(self, path: str) -> str:
        """Where this path of an artifact lies. The directory above it is there afterwards.

        Raises `InvalidPath` where the path, or a link or file standing in its way, leads elsewhere.
        """
        paths.check(path)
        if sys.platform == "win32" and _NOT_ON_WINDOWS.search(path):
            raise errors.InvalidPath(f"{path!r} cannot be a file's name on Windows")
        *parents, name = path.split("/")
        directory = self.path
        for parent in parents:
            directory = os.path.join(directory, parent)
            self._make_sound(directory)
        return os.path.join(directory, name)

    def _make_sound(self, directory: str) -> None:
        if directory in self._sound:
            return
        with self._lock:
            try:
                os.mkdir(directory)
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(directory).st_mode):
                    raise errors.InvalidPath(
                        f"{directory} is a link or a file where the artifact has a directory: nothing is written there"
                    ) from None
            self._sound.add(directory)

    def find(self, path: str) -> os.stat_result | None:
        """The plain file that is there already, reached through plain directories only; nothing is made."""
        directory = self.path
        *parents, name = paths.check(path).split("/")
        try:
            for parent in parents:
                directory = os.path.join(directory, parent)
                if directory not in self._sound and not stat.S_ISDIR(os.lstat(directory).st_mode):
                    return None
            found = os.lstat(os.path.join(directory, name))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found if stat.S_ISREG(found.st_mode) else None


class Temporary:
    """A directory inside a root for files that are not whole yet: on the same disk, and nobody else's."""

    def __init__(self, root: str) -> None:
        _sweep(root)
        name = f"{TEMPORARY_PREFIX}{_host()}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self.path = os.path.join(root, name)
        os.mkdir(self.path, 0o700)
        self._count = 0
        self._lock = threading.Lock()

    def name(self) -> str:
        """A path that was never given before."""
        with self._lock:
            self._count += 1
            return os.path.join(self.path, str(self._count))

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", socket.gethostname()) or "host"


def _sweep(root: str) -> None:
    """Take away what a crash left behind: directories of processes of this machine that are no more."""
    ours = f"{TEMPORARY_PREFIX}{_host()}-"
    for path in Path(root).glob(f"{ours}*-*"):
        number = path.name[len(ours) :].split("-")[0]
        if number.isdigit() and not _is_alive(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: int) -> bool:
    if sys.platform == "win32":
        return True  # signal 0 would end the process there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def alone(root: str, cache_dir: Path, on_wait: Callable[[], object]) -> Iterator[None]:
    """Hold back other processes of this machine that download to the same directory: they find the files there then.

    Where the file system has no locks everybody goes ahead: two at once are safe, only slower.
    """
    name = hashlib.sha256(root.encode("utf-8", "surrogateescape")).hexdigest()[:2]
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
        lock.release()
