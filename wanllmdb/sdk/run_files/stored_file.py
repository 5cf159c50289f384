"""The public class `RunFile`: a file that a run keeps on the server."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.paths import StrPath, validate

_NAMES_PER_REQUEST = 50
_FILES_PER_PAGE = 1_000


class RunFile:
    """One file that a run kept with `save`, or as media with `log`."""

    def __init__(self, connection: Connection, run_id: str, record: dict[str, Any]) -> None:
        self._connection = connection
        self._run_id = run_id
        self._record = record

    def __repr__(self) -> str:
        return f"<RunFile {self.name!r} ({self.size} bytes)>"

    @property
    def name(self) -> str:
        """Its path in the run."""
        return str(self._record["name"])

    @property
    def path(self) -> str:
        """The same as `name`."""
        return self.name

    @property
    def size(self) -> int:
        """In bytes."""
        return int(self._record["size"])

    @property
    def md5(self) -> str:
        """Hex; empty where the object store does not know it."""
        return str(self._record["md5"])

    @property
    def mimetype(self) -> str:
        return str(self._record["mime_type"])

    @property
    def mime_type(self) -> str:
        """The same as `mimetype`."""
        return self.mimetype

    @property
    def updated_at(self) -> str:
        """When its bytes arrived."""
        return str(self._record["updated_at"])

    @property
    def url(self) -> str:
        """Of its bytes, signed, for an hour after it was fetched."""
        return str(self._record["url"])

    @checked()
    def download(self, root: StrPath = ".", replace: bool = False, exist_ok: bool = False) -> str:
        """Download the file to its path below `root`, and return that.

        If there is a file, it is an error, unless it is to be replaced, or with `exist_ok` to be taken as it is.
        Raises `Invalid`, `CorruptDownload`, `NotFound` if the file is gone, `Unreachable`.
        """
        target = Path(os.fspath(root)).expanduser() / validate(self.name)
        if target.exists() and not replace:
            if exist_ok:
                return str(target)
            raise errors.Invalid(f"{target} is there already: pass replace=True, or exist_ok=True to take it as it is")
        temporary = target.with_name(f".{target.name[:100]}-{uuid.uuid4().hex}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._download(temporary)
            temporary.replace(target)
        except OSError as error:
            raise errors.Invalid(f"{target} cannot be written: {error.strerror or error}") from error
        finally:
            with suppress(OSError):
                temporary.unlink()
        return str(target)

    @checked()
    def delete(self) -> None:
        """Delete the file. Raises `Denied`."""
        self._connection.client.delete(f"/runs/{self._run_id}/files", name=self.name)

    def _download(self, target: Path) -> None:
        # By a URL of now, and what that is of: the run may have replaced the file meanwhile.
        found = list(find(self._connection, self._run_id, [self.name]))
        if not found:
            raise errors.NotFound(f"The run has no file {self.name!r} any more")
        self._record = found[0]._record
        digest = hashlib.md5(usedforsecurity=False)
        with target.open("xb") as file:

            def write(block: bytes) -> None:
                digest.update(block)
                file.write(block)

            if self.size:
                self._connection.client.download_range(self.url, 0, self.size, write)
        if self.md5 and digest.hexdigest() != self.md5:
            raise errors.CorruptDownload(f"{self.name!r} does not have the md5 {self.md5} that the server knows")


def find(connection: Connection, run_id: str, names: Iterable[str] | None = None) -> Iterator[RunFile]:
    """The files of a run by name, or those of these names; fetched page by page."""
    path = f"/runs/{run_id}/files"
    if names is None:
        for page in connection.client.iter_cursor_pages(path, limit=_FILES_PER_PAGE):
            yield from (RunFile(connection, run_id, record) for record in page["items"])
        return
    waiting = iter(names)
    while batch := list(islice(waiting, _NAMES_PER_REQUEST)):
        response = connection.client.get(path, name=batch, limit=_FILES_PER_PAGE)
        yield from (RunFile(connection, run_id, record) for record in response["items"])
