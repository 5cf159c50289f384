"""Download to a directory: in parallel, and each file complete and verified or not there at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from wanllmdb.sdk import errors
from wanllmdb.sdk.console import OnProgress
from wanllmdb.sdk.transfer import hashes
from wanllmdb.sdk.transfer.download_directory import DownloadDirectory, TempDir
from wanllmdb.sdk.transfer.file_assembly import RANGE_SIZE, FileSlice, ObjectDownload, RangedDownload
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile, RemoteManifest
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

MAX_WORKERS = 8
MAX_GAP = 64 * 1024
"""Up to so many unneeded bytes it is cheaper to read on than to send another request."""


def download(
    manifest: RemoteManifest, directory: DownloadDirectory, digest: str | None, on_progress: OnProgress
) -> int:
    """Download every file, and return the number of those that were not there already.

    Files with the right size and sha256 are kept. Raises `CorruptDownload`, `InvalidPath`, `Unreachable`.
    """
    temp_dir = TempDir(directory.path)
    downloaded = 0
    try:
        with WorkerPool(MAX_WORKERS) as workers:
            for page in manifest.pages():
                missing = list(_find_missing(page, directory, on_progress))
                downloaded += len(missing)
                for object_id, slices in _slices_by_object(missing).items():
                    object_download = ObjectDownload(manifest, object_id, directory, temp_dir, on_progress)
                    _submit(workers, object_download, slices)
    finally:
        temp_dir.remove()
    # Each file is correct; now check that none is missing from the list, and none was added to it.
    hashed = [(entry.path, entry.sha256, entry.size) for entry in manifest.entries if entry.sha256]
    if digest and len(hashed) == len(manifest.entries) and hashes.version_digest(hashed) != digest:
        raise errors.CorruptDownload("The files that the server listed differ from the logged ones")
    return downloaded


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
            to_hash.append((path, directory.local_path(path)))
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
