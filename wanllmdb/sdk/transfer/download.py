"""Download to a directory: in parallel, and each file complete and verified or not there at all."""

from __future__ import annotations

import os
import stat
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.console import OnProgress
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.transfer import hashes, unrelated_files
from wanllmdb.sdk.transfer.download_directory import DownloadDirectory, TempDir, remove_stale, write_error
from wanllmdb.sdk.transfer.file_assembly import RANGE_SIZE, FileSlice, ObjectDownload, RangedDownload
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile, RemoteManifest
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

MAX_WORKERS = 8
MAX_GAP = 64 * 1024
"""Up to so many unneeded bytes it is cheaper to read on than to send another request."""


def download(
    manifest: RemoteManifest,
    directory: DownloadDirectory,
    digest: str | None,
    on_progress: OnProgress,
    *,
    exact: bool = False,
) -> int:
    """Download every file, and return the number of those that were not there already.

    Files with the right size and sha256 are kept; if all are there, nothing is written. With `exact` everything else
    among the paths of the manifest is deleted first. Raises `CorruptDownload`, `InvalidPath`, `Invalid` for a directory
    that cannot be written to, `Unreachable`.
    """
    temp_dir: TempDir | None = None
    downloaded = 0
    entries: list[Entry] = []
    pages: Iterable[list[RemoteFile]] = manifest.pages()
    if exact:
        pages = list(pages)
        listed = [file.entry for page in pages for file in page]
        _check_digest(listed, digest)
        if manifest.only is None:
            unrelated_files.remove(directory.path, [entry.path for entry in listed], manifest.prefix)
    try:
        with WorkerPool(MAX_WORKERS) as workers:
            for page in pages:
                entries += [file.entry for file in page]
                missing = list(_find_missing(page, directory, on_progress))
                downloaded += len(missing)
                if missing and temp_dir is None:
                    temp_dir = _make_temp_dir(directory, missing)
                for object_id, slices in _slices_by_object(missing).items():
                    assert temp_dir is not None
                    object_download = ObjectDownload(manifest, object_id, directory, temp_dir, on_progress)
                    _submit(workers, object_download, slices)
    finally:
        if temp_dir is None:
            remove_stale(directory.path)
        else:
            temp_dir.remove()
    _check_digest(entries, digest)
    finish(directory, entries)
    return downloaded


def _check_digest(entries: list[Entry], digest: str | None) -> None:
    """Each file is correct; that none is missing from the list, and none was added to it, the digest says."""
    hashed = [(entry.path, entry.sha256, entry.size) for entry in entries if entry.sha256]
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


def finish(directory: DownloadDirectory, entries: list[Entry]) -> None:
    """Give executable files their bit. Raises `InvalidPath` for two paths that this disk takes for one file."""
    seen: dict[tuple[int, int], Entry] = {}
    for entry in entries:
        result = directory.stat_file(entry.path)
        if result is None:
            continue  # somebody has deleted it by now
        other = seen.setdefault((result.st_dev, result.st_ino), entry)
        if other is not entry and _is_one_file(directory, other, entry):
            raise errors.InvalidPath(
                f"{other.path!r} and {entry.path!r} are one file in {directory.path}: this disk does not tell them "
                "apart. Download to another disk, or each into a directory of its own"
            )
        executable_mode = result.st_mode | (result.st_mode & 0o444) >> 2
        if entry.executable and sys.platform != "win32" and result.st_mode != executable_mode:
            with suppress(OSError):  # a disk without such bits, or one that is read-only
                os.chmod(directory.existing_path(entry.path), stat.S_IMODE(executable_mode))


def _is_one_file(directory: DownloadDirectory, one: Entry, other: Entry) -> bool:
    """Of two paths with one inode: not hard links of somebody who keeps the same bytes once."""
    if unrelated_files.fold(one.path) == unrelated_files.fold(other.path):
        return True
    if (one.sha256, one.size) == (other.sha256, other.size):
        return False
    # Some network disks give an inode twice: what counts is that the first file has the bytes of the second.
    return hashes.hash_file(one.path, directory.existing_path(one.path)).sha256 != one.sha256


def _find_missing(
    page: list[RemoteFile], directory: DownloadDirectory, on_progress: OnProgress
) -> Iterator[RemoteFile]:
    """The files to download: those that are not there, or are there with other bytes."""
    to_hash: list[tuple[str, str]] = []
    same_size = {}
    for file in page:
        path = file.entry.path
        existing = directory.stat_file(path)
        if existing and existing.st_size == file.entry.size and file.entry.sha256:
            to_hash.append((path, directory.existing_path(path)))
            same_size[path] = file
        else:
            yield file
    for hashed in hashes.hash_files(to_hash):
        file = same_size[hashed.path]
        if hashed.sha256 == file.entry.sha256:
            on_progress(hashed.size)
        else:
            yield file


def _slices_by_object(files: Iterable[RemoteFile]) -> dict[str, list[FileSlice]]:
    """The slices of each object, sorted by offset."""
    slices: dict[str, dict[tuple[int, int], FileSlice]] = defaultdict(dict)
    for file in files:
        position = (file.offset, file.entry.size)
        file_slice = slices[file.object_id].setdefault(position, FileSlice(file.entry, file.offset))
        file_slice.paths.append(file.entry.path)
    return {
        object_id: sorted(by_position.values(), key=lambda file_slice: file_slice.offset)
        for object_id, by_position in slices.items()
    }


def _submit(workers: WorkerPool, object_download: ObjectDownload, slices: list[FileSlice]) -> None:
    for group in adjacent_groups(slices):
        if len(group) == 1 and group[0].entry.size > RANGE_SIZE:
            ranged = RangedDownload(object_download, group[0])
            for number in range(ranged.range_count):
                workers.submit(ranged.download, number)
        else:
            workers.submit(object_download.download, group)


def adjacent_groups(slices: Iterable[FileSlice]) -> Iterator[list[FileSlice]]:
    """Slices that are close to each other in one group, so that one request downloads many small files."""
    group: list[FileSlice] = []
    for file_slice in slices:
        if group:
            gap = file_slice.offset - group[-1].end
            if gap < 0 or gap > MAX_GAP or file_slice.end - group[0].offset > RANGE_SIZE:
                yield group
                group = []
        group.append(file_slice)
    if group:
        yield group
