"""What a download need not fetch: contents that the cache of this machine has are put into place from there."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from wanllmdb.sdk.progress import OnProgress
from wanllmdb.sdk.transfer.download_directory import TempDir
from wanllmdb.sdk.transfer.publication import Publication
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile
from wanllmdb.sdk.transfer.worker_pool import WorkerPool

_MAX_WORKERS = 4
_BATCH_SIZE = 32
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class ContentCache(Protocol):
    """Contents by sha256. No method raises anything where the cache is broken, or cannot be written."""

    def read_small(self, sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
        """Of these contents, whose sizes are given, the verified bytes of those that are kept many in a file."""

    def has_file(self, sha256: str) -> bool:
        """Whether the content may be kept as a file."""

    def copy(self, sha256: str, size: int, target: str, on_progress: OnProgress) -> bool:
        """Whether there was such a file, and the verified content is now at the new path `target`."""

    def add(self, sha256: str, source: str, size: int, content: bytes | None = None) -> None:
        """Keep a verified file, of which nobody else knows yet. `content`: its bytes, where they are at hand."""


def place(
    cache: ContentCache,
    files: Iterable[RemoteFile],
    temp_dir: TempDir,
    publication: Publication,
    on_progress: OnProgress,
) -> list[RemoteFile]:
    """Put what the cache has into place, and return the other files."""
    missing = [file for file in files if file.entry.sha256 is None]
    by_sha256: dict[str, list[RemoteFile]] = defaultdict(list)
    for file in files:
        if file.entry.sha256 is not None:
            by_sha256[file.entry.sha256].append(file)
    sizes = {sha256: several[0].entry.size for sha256, several in by_sha256.items()}
    for sha256, content in cache.read_small(sizes):
        for file in by_sha256.pop(sha256):
            path = temp_dir.new_path()
            _write(path, content)
            publication.add(path, file.entry.path)
            on_progress(len(content), 1, is_reused=True)

    def copy(batch: list[RemoteFile]) -> None:
        for file in batch:
            assert file.entry.sha256 is not None
            path = temp_dir.new_path()
            if cache.copy(file.entry.sha256, file.entry.size, path, on_progress):
                publication.add(path, file.entry.path)
                on_progress(0, 1, is_reused=True)
            else:
                missing.append(file)

    candidates: list[RemoteFile] = []
    for sha256, several in by_sha256.items():
        (candidates if cache.has_file(sha256) else missing).extend(several)
    with WorkerPool(_MAX_WORKERS) as workers:
        for start in range(0, len(candidates), _BATCH_SIZE):
            workers.submit(copy, candidates[start : start + _BATCH_SIZE])
    return missing


def _write(path: str, content: bytes) -> None:
    handle = os.open(path, _CREATE, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(handle, rest) :]
    finally:
        os.close(handle)
