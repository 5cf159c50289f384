"""The cache of contents: what was downloaded on this machine, by sha256, so that it is not fetched a second time.

It is the directory `contents` of the cache directory, for its owner only: `files/` has contents that are a file each,
`packs/` many small ones in a file, `temporary/` what is not complete. Processes need no lock: a file appears when it is
complete, and whoever does not find what was there a moment ago fetches it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import content_packs
from wanllmdb.sdk.local_cache.content_additions import Additions
from wanllmdb.sdk.local_cache.content_files import ContentFiles, list_directory
from wanllmdb.sdk.local_cache.content_packs import Pack, Record
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.progress import OnProgress
from wanllmdb.sdk.settings import Settings


class Contents:
    """The cache as one download uses it, from several threads. Nothing that is wrong with it makes the download fail.

    Shared caches are only read, and before the user's own.
    """

    def __init__(self, settings: Settings) -> None:
        self._shared = [CacheDirectory(path / "contents", is_own=False) for path in settings.shared_caches]
        self._own: CacheDirectory | None = None
        self._additions: Additions | None = None
        path = directory(settings)
        with suppress(errors.CacheError):
            if settings.cache_size:
                require_private(path)
                self._own = CacheDirectory(path, is_own=True, hard_links=settings.cache_hard_links)
                self._additions = Additions(path, self._own.files, settings.cache_size)

    @property
    def _directories(self) -> list[CacheDirectory]:
        return [*self._shared, *([self._own] if self._own else [])]

    def read_small(self, sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
        """Of these contents, by sha256, the verified bytes of those that are in packs."""
        wanted = {bytes.fromhex(sha256): size for sha256, size in sizes.items() if size < content_packs.SMALL}
        for cache in self._directories:
            for digest, content in cache.read_packs(wanted):
                del wanted[digest]
                yield digest.hex(), content

    def has_all(self, entries: Iterable[Entry]) -> bool:
        """Whether all these contents are here; their bytes are checked when they are read."""
        sizes = {entry.sha256: entry.size for entry in entries}
        absent = {sha256: size for sha256, size in sizes.items() if sha256 is None or not self.has_file(sha256)}
        wanted = {
            bytes.fromhex(sha256): size for sha256, size in absent.items() if sha256 and size < content_packs.SMALL
        }
        found = {record[0] for cache in self._directories for record in cache.find_in_packs(wanted)}
        return len(found) == len(absent)

    def has_file(self, sha256: str) -> bool:
        """Whether there was a file with this content when the cache was listed."""
        return any(sha256 in cache.files for cache in self._directories)

    def copy(self, sha256: str, size: int, target: str, on_progress: OnProgress) -> bool:
        """Whether the content was found, and now is at the new path `target`, verified."""
        return any(cache.files.copy(sha256, size, target, on_progress) for cache in self._directories)

    def add(self, sha256: str, source: str, size: int, content: bytes | None = None) -> None:
        """Keep a file that is complete and verified, and that nobody else knows by its path yet.

        `content`: its bytes, where they are at hand.
        """
        if self._additions is None:
            return
        if content is not None and size < content_packs.SMALL:
            self._additions.add_small(sha256, content)
        else:
            self._additions.add_file(sha256, size, source)

    def close(self) -> None:
        """Write what was added, and make room for it."""
        if self._additions is not None:
            self._additions.finish()


class CacheDirectory:
    """A cache to read: the user's own, or a shared one, in which nothing is trusted and nothing changed."""

    def __init__(self, path: Path, *, is_own: bool, hard_links: bool = False) -> None:
        self.files = ContentFiles(path / "files", is_own=is_own, hard_links=hard_links)
        self._packs = path / "packs"
        self._is_own = is_own

    def read_packs(self, sizes: dict[bytes, int]) -> Iterator[tuple[bytes, bytes]]:
        """The contents with these digests and sizes. Whatever is found may be removed from `sizes` meanwhile."""
        for path in self._packs_by_use():
            if not sizes:
                return
            with suppress(OSError), Pack(path) as pack:
                found = pack.find(sizes)
                for record in found:
                    content = pack.content(record)
                    if content is not None:
                        yield record[0], content
                if found and self._is_own:
                    os.utime(path)

    def find_in_packs(self, sizes: dict[bytes, int]) -> Iterator[Record]:
        for path in self._packs_by_use():
            with suppress(OSError), Pack(path) as pack:
                yield from pack.find(sizes)

    def _packs_by_use(self) -> list[Path]:
        """The packs, those that were used last first."""
        used_at = {}
        for name in list_directory(self._packs):
            if name.endswith(content_packs.SUFFIX):
                with suppress(OSError):
                    used_at[self._packs / name] = os.stat(self._packs / name, follow_symlinks=False).st_mtime
        return sorted(used_at, key=lambda path: -used_at[path])


def directory(settings: Settings) -> Path:
    return settings.cache_dir / "contents"


def require_private(path: Path) -> None:
    """Raises `CacheError` for a directory that is a link, or that others own or may write to."""
    try:
        result = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise errors.CacheError(f"{path} cannot be read: {error.strerror or error}") from error
    is_owned = not hasattr(os, "geteuid") or (result.st_uid == os.geteuid() and not result.st_mode & 0o022)
    if not stat.S_ISDIR(result.st_mode) or not is_owned:
        raise errors.CacheError(
            f"{path} is not a directory that only you can write to: set WANLLMDB_CACHE_DIR to another one. To read "
            "what is cached there, name its parent in WANLLMDB_SHARED_CACHES"
        )
