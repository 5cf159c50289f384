"""A draft: the local files that an artifact will contain, and their paths inside it."""

from __future__ import annotations

import copy
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
from wanllmdb.sdk.json_values import to_metadata, to_text
from wanllmdb.sdk.transfer.download_directory import TEMP_PREFIX
from wanllmdb.sdk.validators import validate_name


class Draft:
    """Files are read when the draft is logged, not when they are added."""

    def __init__(self, name: str, type: str, description: str | None, metadata: Mapping[str, Any] | None) -> None:
        self.name = validate_name(name)
        self.type = type
        self.description = to_text(description)
        self.metadata: dict[str, Any] = to_metadata(metadata)
        self.sources: dict[str, str] = {}
        """Path in the artifact → absolute path on this machine."""
        self._directories: set[str] = set()
        self._staging_dir: str | None = None
        self._original: Draft | None = None
        """What this is a copy of, whose staging directory must live as long."""

    def __getstate__(self) -> dict[str, Any]:
        """For copies and pickles, which write new files to a directory of their own."""
        return {**self.__dict__, "_staging_dir": None, "_original": None}

    def __deepcopy__(self, memo: dict[int, Any]) -> Draft:
        copied = Draft.__new__(Draft)
        copied.__dict__.update(copy.deepcopy(self.__getstate__(), memo))
        copied._original = self
        return copied

    @property
    def size(self) -> int:
        """In bytes, as the files are now; missing files count as empty."""
        return sum(os.path.getsize(source) for source in self.sources.values() if os.path.exists(source))

    def add_file(self, local_path: str | os.PathLike[str], name: str | None = None) -> str:
        source = os.path.abspath(os.fspath(local_path))
        mode = _get_mode(source)
        if stat.S_ISDIR(mode):
            raise errors.Invalid(f"{local_path} is a directory: add it with add_dir")
        _require_regular_file(source, mode)
        return self._add(paths.from_local(os.path.basename(source) if name is None else name), source)

    def add_dir(self, local_path: str | os.PathLike[str], name: str | None = None) -> None:
        top = os.path.abspath(os.fspath(local_path))
        if not stat.S_ISDIR(_get_mode(top)):
            raise errors.Invalid(f"{local_path} is not a directory: add it with add_file")
        prefix = paths.from_local(name.rstrip("/")) + "/" if name else ""
        try:
            files = sorted((paths.from_local(prefix + relative), source) for relative, source in _iter_files(top))
        except OSError as error:
            raise errors.Invalid(f"{error.filename or top} cannot be read: {error.strerror or error}") from error
        before = dict(self.sources), set(self._directories)
        try:
            for path, source in files:
                self._add(path, source)
        except errors.PathTaken:
            self.sources, self._directories = before
            raise

    @contextmanager
    def new_file(self, name: str, mode: str = "w", encoding: str | None = None) -> Iterator[IO[Any]]:
        if mode not in ("w", "x", "wb", "xb", "wt", "xt"):
            raise errors.Invalid(f"new_file opens a file for writing: use mode 'w' or 'wb', not {mode!r}")
        path = paths.from_local(name)
        self._require_path_free(path)
        source = os.path.join(self._make_staging_dir(), str(len(self.sources)) + "-" + os.urandom(8).hex())
        text = "b" not in mode
        with open(source, mode, encoding=encoding or "utf-8" if text else None, newline="" if text else None) as file:
            yield file
        self._add(path, source)

    def remove(self, item: str) -> None:
        if item not in self.sources:
            raise errors.NotFound(f"{item!r} is not in artifact {self.name!r}")
        del self.sources[item]
        self._directories = {directory for path in self.sources for directory in _parent_directories(path)}

    def _add(self, path: str, source: str) -> str:
        existing = self.sources.get(path)
        if existing is not None and os.path.realpath(existing) == os.path.realpath(source):
            return path
        self._require_path_free(path)
        self.sources[path] = source
        self._directories.update(_parent_directories(path))
        return path

    def _require_path_free(self, path: str) -> None:
        if path in self.sources:
            raise errors.PathTaken(f"Artifact {self.name!r} already contains {path!r}: to replace it, remove it first")
        file_above = next((parent for parent in _parent_directories(path) if parent in self.sources), None)
        if path in self._directories or file_above is not None:
            raise errors.PathTaken(f"{file_above or path!r} cannot be both a file and a directory")

    def _make_staging_dir(self) -> str:
        if self._staging_dir is None:
            self._staging_dir = tempfile.mkdtemp(prefix="wanllmdb-")
            weakref.finalize(self, shutil.rmtree, self._staging_dir, ignore_errors=True)
        return self._staging_dir


def _parent_directories(path: str) -> Iterator[str]:
    cut = path.rfind("/")
    while cut > 0:
        yield path[:cut]
        cut = path.rfind("/", 0, cut)


def _get_mode(source: str) -> int:
    try:
        return os.stat(source).st_mode
    except FileNotFoundError as error:
        problem = "is a broken symbolic link" if os.path.islink(source) else "does not exist"
        raise errors.Invalid(f"{source} {problem}") from error
    except OSError as error:
        raise errors.Invalid(f"{source} cannot be read: {error.strerror or error}") from error


def _require_regular_file(source: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise errors.Invalid(f"{source} is not a regular file: sockets, pipes and devices cannot be logged")


def _iter_files(top: str) -> Iterator[tuple[str, str]]:
    """(path below top, source) of every file. Symbolic links are followed; one that leads in a circle is an error."""
    pending: list[tuple[str, str, frozenset[tuple[int, int]]]] = [(top, "", frozenset())]
    while pending:
        directory, prefix, parents = pending.pop()
        info = os.stat(directory)
        identity = (info.st_dev, info.st_ino)
        if identity in parents:
            raise errors.Invalid(f"{directory} is a symbolic link to a directory that contains it")
        with os.scandir(directory) as items:
            for item in items:
                if not prefix and item.name.startswith(TEMP_PREFIX):
                    continue  # left behind by a download that crashed
                if item.is_dir():
                    pending.append((item.path, f"{prefix}{item.name}/", parents | {identity}))
                    continue
                if not item.is_file():
                    _require_regular_file(item.path, _get_mode(item.path))
                yield f"{prefix}{item.name}", item.path


def inspect_path(source: str | os.PathLike[str]) -> tuple[bool, str]:
    """Whether a local path is a directory, and the last part of its name."""
    full = Path(source).expanduser().absolute()
    return stat.S_ISDIR(_get_mode(str(full))), full.name
