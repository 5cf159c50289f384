"""Reads the objects of references, and compares them with what was recorded of them."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from urllib3.exceptions import HTTPError

from wanllmdb.sdk import connection_errors, errors, reference_uris
from wanllmdb.sdk.cancellation import cancellable_sleep, raise_if_cancelled
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.reference_uris import STORES, Location, without_secrets
from wanllmdb.sdk.references import identity, stores
from wanllmdb.sdk.references.web_requests import WebClient
from wanllmdb.sdk.transfer.hashes import MIB

_USER_INFO = re.compile(r"//[^/?#]*@")
MAX_FAILURES = 3
"""So often in a row a broken connection is made anew without having brought a byte."""

BLOCK_SIZE = MIB // 4
"""As much as a connection that breaks may lose."""

Write = Callable[[bytes], object]


@dataclass(slots=True)
class _Opened:
    """An object whose bytes are on their way, from `start` on, with what its store says of it now."""

    identities: set[str]
    size: int | None
    blocks: Iterator[bytes]
    close: Callable[[], object]
    start: int = 0
    version_id: str | None = None


_Open = Callable[[int], _Opened]
"""Opens an object at a position; it may begin before that."""


class Reader:
    """Reads references with the credentials of this machine. Stores and connections are opened once.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._web = WebClient()
        self._stores: dict[tuple[str, ...], Any] = {}
        self._lock = threading.Lock()

    def read(self, entry: Entry, new_writer: Callable[[], Write], url: str | None = None) -> str:
        """Pass the bytes to the writer that `new_writer` makes, and return their sha256.

        `url` is an address that the server has signed. Where reading begins again, so does a new writer. Raises
        `ReferenceChanged` if it is not the object that was recorded, `ReferenceUnreachable` if there is none, or it
        cannot be read from here.
        """
        try:
            return self._read(entry, new_writer, url)
        except errors.BrokenReference as error:
            error.problem |= {"uris": [_safe_uri(entry)], "paths": [entry.path]}
            raise

    def _read(self, entry: Entry, new_writer: Callable[[], Write], url: str | None) -> str:
        open_at = self._opener(entry, url)
        received = _Received(entry, new_writer)
        failures = 0
        while True:
            before = received.size
            reason = _receive(entry, open_at(before), received)
            if reason is None:
                break
            failures = 0 if received.size > before else failures + 1
            if failures > MAX_FAILURES:
                raise _unreachable(entry, reason)
            cancellable_sleep(0.25 * 2**failures)
        received.require_same()
        return received.sha256

    def close(self) -> None:
        self._web.close()

    def _opener(self, entry: Entry, url: str | None) -> _Open:
        if url is not None:
            return lambda start: self._open_url(entry, url, start, is_signed=True)
        try:
            location = reference_uris.parse(str(entry.reference_uri))
        except errors.Invalid as error:
            raise _unreachable(entry, str(error)) from error
        if location.provider in STORES:
            return lambda start: self._open_object(entry, location, start)
        if location.provider == "web":
            return lambda start: self._open_url(entry, location.uri, start)
        if location.provider == "file":
            return lambda start: _open_file(entry, location.path, start)
        raise _unreachable(entry, "nothing is known of its scheme: fetch it by other means")

    # --- Stores -------------------------------------------------------------------------------------------------------

    def _open_object(self, entry: Entry, location: Location, start: int) -> _Opened:
        options: dict[str, Any] = {"range": {"offset": start}} if start else {}
        if entry.version_id:
            options["version"] = entry.version_id
        try:
            store = self._store(location)
            with stores.explain_errors(location.uri):
                found = store.get(location.key, options=options)
        except errors.NotFound as error:
            if entry.version_id and _exists(store, location):
                raise _changed(
                    entry, f"its version {entry.version_id} is not kept any more, and there is another one"
                ) from error
            raise _unreachable(entry, str(error)) from error
        except errors.Invalid as error:
            raise _unreachable(entry, str(error)) from error
        meta = found.meta
        identities = {identity.of_etag(meta["e_tag"]), identity.of_time(meta["last_modified"])}
        blocks = _store_blocks(found, location.uri)
        return _Opened(identities, meta["size"], blocks, blocks.close, found.range[0], meta["version"])

    def _store(self, location: Location) -> Any:
        key = (location.provider, location.bucket, location.account, location.query)
        with self._lock:
            if key not in self._stores:
                self._stores[key] = stores.open_store(location)
            return self._stores[key]

    # --- The web ------------------------------------------------------------------------------------------------------

    def _open_url(self, entry: Entry, url: str, start: int, is_signed: bool = False) -> _Opened:
        headers = {"Range": f"bytes={start}-"} if start else {}
        response = self._web.open("GET", url, headers, follows=not is_signed)
        if response.status not in (200, 206):
            response.close()
            if response.status == 416 and start:
                raise _changed(entry, "it is shorter now")
            if is_signed and response.status in (401, 403):
                raise SignatureExpired(f"{without_secrets(url)} is not valid any more")
            if response.status in (404, 410):
                raise _unreachable(entry, f"it does not exist any more: the server answered {response.status}")
            raise _unreachable(entry, f"the server answered {response.status}")
        first, size = _extent(response.headers, response.status == 206)
        version_id = response.headers.get("x-amz-version-id") or response.headers.get("x-goog-generation")
        identities = {identity.of_etag(response.headers.get("ETag")), identity.of_last_modified(response.headers)}
        blocks = response.stream(BLOCK_SIZE, decode_content=False)
        return _Opened(identities, size, blocks, response.close, first, version_id)


