"""The manifest of a version with presigned URLs: which object holds which file. Expired URLs are renewed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.connection_errors import ObjectStoreError
from wanllmdb.sdk.manifest import Entry

if TYPE_CHECKING:
    from wanllmdb.sdk.http_client import Client


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a version, and the object in which it starts at `offset`. A reference has no object here."""

    entry: Entry
    object_id: str
    offset: int
    url: str | None = None
    """Of a reference: an address that the server signed, where it may."""


class RemoteManifest:
    """The files of a version, those with a path prefix, or a single one."""

    def __init__(self, client: Client, version_id: str, *, prefix: str = "", only: str | None = None) -> None:
        self._client = client
        self._path = f"/artifacts/versions/{version_id}/manifest"
        self.prefix = only or prefix
        self.only = only
        self.entries: list[Entry] = []
        """Those of the pages that were fetched so far."""
        self._urls: dict[str, str] = {}
        self._cursors: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def pages(self) -> Iterator[list[RemoteFile]]:
        """Raises `InvalidPath` for a path that must not be written to a disk, `CorruptDownload` for lost bytes."""
        cursor: str | None = None
        while True:
            page = self._fetch_page(cursor)
            records = (record for record in page["entries"] if self.only in (None, record["path"]))
            files = [self._parse(record, page["objects"]) for record in records]
            self.entries += [file.entry for file in files]
            yield files
            cursor = page["next_cursor"]
            if not cursor:
                return

    def _fetch_page(self, cursor: str | None) -> dict[str, Any]:
        page: dict[str, Any] = self._client.get(self._path, cursor=cursor, prefix=self.prefix or None)
        for object_id, presigned in page["objects"].items():
            self._urls[object_id] = presigned["url"]
            self._cursors.setdefault(object_id, cursor)
        return page

    def _parse(self, record: dict[str, Any], objects: dict[str, Any]) -> RemoteFile:
        path = paths.validate(record["path"])
        if not path.startswith(self.prefix):
            raise errors.InvalidPath(f"The server sent {path!r}, which does not start with {self.prefix!r}")
        if record.get("is_reference"):
            return RemoteFile(_reference_entry(path, record), "", 0, record.get("download_url"))
        if record["object"] not in objects:
            raise errors.CorruptDownload(
                f"The object store has no valid bytes of {path!r} (integrity: {record['integrity']})"
            )
        entry = Entry(
            path,
            record["size"],
            record["sha256"],
            record["md5"],
            record["mime_type"],
            str(record["integrity"]),
            bool(record.get("executable")),
        )
        return RemoteFile(entry, record["object"], record["offset"])

    def renew_url(self, path: str) -> str | None:
        """A new address for a reference whose signed one has expired; None where the server signs none."""
        page: dict[str, Any] = self._client.get(self._path, prefix=path)
        return next((record.get("download_url") for record in page["entries"] if record["path"] == path), None)

    def download_range(
        self, object_id: str, start: int, length: int, new_writer: Callable[[], Callable[[bytes], object]]
    ) -> None:
        """Pass [start, start + length) of an object to the writer that `new_writer` makes.

        If the URL expires, the range is downloaded again from its start, to a new writer. Raises `ObjectStoreError`,
        `Unreachable`.
        """
        for is_last_attempt in (False, False, True):
            url = self._urls[object_id]
            try:
                return self._client.download_range(url, start, length, new_writer())
            except ObjectStoreError as error:
                if is_last_attempt or not error.is_expired:
                    raise
            with self._lock:
                if self._urls[object_id] == url:
                    self._fetch_page(self._cursors[object_id])


def _reference_entry(path: str, record: dict[str, Any]) -> Entry:
    return Entry(
        path,
        record["size"],
        None,
        mime_type=record["mime_type"],
        integrity=str(record["integrity"]),
        reference_uri=str(record["reference_uri"]),
        reference_identity=record.get("reference_identity") or "",
        version_id=record.get("version_id") or "",
    )
