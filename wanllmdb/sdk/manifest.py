"""The manifest of a version, its files as the server lists them, or of a draft."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from wanllmdb.sdk import paths
from wanllmdb.sdk.paths import StrPath
from wanllmdb.sdk.reference_uris import without_secrets


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a version, or a reference to an object that is kept elsewhere."""

    path: str
    size: int
    """In bytes; 0 of a reference whose size is not known."""
    sha256: str | None
    """Hex; None in a draft, of references, and if the file was uploaded with an md5 alone and no worker has read it."""
    md5: str | None = None
    mime_type: str | None = None
    integrity: str = "pending"
    """`pending`, `verified` or `corrupt`: the server's check of the stored bytes; of a reference `external`."""
    executable: bool = False
    """Whether its owner may execute it."""
    reference_uri: str | None = None
    """Where the object of a reference is; None of a file whose bytes are stored here."""
    reference_identity: str = ""
    """What tells the object from its later states: `etag:…`, `sha256:…`, `md5:…`, `modified:…`, or empty."""
    version_id: str = ""
    """The version that the store gave the object, if it keeps versions."""

    @classmethod
    def of_reference(cls, path: str, size: int, uri: str, identity: str, version_id: str = "") -> Entry:
        return cls(
            path,
            size,
            None,
            integrity="external",
            reference_uri=uri,
            reference_identity=identity,
            version_id=version_id,
        )

    def __deepcopy__(self, memo: object) -> Entry:
        return self

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def digest(self) -> str | None:
        """The sha256; of a reference its identity."""
        return self.reference_identity or None if self.is_reference else self.sha256

    @property
    def is_reference(self) -> bool:
        return self.reference_uri is not None

    @property
    def ref(self) -> str | None:
        """The same as `reference_uri`."""
        return self.reference_uri

    @property
    def etag(self) -> str | None:
        """Of a reference whose identity it is."""
        kind, _, value = self.reference_identity.partition(":")
        return value if kind == "etag" else None

    @property
    def digest_item(self) -> tuple[str, str, int]:
        """What the digest of the version covers: the path, the sha256 or what identifies a reference, and the size."""
        if self.reference_uri is None:
            return self.path, self.sha256 or "", self.size
        safe_uri = without_secrets(self.reference_uri)
        return self.path, f"ref:{safe_uri} {self.version_id} {self.reference_identity}", self.size


class _Entries(dict[str, Entry]):
    """By path. A path to look up is composed first, so that a file is found by the name that it has on a disk."""

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and super().__contains__(paths.compose(path))

    def __getitem__(self, path: StrPath) -> Entry:
        return super().__getitem__(paths.compose(path))

    def get(self, path: StrPath, default: Any = None) -> Any:
        return super().get(paths.compose(path), default) if path in self else default


class Manifest:
    """The files of a version or a draft by path, sorted by path."""

    def __init__(self, entries: Iterable[Entry], digest: str | None) -> None:
        self.entries = _Entries((entry.path, entry) for entry in entries)
        self.digest = digest
        """The digest of the version: sha256 over paths, sha256s and sizes."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)

    def __contains__(self, path: object) -> bool:
        return path in self.entries

    def __getitem__(self, path: StrPath) -> Entry:
        return self.entries[path]

    def __repr__(self) -> str:
        return f"<Manifest of {len(self)} files>"


def entry_from_record(record: dict[str, Any]) -> Entry:
    """An entry from a file record of the API. Raises `InvalidPath`."""
    is_reference = bool(record.get("is_reference"))
    return Entry(
        path=paths.validate(record["path"]),
        size=record["size"],
        sha256=record["sha256_hash"],
        md5=record["md5_hash"],
        mime_type=record["mime_type"],
        integrity=record["integrity"],
        executable=record.get("executable", False),
        reference_uri=str(record["reference_uri"]) if is_reference else None,
        reference_identity=(record.get("reference_identity") or "") if is_reference else "",
        version_id=(record.get("reference_version_id") or "") if is_reference else "",
    )
