"""Where a download gets references from: the server's signed addresses, or this machine's own credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.local_cache.reference_hashes import ReferenceHashes
from wanllmdb.sdk.manifest import Entry, Manifest
from wanllmdb.sdk.references.contents import Reader, SignatureExpired
from wanllmdb.sdk.transfer.remote_manifest import RemoteFile


class ReferenceSource:
    """Of one download. `renew_url` gives a new address for the path of a reference whose signed one has expired."""

    def __init__(self, connection: Connection, renew_url: Callable[[str], str | None] | None = None) -> None:
        self._reader = Reader()
        self._hashes = ReferenceHashes(connection.settings.cache_dir)
        self._renew_url = renew_url

    def fetch(self, file: RemoteFile, new_writer: Callable[[], Callable[[bytes], object]]) -> str:
        """Pass the bytes to a new writer, and return their sha256. Raises `BrokenReference`."""
        try:
            return self._reader.read(file.entry, new_writer, file.url)
        except SignatureExpired:
            url = self._renew_url(file.entry.path) if self._renew_url is not None else None
            if url is None:
                raise
        return self._reader.read(file.entry, new_writer, url)

    def known_sha256(self, entry: Entry) -> str | None:
        """Of a file, or of the object, if it is what identifies it, or if it was fetched on this machine before."""
        kind, _, value = entry.reference_identity.partition(":")
        return value if kind == "sha256" else entry.sha256 or self._hashes.recall(entry)

    def remember(self, found: Iterable[tuple[Entry, str]]) -> None:
        """Keep the sha256s of what was fetched. Never raises."""
        self._hashes.remember(found)

    def close(self) -> None:
        self._reader.close()


def with_known_hashes(connection: Connection, manifest: Manifest) -> Manifest:
    """The manifest with the sha256s of references as far as this machine knows them."""
    if not any(entry.is_reference for entry in manifest):
        return manifest
    source = ReferenceSource(connection)
    entries = [replace(entry, sha256=source.known_sha256(entry)) if entry.is_reference else entry for entry in manifest]
    return Manifest(entries, manifest.digest)
