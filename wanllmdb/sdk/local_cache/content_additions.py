"""What one download adds to the cache of contents: larger files at once, small ones many together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import content_eviction, content_packs, json_files
from wanllmdb.sdk.local_cache.content_files import ContentFiles, require_room
from wanllmdb.sdk.transfer.download_directory import TempDir

_PACK_SIZE = 16 << 20
_PACK_COUNT = 256
"""So many small contents at the end of a download become a pack; fewer are a file each."""


class Additions:
    """Safe to use from several threads. Raises nothing: once something cannot be written, no more is added."""

    def __init__(self, path: Path, files: ContentFiles, limit: int) -> None:
        self._path = path
        self._files = files
        self._limit = limit
        self._lock = threading.Lock()
        self._max_size = limit
        self._temp_dir: TempDir | None = None
        self._size = self._count = 0
        """Of what is added, in bytes and files."""
        self._small: dict[bytes, bytes] = {}
        self._small_size = 0

    def add_file(self, sha256: str, size: int, source: str) -> None:
        """A file that is complete and verified, before it gets the name by which others know it."""
        with self._lock:
            # What one download adds does not push out what it has just added.
            if self._size + size > self._max_size:
                return
            self._size += size
            self._count += 1

        def add(temp_dir: TempDir) -> None:
            if sha256 not in self._files:
                self._files.add(sha256, source, size, temp_dir.new_path)

        self._attempt(add)

    def add_small(self, sha256: str, content: bytes) -> None:
        """The verified bytes of a file below `content_packs.SMALL`."""
        full: dict[bytes, bytes] = {}
        with self._lock:
            if self._size + len(content) > self._max_size:
                return
            self._size += len(content)
            self._small[bytes.fromhex(sha256)] = content
            self._small_size += len(content)
            if self._small_size >= _PACK_SIZE:
                full, self._small, self._small_size = self._small, {}, 0
        if full:
            self._write_pack(full)

    def finish(self) -> None:
        """Write what waits, and delete what was not used for the longest time if the cache has become too large."""
        if len(self._small) >= _PACK_COUNT:
            self._write_pack(self._small)
        elif self._small:
            self._attempt(self._write_small)
        if self._temp_dir is not None:
            self._temp_dir.remove()
        if self._count:
            with suppress(errors.CacheError, OSError):
                content_eviction.make_room(self._path, self._limit, self._size, self._count)

    def _write_small(self, temp_dir: TempDir) -> None:
        for digest, content in self._small.items():
            if digest.hex() not in self._files:
                self._files.add_content(digest.hex(), content, temp_dir.new_path())
                self._count += 1

    def _write_pack(self, contents: dict[bytes, bytes]) -> None:
        def write(temp_dir: TempDir) -> None:
            require_room(self._path, sum(map(len, contents.values())))
            content_packs.write(contents, Path(temp_dir.new_path()), self._path / "packs")
            self._count += 1

        self._attempt(write)

    def _attempt(self, add: Callable[[TempDir], object]) -> None:
        """Add something, by way of a directory for what is not complete. If that fails, nothing more is added."""
        try:
            add(self._temp_dir or self._prepare())
        except (errors.CacheError, OSError):
            self._max_size = 0
            if self._temp_dir is not None:
                self._temp_dir.remove()

    def _prepare(self) -> TempDir:
        with self._lock:
            if self._temp_dir is None:
                for name in ("", "files", "packs", "temporary"):
                    json_files.make_directory(self._path / name)
                self._temp_dir = TempDir(str(self._path / "temporary"))
            return self._temp_dir
