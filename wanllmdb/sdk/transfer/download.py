"""Download to a directory: in parallel, and each file complete and verified or not there at all."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.progress import BeginPhase, OnProgress, ignore_phase
from wanllmdb.sdk.transfer import cached_contents, hashes, unrelated_files
from wanllmdb.sdk.transfer.cached_contents import ContentCache
from wanllmdb.sdk.transfer.download_directory import (
    DownloadDirectory,
    TempDir,
    full_disk_error,
    remove_stale,
    write_error,
)
from wanllmdb.sdk.transfer.file_assembly import (
    FileSlice,
    ObjectDownload,
    RangedDownload,
    adjacent_groups,
    slices_by_position,
)
from wanllmdb.sdk.transfer.hashes import FileFingerprint, HashedFile
from wanllmdb.sdk.transfer.publication import Publication
from wanllmdb.sdk.transfer.reference_files import ReferenceFiles
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile, RemoteManifest
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

MAX_WORKERS = 8
LIST_ABOVE = 16
"""Of so many files in a folder."""


class KnownHashes(Protocol):
    """The hashes of files that were read before, while they look the same. Nothing is raised."""

    def recall(self, files: Sequence[tuple[str, str, FileFingerprint]]) -> dict[str, HashedFile]:
        """The files whose hashes are known, by path, of these with path, source and what they look like now."""

    def remember(self, files: Iterable[HashedFile], read_at_ns: int) -> None:
        """Keep the hashes of files that were read after this time."""


def download(
    manifest: RemoteManifest,
    directory: DownloadDirectory,
    digest: str | None,
    on_progress: OnProgress,
    *,
    exact: bool = False,
    references: ReferenceFiles | None = None,
    cache: ContentCache | None = None,
    known_hashes: KnownHashes | None = None,
    begin_phase: BeginPhase = ignore_phase,
) -> int:
    """Download every file, and return the number of those that were not there already.

    What the cache has is not fetched, and what is fetched is added to it.

    Files with the right size and sha256 are kept; if all are there, nothing is written. With `exact` everything else
    among the paths of the manifest is deleted first. Where there are references, no file appears before all are there.
    Raises `CorruptDownload`, `BrokenReference`, `InvalidPath`, `Invalid` for a directory that cannot be written to,
    `Unreachable`, and OSError for a full disk.
    """
    pages: Iterable[list[RemoteFile]] = _begin_listing(manifest.pages(), begin_phase)
    is_exact_first = exact and not (references and references.is_expected)
    if is_exact_first:
        pages = list(pages)
        listed = [file.entry for page in pages for file in page]
        _check_digest(listed, digest)
        _remove_unrelated(manifest, directory, listed)
    transfer = _Transfer(manifest, directory, on_progress, references, cache, known_hashes, begin_phase)
    try:
        transfer.run(pages)
        _check_digest(transfer.entries, digest)
        missing = references.finish() if references else set()
        entries = [entry for entry in transfer.entries if entry.path not in missing]
        if exact and not is_exact_first:
            _remove_unrelated(manifest, directory, entries)
        transfer.publication.finish()
    except BaseException as error:
        if references is None or not references.is_lost:
            with suppress(Exception):
                transfer.publication.finish()  # as without references, what is complete stays for the next attempt
        if full := full_disk_error(directory.path, error):
            raise full from error
        raise
    finally:
        transfer.close()
    finish(directory, entries)
    return transfer.downloaded - len(missing)


def _begin_listing(pages: Iterator[list[RemoteFile]], begin_phase: BeginPhase) -> Iterator[list[RemoteFile]]:
    """The pages. Nothing can be downloaded before the first one is there."""
    with begin_phase("listing"):
        first = next(pages, None)
    if first is not None:
        yield first
        yield from pages


class _Transfer:
    """One download on its way."""

    def __init__(
        self,
        manifest: RemoteManifest,
        directory: DownloadDirectory,
        on_progress: OnProgress,
        references: ReferenceFiles | None,
        cache: ContentCache | None,
        known_hashes: KnownHashes | None,
        begin_phase: BeginPhase,
    ) -> None:
        self._manifest = manifest
        self._directory = directory
        self._on_progress = on_progress
        self._references = references
        self._cache = cache
        self._known_hashes = known_hashes
        self._begin_phase = begin_phase
        self._temp_dir: TempDir | None = None
        self._objects: ObjectDownload | None = None
        self.publication = Publication(directory, at_end=references is not None and references.is_expected)
        self.entries: list[Entry] = []
        self.downloaded = 0

    def run(self, pages: Iterable[list[RemoteFile]]) -> None:
        """Fetch what is missing of all pages. What is wrong with references is kept for their `finish`."""
        with WorkerPool(MAX_WORKERS) as workers:
            for page in pages:
                self.entries += [file.entry for file in page]
                missing = list(
                    _find_missing(
                        *(page, self._directory, self._on_progress, self._references),
                        *(self._known_hashes, self._begin_phase),
                    )
                )
                self.downloaded += len(missing)
                if missing and self._temp_dir is None:
                    self._temp_dir = _make_temp_dir(self._directory, missing)
                self._submit(workers, missing)

    def _submit(self, workers: WorkerPool, missing: list[RemoteFile]) -> None:
        if missing and self._cache is not None:
            assert self._temp_dir is not None
            stored = [file for file in missing if not file.entry.is_reference]
            lacking = cached_contents.place(self._cache, stored, self._temp_dir, self.publication, self._on_progress)
            missing = [file for file in missing if file.entry.is_reference] + lacking
        for located in self._manifest.locate(missing):
            self._submit_located(workers, located)

    def _submit_located(self, workers: WorkerPool, files: Sequence[RemoteFile]) -> None:
        # References first: if one of them cannot be had, nothing else is needed.
        for file in files:
            if file.entry.is_reference:
                assert self._temp_dir is not None
                self._submit_reference(workers, file, self._temp_dir)
        stored = [file for file in files if not file.entry.is_reference]
        if not stored or (self._references is not None and self._references.is_lost):
            return
        assert self._temp_dir is not None
        if self._objects is None:
            self._objects = ObjectDownload(
                self._manifest, self.publication, self._temp_dir, self._on_progress, self._cache
            )
        _submit(workers, self._objects, slices_by_position(stored))

    def _submit_reference(self, workers: WorkerPool, file: RemoteFile, temp_dir: TempDir) -> None:
        if self._references is None:
            raise errors.Invalid(f"{file.entry.path!r} is a reference, which cannot be downloaded here")
        self.publication.at_end = True
        workers.submit(self._references.fetch, file, temp_dir.new_path(), self.publication, self._on_progress)

    def close(self) -> None:
        if self._temp_dir is None:
            remove_stale(self._directory.path)
        else:
            self._temp_dir.remove()


def _remove_unrelated(manifest: RemoteManifest, directory: DownloadDirectory, entries: list[Entry]) -> None:
    if manifest.only is None:
        unrelated_files.remove(directory.path, [entry.path for entry in entries], manifest.prefix)


def _check_digest(entries: list[Entry], digest: str | None) -> None:
    """Each file is correct; that none is missing from the list, and none was added to it, the digest says."""
    hashed = [entry.digest_item for entry in entries if entry.sha256 or entry.is_reference]
    if digest and len(hashed) == len(entries) and hashes.version_digest(hashed) != digest:
        raise errors.CorruptDownload("The files that the server listed differ from the logged ones")


def _make_temp_dir(directory: DownloadDirectory, missing: list[RemoteFile]) -> TempDir:
    try:
        return TempDir(directory.path)
    except OSError as error:
        refusal = write_error(directory.path, error)
        if refusal is error:
            raise
        lacking = [file.entry.path for file in missing]
        message = f"{refusal}. {len(lacking)} files are missing there or differ from the logged ones"
        raise errors.Invalid(f"{message} ({paths.first_three(lacking)})", problem={"paths": lacking}) from error


def finish(directory: DownloadDirectory, entries: Iterable[Entry]) -> None:
    """Give executable files their bit. Raises `InvalidPath` for two paths that this disk takes for one file."""
    seen: dict[int, Entry] = {}
    for entry, inode in _inodes(directory, entries):
        other = seen.setdefault(inode, entry)
        if other is not entry and _is_one_file(directory, other, entry):
            raise errors.InvalidPath(
                f"{other.path!r} and {entry.path!r} are one file in {directory.path}: this disk does not tell them "
                "apart. Download to another disk, or each into a directory of its own"
            )
        if entry.executable and sys.platform != "win32":
            _make_executable(directory, entry)


def _inodes(directory: DownloadDirectory, entries: Iterable[Entry]) -> Iterator[tuple[Entry, int]]:
    """Each file that is there with its inode. Folders with many of them are listed: a call for each file costs more."""
    by_folder: dict[str, dict[str, Entry]] = defaultdict(dict)
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        by_folder[folder][name] = entry
    for folder, files in by_folder.items():
        listed = directory.inodes(folder) if len(files) > LIST_ABOVE else {}
        for name, entry in files.items():
            inode = listed.get(name)
            if inode is None and (result := directory.stat_file(entry.path)) is not None:
                inode = result.st_ino
            if inode is not None:  # else somebody has deleted it by now
                yield entry, inode


def _make_executable(directory: DownloadDirectory, entry: Entry) -> None:
    result = directory.stat_file(entry.path)
    if result is None:
        return
    executable_mode = result.st_mode | (result.st_mode & 0o444) >> 2
    if result.st_mode != executable_mode:
        with suppress(OSError):  # a disk without such bits, or one that is read-only
            os.chmod(directory.existing_path(entry.path), stat.S_IMODE(executable_mode))


def _is_one_file(directory: DownloadDirectory, one: Entry, other: Entry) -> bool:
    """Of two paths with one inode: not hard links of somebody who keeps the same bytes once."""
    if unrelated_files.fold(one.path) == unrelated_files.fold(other.path):
        return True
    if (one.sha256, one.size) == (other.sha256, other.size):
        return False
    results = [directory.stat_file(entry.path) for entry in (one, other)]
    if len({result and (result.st_dev, result.st_ino) for result in results}) > 1:
        return False
    # Some network disks give an inode twice: what counts is that the first file has the bytes of the second.
    return hashes.hash_file(one.path, directory.existing_path(one.path)).sha256 != one.sha256


def _find_missing(
    page: list[RemoteFile],
    directory: DownloadDirectory,
    on_progress: OnProgress,
    references: ReferenceFiles | None,
    known_hashes: KnownHashes | None,
    begin_phase: BeginPhase,
) -> Iterator[RemoteFile]:
    """The files to download: those that are not there, or are there with other bytes."""
    candidates: dict[str, tuple[RemoteFile, str]] = {}
    existing_files: list[tuple[str, str, FileFingerprint]] = []
    for file in page:
        entry = file.entry
        existing = None
        if directory.has_anything_in(entry.path.rpartition("/")[0]):
            existing = directory.stat_file(entry.path)
        # The size of a reference may not be known.
        if existing is None or (existing.st_size != entry.size and (entry.size or not entry.is_reference)):
            yield file
            continue
        sha256 = entry.sha256
        if references is not None and entry.is_reference:
            sha256 = references.known_sha256(entry)
        if not sha256:
            yield file
            continue
        source = directory.existing_path(entry.path)
        existing_files.append((entry.path, source, FileFingerprint.from_stat(existing)))
        candidates[entry.path] = file, sha256
    for hashed in _hash_existing(existing_files, known_hashes, begin_phase):
        file, sha256 = candidates[hashed.path]
        if hashed.sha256 != sha256:
            yield file
            continue
        on_progress(hashed.size, 1, is_reused=True)
        if references is not None and file.entry.is_reference:
            references.keep(file.entry, sha256)


def _hash_existing(
    files: list[tuple[str, str, FileFingerprint]], known_hashes: KnownHashes | None, begin_phase: BeginPhase
) -> Iterator[HashedFile]:
    """Those that look as they did when they were read before are not read again."""
    known = known_hashes.recall(files) if known_hashes is not None and files else {}
    yield from known.values()
    unread = [file for file in files if file[0] not in known]
    if unread:
        read_at = time.time_ns()
        size = sum(fingerprint.size for _, _, fingerprint in unread)
        with begin_phase("verifying", files=len(unread), size=size) as on_progress:
            hashed = hashes.hash_files(((path, source) for path, source, _ in unread), on_progress=on_progress)
        if known_hashes is not None:
            known_hashes.remember(hashed, read_at)
        yield from hashed


def _submit(workers: WorkerPool, object_download: ObjectDownload, slices: list[FileSlice]) -> None:
    for group in adjacent_groups(slices):
        if group[0].is_ranged:
            ranged = RangedDownload(object_download, group[0])
            for number in range(ranged.range_count):
                workers.submit(ranged.download, number)
        else:
            workers.submit(object_download.download, group)
