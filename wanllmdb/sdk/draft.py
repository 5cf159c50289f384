"""A draft: the local files and references that an artifact will contain, and their paths inside it."""

from __future__ import annotations

import copy
import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import IO, Any

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.exclusions import Exclusions
from wanllmdb.sdk.json_values import to_metadata, to_text
from wanllmdb.sdk.lineage.sources import Source
from wanllmdb.sdk.local_files import LocalFile, get_stat, iter_files, named_path, require_regular_file
from wanllmdb.sdk.manifest import Entry, Manifest
from wanllmdb.sdk.paths import StrPath
from wanllmdb.sdk.validators import validate_name, validate_type


class Draft:
    """Files are read when the draft is logged; one that has changed by then is refused."""

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None,
        metadata: Mapping[str, Any] | None,
        derived_from: Iterable[Source] = (),
    ) -> None:
        self.name = validate_name(name)
        self.type = validate_type(type)
        self.description = to_text(description)
        self.metadata: dict[str, Any] = to_metadata(metadata)
        self.sources: dict[str, LocalFile] = {}
        """By their path in the artifact."""
        self.references: dict[str, Entry] = {}
        """By their path too, which no file has."""
        self.derived_from = list(derived_from)
        self.tags: list[str] = []
        self.ttl: timedelta | None = None
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
        """In bytes, as the files were when they were added."""
        return sum(item.size for items in (self.sources, self.references) for item in items.values())

    @property
    def file_count(self) -> int:
        return len(self.sources) + len(self.references)

    @property
    def manifest(self) -> Manifest:
        """What was added so far. Hashes are known once the draft is logged."""
        return Manifest((self._entry(path) for path in sorted([*self.sources, *self.references])), None)

    def entry(self, path: StrPath) -> Entry:
        path = paths.compose(path)
        if path not in self.sources and path not in self.references:
            raise errors.NotFound(f"{path!r} is not in artifact {self.name!r}")
        return self._entry(path)

    def _entry(self, path: str) -> Entry:
        if path in self.references:
            return self.references[path]
        file = self.sources[path]
        return Entry(path, file.size, None, executable=file.executable)

    def add_file(self, local_path: StrPath, name: StrPath | None = None, *, overwrite: bool = False) -> str:
        source = named_path(local_path)
        result = get_stat(source)
        if stat.S_ISDIR(result.st_mode):
            raise errors.Invalid(f"{local_path} is a directory: add it with add_dir")
        require_regular_file(source, result.st_mode)
        path = paths.from_local(os.path.basename(source) if name is None else name)
        file = LocalFile.from_stat(source, result)
        if overwrite:
            self.sources.pop(path, None)
            self.references.pop(path, None)
        return self._add(path, file)

    def add_dir(
        self, local_path: StrPath, name: StrPath | None = None, exclude: StrPath | Iterable[StrPath] | None = None
    ) -> None:
        top = named_path(local_path)
        if not stat.S_ISDIR(get_stat(top).st_mode):
            raise errors.Invalid(f"{local_path} is not a directory: add it with add_file")
        prefix = paths.folder_from_user(name) if name is not None else ""
        try:
            files = [
                (paths.from_local(prefix + relative), file) for relative, file in iter_files(top, Exclusions(exclude))
            ]
        except OSError as error:
            raise errors.Invalid(f"{error.filename or top} cannot be read: {error.strerror or error}") from error
        with self._all_or_nothing():
            for path, file in sorted(files, key=lambda item: item[0]):
                self._add(path, file)

    def add_references(self, entries: Iterable[Entry]) -> None:
        """Add all of them, or none. Raises `PathTaken`."""
        with self._all_or_nothing():
            for entry in entries:
                self.add_reference(entry)

    def add_reference(self, entry: Entry) -> None:
        """Raises `PathTaken`, unless a reference to the same URI is there, which this one replaces."""
        existing = self.references.get(entry.path)
        if existing is None or existing.reference_uri != entry.reference_uri:
            self._require_path_free(entry.path)
        self.references[entry.path] = entry
        self._add_folders(entry.path)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        before = dict(self.sources), dict(self.references), set(self._directories)
        try:
            yield
        except errors.PathTaken:
            self.sources, self.references, self._directories = before
            raise

    @contextmanager
    def new_file(self, name: StrPath, mode: str = "w", encoding: str | None = None) -> Iterator[IO[Any]]:
        if mode not in ("w", "x", "wb", "xb", "wt", "xt"):
            raise errors.Invalid(f"new_file opens a file for writing: use mode 'w' or 'wb', not {mode!r}")
        path = paths.from_local(name)
        self._require_path_free(path)
        source = os.path.join(self._make_staging_dir(), str(len(self.sources)) + "-" + os.urandom(8).hex())
        text = "b" not in mode
        with open(source, mode, encoding=encoding or "utf-8" if text else None, newline="" if text else None) as file:
            yield file
        self._add(path, LocalFile.from_stat(source, os.stat(source)))

    def remove(self, item: StrPath) -> None:
        path = paths.compose(item)
        known = [*self.sources, *self.references]
        removed = [path] if path in known else [key for key in known if key.startswith(f"{path}/")]
        if not removed:
            raise errors.NotFound(f"{path!r} is not in artifact {self.name!r}")
        for key in removed:
            self.sources.pop(key, None)
            self.references.pop(key, None)
        kept = (*self.sources, *self.references)
        self._directories = {directory for path in kept for directory in paths.folders_of(path)}

    def _add(self, path: str, file: LocalFile) -> str:
        existing = self.sources.get(path)
        if existing is not None and os.path.realpath(existing.source) == os.path.realpath(file.source):
            self.sources[path] = file  # as it is now
            return path
        self._require_path_free(path)
        self.sources[path] = file
        self._add_folders(path)
        return path

    def _require_path_free(self, path: str) -> None:
        if path in self.sources or path in self.references:
            raise errors.PathTaken(f"Artifact {self.name!r} already contains {path!r}: to replace it, remove it first")
        if path in self._directories:
            raise errors.PathTaken(f"{path!r} cannot be both a file and a directory")
        for parent in paths.folders_of(path):
            if parent in self._directories:
                return  # with all above it
            if parent in self.sources or parent in self.references:
                raise errors.PathTaken(f"{parent} cannot be both a file and a directory")

    def _add_folders(self, path: str) -> None:
        for parent in paths.folders_of(path):
            if parent in self._directories:
                return
            self._directories.add(parent)

    def _make_staging_dir(self) -> str:
        if self._staging_dir is None:
            self._staging_dir = tempfile.mkdtemp(prefix="wanllmdb-")
            weakref.finalize(self, shutil.rmtree, self._staging_dir, ignore_errors=True)
        return self._staging_dir


def inspect_path(source: StrPath) -> tuple[bool, str]:
    """Whether a local path is a directory, and the last part of its name."""
    full = named_path(source)
    return stat.S_ISDIR(get_stat(full).st_mode), os.path.basename(full)
