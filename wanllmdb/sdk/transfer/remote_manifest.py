"""The manifest of a version with presigned URLs: which object holds which file. Expired URLs are renewed."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Container, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from wanllmdb.sdk import errors, paths
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.threads import start_if_possible

if TYPE_CHECKING:
    from wanllmdb.sdk.http_client import Client

PAGE_SIZE = 20_000
_Result = TypeVar("_Result")


class RemoteFile(NamedTuple):
    """A file of a version, and where its bytes are."""

    entry: Entry
    url: str | None = None
    """The presigned URL of the object in which it starts at `offset`. Of a reference the one that the server signed,
    where it may."""
    offset: int = 0
    cursor: str = ""
    """Gives the page that has it again."""
    extents: tuple[tuple[str, int, int], ...] = ()
    """URL, offset and size of its pieces in their order, if it is not in one object."""

    def spans(self, start: int, length: int) -> Iterator[tuple[str, int, int]]:
        """Where the bytes [start, start + length) of the file are: URLs, each with an offset and a length."""
        if not self.extents:
            if length:
                yield self.url or "", self.offset + start, length
            return
        position = 0
        for url, offset, size in self.extents:
            first, last = max(start, position), min(start + length, position + size)
            if first < last:
                yield url, offset + first - position, last - first
            position += size


class RemoteManifest:
    """The files of a version, those with a path prefix, or a single one."""

    def __init__(
        self,
        client: Client,
        version_id: str,
        *,
        prefix: str = "",
        only: str | None = None,
        known: Sequence[Entry] | None = None,
    ) -> None:
        """`known`: all files of the version in the order of their paths, if they need not be asked for."""
        self._client = client
        self._path = f"/artifacts/versions/{version_id}/manifest"
        self.prefix = only or prefix
        self.only = only
        self.entries: list[Entry] = []
        """Those of the pages so far."""
        self._known = known
        self._renewed: dict[str, dict[str, RemoteFile]] = {}
        self._lock = threading.Lock()

    def pages(self) -> Iterator[list[RemoteFile]]:
        """Each page is fetched while the one before is worked on. Files that are known are one page, without URLs.

        Raises `InvalidPath` for a path that must not be written to a disk, `CorruptDownload` for lost bytes.
        """
        if self._known is not None:
            self.entries += self._known
            yield [RemoteFile(entry) for entry in self._known]
            return
        page = self._fetch_page(None)
        while True:
            next_cursor = page["next_cursor"]
            ahead = _Ahead(self._fetch_page, next_cursor) if next_cursor and not self.only else None
            files = self._parse(page)
            self.entries += [file.entry for file in files]
            yield files
            if ahead is None:
                return
            page = ahead.result()

    def locate(self, files: Sequence[RemoteFile]) -> Iterator[Sequence[RemoteFile]]:
        """These files with their URLs, which known files have none of: pages from the first to the last of them."""
        if self._known is None or not files:
            yield files
            return
        wanted = {file.entry.path: file.entry for file in files}
        order = [entry.path for entry in self._known]
        first, last = bisect_left(order, min(wanted)), bisect_left(order, max(wanted))
        cursor = None
        while first <= last:
            after = order[first - 1] if first and cursor is None else None
            page = self._fetch_page(cursor, after=after, limit=min(last - first + 1, PAGE_SIZE))
            count = len(page["paths"])
            if not count or page["paths"] != order[first : first + count]:
                raise errors.CorruptDownload("The files that the server listed differ from those it listed before")
            located = (file for file in self._parse(page, wanted) if file.entry.path in wanted)
            yield [file._replace(entry=wanted[file.entry.path]) for file in located]
            first += count
            cursor = page["next_cursor"]

    def renew(self, files: Sequence[RemoteFile]) -> list[RemoteFile]:
        """The same files with other URLs: those of the objects in which they are now."""
        with self._lock:
            for cursor in {file.cursor for file in files if not self._is_renewed(file)}:
                # Unlike a request without any cursor it does not count as another download.
                page = self._parse(self._fetch_page(cursor), {file.entry.path for file in files})
                self._renewed.setdefault(cursor, {}).update((file.entry.path, file) for file in page)
            found = [self._renewed[file.cursor].get(file.entry.path) for file in files]
        renewed = []
        for before, file in zip(files, found, strict=True):
            if file is None or (file.entry.sha256, file.entry.size) != (before.entry.sha256, before.entry.size):
                raise errors.CorruptDownload(f"The server lists {before.entry.path!r} no more as it did")
            renewed.append(file._replace(entry=before.entry))
        return renewed

    def _is_renewed(self, file: RemoteFile) -> bool:
        """Whether another thread has asked for it since."""
        found = self._renewed.get(file.cursor, {}).get(file.entry.path)
        return found is not None and (found.url, found.extents) != (file.url, file.extents)

    def renew_url(self, path: str) -> str | None:
        """A new address for a reference whose signed one has expired; None where the server signs none."""
        page = self._client.get(self._path, format="columns", cursor="", prefix=path, limit=1)
        return self._parse(page)[0].url if page["paths"] == [path] else None

    def download_range(self, url: str, start: int, length: int, write: Callable[[bytes], object]) -> None:
        """Pass the bytes [start, start + length) of an object to `write`. Raises `ObjectStoreError`, `Unreachable`."""
        self._client.download_range(url, start, length, write)

    def _fetch_page(self, cursor: str | None, *, after: str | None = None, limit: int | None = None) -> dict[str, Any]:
        limit = 1 if self.only else limit
        page: dict[str, Any] = self._client.get(
            self._path, format="columns", cursor=cursor, after=after, limit=limit, prefix=self.prefix or None
        )
        return page

    def _parse(self, page: dict[str, Any], needed: Container[str] | None = None) -> list[RemoteFile]:
        """The files of the page. Only those that are needed must have bytes that can be read."""
        executable, unreadable, references, md5 = (
            {int(row) for row in page["executable"]},
            page["unreadable"],
            page["references"],
            page["md5"],
        )
        extents = page.get("extents") or {}
        urls, cursor = [obj["url"] for obj in page["objects"]], page["cursor"]
        files = []
        columns = (page["paths"], page["sizes"], page["sha256"], page["object"], page["offsets"])
        for row, (path, size, sha256, index, offset) in enumerate(zip(*columns, strict=True)):
            paths.validate(path)
            if not path.startswith(self.prefix):
                raise errors.InvalidPath(f"The server sent {path!r}, which does not start with {self.prefix!r}")
            if index is not None:
                entry = Entry(path, size, sha256, None if sha256 else md5[str(row)], executable=row in executable)
                files.append(RemoteFile(entry, urls[index], offset, cursor))
            elif str(row) in extents:
                entry = Entry(path, size, sha256, executable=row in executable)
                pieces = tuple((urls[index], offset, length) for index, offset, length in extents[str(row)])
                if not size or sum(length for *_, length in pieces) != size:
                    # What lacks would never arrive, and nothing would say so.
                    raise errors.CorruptDownload(f"The pieces that the server listed of {path!r} are not {size} bytes")
                files.append(RemoteFile(entry, None, 0, cursor, pieces))
            elif str(row) in references:
                reference = references[str(row)]
                files.append(RemoteFile(_reference_entry(path, size, reference), reference["download_url"], 0, cursor))
            elif needed is None or path in needed:
                raise errors.CorruptDownload(
                    f"The object store has no valid bytes of {path!r} (integrity: {unreadable.get(str(row))})"
                )
        return [file for file in files if file.entry.path == self.only] if self.only else files


def _reference_entry(path: str, size: int, reference: dict[str, Any]) -> Entry:
    return Entry.of_reference(
        path,
        size,
        str(reference["reference_uri"]),
        reference.get("reference_identity") or "",
        reference.get("version_id") or "",
    )


class _Ahead(Generic[_Result]):
    """What a function returns, which is called in another thread meanwhile."""

    def __init__(self, function: Callable[[str], _Result], argument: str) -> None:
        self._function = function
        self._argument = argument
        self._result: _Result | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._call, name="wanllmdb-manifest", daemon=True)
        if not start_if_possible(self._thread):
            self._call()

    def _call(self) -> None:
        try:
            self._result = self._function(self._argument)
        except BaseException as error:  # raised in the thread that asks for the result
            self._error = error

    def result(self) -> _Result:
        """Raises what the function raised."""
        while self._thread.is_alive():
            # Without a timeout some platforms would not deliver Ctrl-C.
            self._thread.join(0.5)
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result
