"""Where the bytes of a version lie: its manifest, page by page, with addresses that are renewed when they expire."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.client import Client, StoreRefusal
from wanllmdb.sdk.manifest import Entry


@dataclass(frozen=True, slots=True)
class Located:
    """A file of a version, and the object of the store in which it starts at `offset`."""

    entry: Entry
    object_id: str
    offset: int


class Locations:
    """The files of a version under a prefix, or one of them, and where to read them."""

    def __init__(self, client: Client, version_id: str, *, prefix: str | None = None, only: str | None = None) -> None:
        self._client = client
        self._path = f"/artifacts/versions/{version_id}/manifest"
        self._prefix = only or prefix
        self._only = only
        self._urls: dict[str, str] = {}
        self._cursors: dict[str, str | None] = {}
        self._lock = threading.Lock()

    def pages(self) -> Iterator[list[Located]]:
        """Raises `InvalidPath` for a path that must not touch a disk, `CorruptDownload` where bytes are lost."""
        cursor: str | None = None
        while True:
            answer = self._page(cursor)
            wanted = (record for record in answer["entries"] if self._only in (None, record["path"]))
            yield [self._locate(record, answer["objects"]) for record in wanted]
            cursor = answer["next_cursor"]
            if not cursor:
                return

    def _page(self, cursor: str | None) -> dict[str, Any]:
        answer: dict[str, Any] = self._client.get(self._path, cursor=cursor, prefix=self._prefix)
        for object_id, found in answer["objects"].items():
            self._urls[object_id] = found["url"]
            self._cursors.setdefault(object_id, cursor)
        return answer

    def _locate(self, record: dict[str, Any], objects: dict[str, Any]) -> Located:
        path = paths.check(record["path"])
        if not path.startswith(self._prefix or ""):
            raise errors.InvalidPath(f"The server sent {path!r}, which does not start with {self._prefix!r}")
        if record.get("reference"):
            raise errors.Invalid(f"{path!r} is a reference to {record['reference']}: this SDK cannot download it")
        if record["object"] not in objects:
            raise errors.CorruptDownload(f"The store holds no sound bytes of {path!r} ({record['integrity']})")
        entry = Entry(
            path, record["size"], record["sha256"], record["md5"], record["mime_type"], str(record["integrity"])
        )
        return Located(entry, record["object"], record["offset"])

    def fetch(self, object_id: str, start: int, length: int, sink: Callable[[], Callable[[bytes], object]]) -> None:
        """Hand [start, start + length) of an object to what `sink` makes; anew where an address expired under way.

        Raises `StoreRefusal`, `Unreachable`.
        """
        for last_try in (False, False, True):
            url = self._urls[object_id]
            try:
                return self._client.fetch(url, start, length, sink())
            except StoreRefusal as refusal:
                if last_try or not refusal.expired:
                    raise
            with self._lock:
                if self._urls[object_id] == url:
                    self._page(self._cursors[object_id])
