"""The sha256 of objects that were fetched for references, by what identifies them.

An ETag cannot be computed from bytes. With this a file that is there already is recognised, and a directory verified.
Below `references/` of the cache directory each file has the hashes of some references, which are keys of its object.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from wanllmdb.sdk import errors
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.reference_uris import without_secrets

MAX_PER_FILE = 10_000
"""Of 256 files. The oldest are forgotten: their references are fetched again."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ReferenceHashes:
    """Read when they are needed, and each file once."""

    def __init__(self, cache_dir: Path) -> None:
        self._directory = cache_dir / "references"
        self._files: dict[str, dict[str, str]] = {}

    def recall(self, entry: Entry) -> str | None:
        """The sha256 of the object; None if it was not fetched here, or nothing identifies it."""
        key = _key_of(entry)
        return self._load(key[:2]).get(key) if key else None

    def remember(self, found: Iterable[tuple[Entry, str]]) -> None:
        """Keep the sha256 of each. Never raises: without a cache they are only fetched again."""
        by_file: dict[str, dict[str, str]] = {}
        for entry, sha256 in found:
            if key := _key_of(entry):
                by_file.setdefault(key[:2], {})[key] = sha256
        with suppress(errors.CacheError, OSError):
            if by_file:
                json_files.make_directory(self._directory)
            for name, added in by_file.items():
                # What another process added meanwhile is kept, nearly always.
                known = {key: sha256 for key, sha256 in self._read(name).items() if key not in added} | added
                self._files[name] = dict(list(known.items())[-MAX_PER_FILE:])
                json_files.write(self._path(name), self._files[name])

    def _load(self, name: str) -> dict[str, str]:
        if name not in self._files:
            self._files[name] = self._read(name)
        return self._files[name]

    def _read(self, name: str) -> dict[str, str]:
        path = self._path(name)
        try:
            values = json_files.read(path) if path.exists() else {}
        except (errors.CacheError, OSError):
            return {}
        return {key: value for key, value in values.items() if isinstance(value, str) and _SHA256.fullmatch(value)}

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"


def _key_of(entry: Entry) -> str:
    """Empty where nothing tells the object from its later states."""
    if not entry.reference_uri or not entry.reference_identity:
        return ""
    parts = (without_secrets(entry.reference_uri), entry.version_id, entry.reference_identity)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
