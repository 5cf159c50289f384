"""What one download adds to the cache of contents: larger files at once, small ones many together."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import content_eviction, content_packs, json_files
from wanllmdb.sdk.local_cache.content_files import ContentFiles, require_room

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
        self._is_prepared = False
        self._size = 0
        self._small: dict[bytes, bytes] = {}
        self._small_size = 0

    def add_file(self, sha256: str, size: int, source: str) -> None:
        """A file that is complete and verified, before it gets the name by which others know it."""
        with self._lock:
            # What one download adds does not push out what it has just added.
            if self._size + size > self._limit:
                return
            self._size += size
        with self._giving_up() as temporary:
            if sha256 not in self._files:
                self._files.add(sha256, source, size, temporary)

    def add_small(self, sha256: str, content: bytes) -> None:
        """The verified bytes of a file below `content_packs.SMALL`."""
        full: dict[bytes, bytes] = {}
        with self._lock:
            if self._size + len(content) > self._limit:
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
        else:
            for digest, content in self._small.items():
                with self._giving_up() as temporary:
                    if digest.hex() not in self._files:
                        self._files.add_content(digest.hex(), content, temporary)
        if self._size:
            with self._giving_up():
                content_eviction.prune(self._path, self._limit)

    def _write_pack(self, contents: dict[bytes, bytes]) -> None:
        with self._giving_up() as temporary:
            require_room(self._path, sum(map(len, contents.values())))
            content_packs.write(contents, temporary, self._path / "packs")

    @contextmanager
    def _giving_up(self) -> Iterator[Path]:
        """A new path for what is not complete, which is deleted if the block fails."""
        temporary = self._path / "temporary" / uuid.uuid4().hex
        try:
            self._prepare()
            yield temporary
        except BaseException as error:
            with suppress(OSError):
                temporary.unlink()
            if not isinstance(error, errors.CacheError | OSError):
                raise
            self._limit = 0

    def _prepare(self) -> None:
        if not self._is_prepared:
            for name in ("", "files", "packs", "temporary"):
                json_files.make_directory(self._path / name)
            self._is_prepared = True