def _receive(entry: Entry, opened: _Opened, received: _Received) -> str | None:
    """Add the bytes of an object that was opened where the last ones ended, or at its beginning.

    Returns why some are missing: the next attempt may bring them. None if they are complete.
    """
    try:
        _require_same(entry, opened)
        if opened.start not in (0, received.size):
            raise _unreachable(entry, "the server answered with another part of it")
        if opened.start != received.size:
            received.restart()
        for block in opened.blocks:
            raise_if_cancelled()
            received.write(block)
        is_complete = opened.size is None or received.size >= opened.size
        return None if is_complete else "the connection ended early"
    except HTTPError as error:
        return connection_errors.reason_of(error)
    except _Interrupted as error:
        return str(error)
    finally:
        opened.close()


class _Interrupted(Exception):
    """The store stopped in the middle of an object."""


class SignatureExpired(errors.ReferenceUnreachable):
    """An address that the server has signed is refused: a new one may work."""


def _exists(store: Any, location: Location) -> bool:
    """Whether there is an object now, whatever its version."""
    try:
        with stores.explain_errors(location.uri):
            return store.head(location.key) is not None
    except errors.WanLLMDBError:
        return False


def _store_blocks(found: Any, uri: str) -> Generator[bytes, None, None]:
    blocks = iter(found.stream(min_chunk_size=MIB))
    while True:
        try:
            with stores.explain_errors(uri):
                block = next(blocks, None)
        except errors.WanLLMDBError as error:
            raise _Interrupted(str(error)) from error
        if block is None:
            return
        yield bytes(block)


def _extent(headers: Any, is_part: bool) -> tuple[int, int | None]:
    """Where the bytes of a response begin, and the size of the whole object if it is known."""
    if is_part:
        unit, _, rest = headers.get("Content-Range", "").partition(" ")
        span, _, whole = rest.partition("/")
        first = span.partition("-")[0]
        if unit == "bytes" and first.isdecimal():
            return int(first), int(whole) if whole.isdecimal() else None
        return 0, None
    length = headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


# --- Files of this machine --------------------------------------------------------------------------------------------


