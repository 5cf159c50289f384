"""A logged version whose files are on this disk, in the modes `offline` and `disabled`: no server is asked for them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any

from wanllmdb.sdk import draft_files, errors, paths
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.lineage.graph import Lineage
from wanllmdb.sdk.lineage.impact import Impact
from wanllmdb.sdk.local_cache.contents import Contents
from wanllmdb.sdk.local_cache.stored_files import copy
from wanllmdb.sdk.logged_version import LoggedVersion
from wanllmdb.sdk.manifest import Entry, Manifest
from wanllmdb.sdk.models import RunRecord
from wanllmdb.sdk.paths import StrPath
from wanllmdb.sdk.progress import OnProgress, ProgressCallback
from wanllmdb.sdk.reference_downloads import ReferenceSource
from wanllmdb.sdk.transfer import cached_contents, download, hashes, unrelated_files
from wanllmdb.sdk.transfer.download_directory import DownloadDirectory, TempDir, write_error
from wanllmdb.sdk.transfer.hashes import HashedFile
from wanllmdb.sdk.transfer.publication import Publication
from wanllmdb.sdk.transfer.reference_files import ReferenceFiles
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile
from wanllmdb.sdk.transfer.worker_pool import WorkerPool


class UnsentRecord(dict[str, Any]):
    """The record of a version that no server has yet: what only a server knows is an error with a sentence."""

    def __missing__(self, key: str) -> Any:
        raise errors.NotLogged(
            f"Artifact {self['artifact_name']!r} was logged offline: it has no {key} before `wanllmdb sync` sends it"
        )


class LocalVersion(LoggedVersion):
    """Answers from files of this machine. What needs a server raises `Invalid`, which names the mode."""

    def __init__(
        self,
        connection: Connection,
        record: dict[str, Any],
        sources: Mapping[str, StrPath],
        manifest: Manifest | None,
        draft: Draft | None = None,
    ) -> None:
        super().__init__(connection, record)
        self._sources = sources
        self._manifest = manifest
        self._draft = draft

    @classmethod
    def of_draft(cls, connection: Connection, draft: Draft, record: dict[str, Any]) -> LocalVersion:
        """The files of a draft where they are, as they are when they are read first: nothing is copied."""
        return cls(connection, record, dict(draft.sources), None, draft)

    @cached_property
    def manifest(self) -> Manifest:
        if self._manifest is not None:
            return self._manifest
        assert self._draft is not None
        with self.connection.console.transfer(self.name) as transfer:
            files = draft_files.read(self.connection, self._draft, transfer)
        return manifest_of(files, self._draft.references.values())

    def _complete_record(self) -> dict[str, Any]:
        return self.record

    @property
    def is_sent(self) -> bool:
        """Whether a server has it."""
        return not isinstance(self.record, UnsentRecord)

    @property
    def label(self) -> str:
        return super().label if self.is_sent else f"{self.name} (logged offline)"

    def download(
        self,
        root: StrPath | None = None,
        path_prefix: StrPath | None = None,
        exact: bool = False,
        allow_missing_references: bool = False,
        progress: ProgressCallback | None = None,
        skip_cache: bool = False,
    ) -> str:
        prefix, entries = self._choose("" if path_prefix is None else paths.prefix_from_user(path_prefix))
        return self._copy(root, entries, prefix if exact else None, allow_missing_references, progress)

    def _choose(self, prefix: str) -> tuple[str, list[Entry]]:
        """What `path_prefix` means, as in `LoggedVersion`, and the files that begin so. Raises `NotFound`."""
        if not prefix:
            return "", list(self.manifest)
        for start in (f"{prefix.rstrip('/')}/", prefix):
            if not start.endswith("/") and start in self.manifest:
                return start, [self.manifest[start]]
            if entries := [entry for entry in self.manifest if entry.path.startswith(start)]:
                return start, entries
        raise errors.NotFound(f"{self.label} contains no path that starts with {prefix!r}")

    def download_entry(self, path: str, root: StrPath | None = None, skip_cache: bool = False) -> str:
        return str(Path(self._copy(root, [self.entry(path)]), path))

    def logged_by(self) -> RunRecord | None:
        raise self._needs_server("logged_by")

    def used_by(self) -> list[RunRecord]:
        raise self._needs_server("used_by")

    def lineage(self, direction: str, depth: int, limit: int) -> Lineage:
        raise self._needs_server("lineage")

    def impact(self, per_page: int | None) -> Impact:
        raise self._needs_server("impact")

    def link(self, target: str, aliases: Sequence[str], project: str | None = None) -> dict[str, Any]:
        raise self._needs_server("link")

    def list_links(self) -> Iterator[dict[str, Any]]:
        raise self._needs_server("linked_artifacts")

    def delete(self, delete_aliases: bool) -> None:
        raise self._needs_server("delete")

    def save(self) -> None:
        raise self._needs_server("save")

    def _needs_server(self, operation: str) -> errors.Invalid:
        return errors.Invalid(f"{operation} needs a server, but the mode is {self.connection.settings.mode!r}")

    def _root(self, root: StrPath | None) -> Path:
        if root is None and not self.is_sent:
            root = f"artifacts/{self.name}-offline-{self.record['digest'][:12]}"
        return super()._root(root)

    def _copy(
        self,
        root: StrPath | None,
        entries: list[Entry],
        exact_prefix: str | None = None,
        allow_missing_references: bool = False,
        progress: ProgressCallback | None = None,
    ) -> str:
        size = sum(entry.size for entry in entries)
        with (
            closing(ReferenceSource(self.connection)) as source,
            self._writing(root, progress) as (directory, transfer),
            transfer.phase("copying", files=len(entries), size=size) as on_progress,
        ):
            references = ReferenceFiles(source, is_expected=True, allows_missing=allow_missing_references)
            missing = [entry for entry in entries if not _has(directory, entry, source.known_sha256(entry))]
            temp_dir = _make_temp_dir(directory) if missing else None
            try:
                publication = Publication(directory, at_end=True)
                fetched = {entry for entry in missing if entry.is_reference and entry.path not in self._sources}
                if temp_dir is not None:
                    _fetch(references, fetched, temp_dir, publication, on_progress)
                absent = references.finish()
                entries = [entry for entry in entries if entry.path not in absent]
                if exact_prefix is not None:
                    unrelated_files.remove(directory.path, [entry.path for entry in entries], exact_prefix)
                publication.finish()
                if temp_dir is not None:
                    self._copy_entries(
                        [entry for entry in missing if entry not in fetched], directory, temp_dir, on_progress
                    )
            finally:
                if temp_dir is not None:
                    temp_dir.remove()
            download.finish(directory, entries)
        self._warn_of_missing(references)
        return str(self._root(root))

    def _copy_entries(
        self, entries: list[Entry], directory: DownloadDirectory, temp_dir: TempDir, on_progress: OnProgress
    ) -> None:
        """From where they are, or else from the cache of contents."""
        cached = [RemoteFile(entry) for entry in entries if entry.path not in self._sources]
        cache, publication = Contents(self.connection.settings), Publication(directory)
        if lost := cached_contents.place(cache, cached, temp_dir, publication, on_progress):
            path = lost[0].entry.path
            raise errors.CorruptDownload(f"{path!r} of {self.label} is no longer in the cache of this machine")
        for entry in entries:
            if entry.path in self._sources:
                self._copy_entry(entry, directory, temp_dir.new_path(), on_progress)

    def _copy_entry(self, entry: Entry, directory: DownloadDirectory, temporary: str, on_progress: OnProgress) -> None:
        source = os.fspath(self._sources[entry.path])
        try:
            # The size of a reference may not be known.
            size = entry.size or (Path(source).stat().st_size if entry.is_reference else 0)
            is_same = copy(source, Path(temporary), size, entry.sha256, on_progress)
        except (errors.FileChanged, errors.Invalid, FileNotFoundError) as error:
            raise errors.CorruptDownload(f"{entry.path!r} of {self.label} cannot be read: {error}") from error
        if not is_same:
            raise errors.CorruptDownload(f"{entry.path!r} of {self.label} has changed: {source} holds other bytes now")
        Path(temporary).replace(directory.local_path(entry.path))
        on_progress(0, 1)


def manifest_of(files: Iterable[HashedFile], references: Iterable[Entry] = ()) -> Manifest:
    """The manifest of a version with these files and references."""
    entries = [Entry(file.path, file.size, file.sha256, executable=file.executable) for file in files]
    entries = sorted([*entries, *references], key=lambda entry: entry.path)
    return Manifest(entries, hashes.version_digest(entry.digest_item for entry in entries))


def _make_temp_dir(directory: DownloadDirectory) -> TempDir:
    try:
        return TempDir(directory.path)
    except OSError as error:
        raise write_error(directory.path, error) from error


def _fetch(
    references: ReferenceFiles,
    entries: Iterable[Entry],
    temp_dir: TempDir,
    publication: Publication,
    on_progress: OnProgress,
) -> None:
    with WorkerPool(download.MAX_WORKERS) as workers:
        for entry in entries:
            workers.submit(references.fetch, RemoteFile(entry), temp_dir.new_path(), publication, on_progress)


def _has(directory: DownloadDirectory, entry: Entry, sha256: str | None) -> bool:
    """Whether the file is there already, with the right bytes."""
    existing = directory.stat_file(entry.path)
    if (
        existing is None
        or sha256 is None
        or (existing.st_size != entry.size and (entry.size or not entry.is_reference))
    ):
        return False
    return hashes.hash_file(entry.path, directory.existing_path(entry.path)).sha256 == sha256
