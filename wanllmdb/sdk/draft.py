"""An artifact that is being put together: which local files it will hold, and under which paths."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.transfer import download_directory


class Draft:
    """Files are read when the draft is logged, not when they are added."""

    def __init__(self, name: str, type: str, description: str | None, metadata: Mapping[str, Any] | None) -> None:
        self.name = paths.check_name(name)
        self.type = type
        self.description = description or ""
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.sources: dict[str, str] = {}
        """Path in the artifact → absolute path on this machine."""
        self._folders: set[str] = set()
        self._staging: str | None = None

    @property
    def size(self) -> int:
        """In bytes, as the files are now; those that are gone count nothing."""
        return sum(os.path.getsize(source) for source in self.sources.values() if os.path.exists(source))

    def add_file(self, local_path: str | os.PathLike[str], name: str | None = None) -> str:
        source = os.path.abspath(os.fspath(local_path))
        mode = _mode(source)
        if stat.S_ISDIR(mode):
            raise errors.Invalid(f"{local_path} is a directory: add it with add_dir")
        _check_regular(source, mode)
        return self._put(paths.from_local(os.path.basename(source) if name is None else name), source)

    def add_dir(self, local_path: str | os.PathLike[str], name: str | None = None) -> None:
        top = os.path.abspath(os.fspath(local_path))
        if not stat.S_ISDIR(_mode(top)):
            raise errors.Invalid(f"{local_path} is not a directory: add it with add_file")
        prefix = paths.from_local(name.rstrip("/")) + "/" if name else ""
        try:
            found = sorted((paths.from_local(prefix + relative), source) for relative, source in _walk(top))
        except OSError as error:
            raise errors.Invalid(f"{error.filename or top} cannot be read: {error.strerror or error}") from error
        before = dict(self.sources), set(self._folders)
        try:
            for path, source in found:
                self._put(path, source)
        except errors.PathTaken:
            self.sources, self._folders = before
            raise

    @contextmanager
    def new_file(self, name: str, mode: str = "w", encoding: str | None = None) -> Iterator[IO[Any]]:
        if mode not in ("w", "x", "wb", "xb", "wt", "xt"):
            raise errors.Invalid(f"A new file is opened for writing: mode 'w' or 'wb', not {mode!r}")
        path = paths.from_local(name)
        self._check_free(path)
        source = os.path.join(self._stage(), str(len(self.sources)) + "-" + os.urandom(8).hex())
        text = "b" not in mode
        with open(source, mode, encoding=encoding or "utf-8" if text else None, newline="" if text else None) as file:
            yield file
        self._put(path, source)

    def remove(self, item: str) -> None:
        if item not in self.sources:
            raise errors.NotFound(f"{item!r} is not in artifact {self.name!r}")
        del self.sources[item]
        self._folders = {folder for path in self.sources for folder in _folders(path)}

    def _put(self, path: str, source: str) -> str:
        held = self.sources.get(path)
        if held is not None and os.path.realpath(held) == os.path.realpath(source):
            return path
        self._check_free(path)
        self.sources[path] = source
        self._folders.update(_folders(path))
        return path

    def _check_free(self, path: str) -> None:
        if path in self.sources:
            raise errors.PathTaken(f"{path!r} is in artifact {self.name!r} already: remove it first to replace it")
        blocking = next((folder for folder in _folders(path) if folder in self.sources), None)
        if path in self._folders or blocking is not None:
            raise errors.PathTaken(f"{blocking or path!r} cannot be both a file and a directory of an artifact")

    def _stage(self) -> str:
        if self._staging is None:
            self._staging = tempfile.mkdtemp(prefix="wanllmdb-")
            weakref.finalize(self, shutil.rmtree, self._staging, ignore_errors=True)
        return self._staging


def _folders(path: str) -> Iterator[str]:
    cut = path.rfind("/")
    while cut > 0:
        yield path[:cut]
        cut = path.rfind("/", 0, cut)


def _mode(source: str) -> int:
    try:
        return os.stat(source).st_mode
    except FileNotFoundError as error:
        what = "is a link to nothing" if os.path.islink(source) else "does not exist"
        raise errors.Invalid(f"{source} {what}") from error
    except OSError as error:
        raise errors.Invalid(f"{source} cannot be read: {error.strerror or error}") from error


def _check_regular(source: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise errors.Invalid(f"{source} is not a regular file: sockets, pipes and devices cannot be logged")


def _walk(top: str) -> Iterator[tuple[str, str]]:
    """(path below top, source) of every file, symbolic links followed, and refused where they lead in a circle."""
    pending: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(top, "", frozenset())]
    while pending:
        directory, below, above = pending.pop()
        found = os.stat(directory)
        identity = (found.st_dev, found.st_ino)
        if identity in above:
            raise errors.Invalid(f"{directory} is a link to a directory that it lies in")
        with os.scandir(directory) as items:
            for item in items:
                if not below and item.name.startswith(download_directory.TEMPORARY_PREFIX):
                    continue  # what a download that crashed left behind is nobody's content
                if item.is_dir():
                    pending.append((item.path, f"{below}{item.name}/", above | {identity}))
                    continue
                if not item.is_file():
                    _check_regular(item.path, _mode(item.path))
                yield f"{below}{item.name}", item.path


def describe_source(source: str | os.PathLike[str]) -> tuple[bool, str]:
    """Whether a local path is a directory, and the last part of its name."""
    full = Path(source).expanduser().absolute()
    return stat.S_ISDIR(_mode(str(full))), full.name