def _open_file(entry: Entry, path: str, start: int) -> _Opened:
    """A file of this machine, whose path a server names.

    It is only read where its hash was recorded: then whoever named it knew its bytes, and a copy of them in the
    directory of a download gives nothing away. Otherwise a server could have private files copied to where they are
    shared.
    """
    if not entry.reference_identity.startswith(("sha256:", "md5:")):
        raise _unreachable(
            entry, "files of this machine are copied only if their sha256 was recorded: add it with checksum=True"
        )
    try:
        # Not blocking: a pipe would wait for a writer.
        file = io.FileIO(path, opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            file.close()
            raise _unreachable(entry, "it is not a regular file")
        file.seek(start)
    except OSError as error:
        raise _unreachable(entry, error.strerror or str(error)) from error
    blocks = _file_blocks(file, found.st_size)
    return _Opened({entry.reference_identity}, found.st_size, blocks, file.close, start)


def _file_blocks(file: io.FileIO, size: int) -> Iterator[bytes]:
    """Not to the end of the file: it may have none while another process keeps writing."""
    while file.tell() <= size and (block := file.read(MIB)):
        yield block


# --- Identity ---------------------------------------------------------------------------------------------------------


class _Received:
    """The bytes that arrived so far, on their way to a writer."""

    def __init__(self, entry: Entry, new_writer: Callable[[], Write]) -> None:
        self._entry = entry
        self._new_writer = new_writer
        self.restart()

    def restart(self) -> None:
        self._write = self._new_writer()
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if self._entry.reference_identity.startswith("md5:") else None
        self.size = 0

    def write(self, block: bytes) -> None:
        self._sha256.update(block)
        if self._md5 is not None:
            self._md5.update(block)
        self._write(block)
        self.size += len(block)
        if self._entry.size and self.size > self._entry.size:
            raise _changed(self._entry, f"it has more than {self._entry.size:,} bytes now")

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def require_same(self) -> None:
        """Raises `ReferenceChanged` if size or hash differ from the recorded ones."""
        entry = self._entry
        kind, _, value = entry.reference_identity.partition(":")
        found = {"sha256": self.sha256, "md5": self._md5.hexdigest() if self._md5 is not None else ""}.get(kind, value)
        if found != value:
            raise _changed(entry, f"its {kind} is {found} now, and was {value}")
        if entry.size and self.size != entry.size:
            raise _changed(entry, f"it has {self.size:,} bytes now, and had {entry.size:,}")


def _require_same(entry: Entry, opened: _Opened) -> None:
    """Raises `ReferenceChanged` if what the store says now differs from what was recorded."""
    recorded = entry.reference_identity
    kind, _, value = recorded.partition(":")
    if kind in ("etag", "modified") and recorded not in opened.identities:
        now = next((found for found in sorted(opened.identities) if found.startswith(f"{kind}:")), "")
        raise _changed(entry, f"its {kind} is {now.partition(':')[2] or 'not told'} now, and was {value}")
    if entry.version_id and opened.version_id not in (None, "", entry.version_id):
        raise _changed(entry, f"its version is {opened.version_id}, and was {entry.version_id}")
    if entry.size and opened.size is not None and opened.size != entry.size:
        raise _changed(entry, f"it has {opened.size:,} bytes now, and had {entry.size:,}")


def _changed(entry: Entry, reason: str) -> errors.ReferenceChanged:
    return errors.ReferenceChanged(f"{_safe_uri(entry)} is not the object that was logged: {reason}")


def _unreachable(entry: Entry, reason: str) -> errors.ReferenceUnreachable:
    safe_uri = _safe_uri(entry)
    return errors.ReferenceUnreachable(reason if safe_uri in reason else f"{safe_uri} cannot be read: {reason}")


def _safe_uri(entry: Entry) -> str:
    """The URI without what grants access, which a server may have sent whatever it is."""
    return _USER_INFO.sub("//", without_secrets(str(entry.reference_uri)))
