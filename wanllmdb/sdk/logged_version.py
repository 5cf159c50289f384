"""A version of an artifact as it lies on the server: finalized, and never to change in its contents."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from wanllmdb.sdk import aliases, errors, paths
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.manifest import Entry, Manifest, entry_of_file
from wanllmdb.sdk.models import RunRecord
from wanllmdb.sdk.transfer import download, download_directory, verification
from wanllmdb.sdk.transfer.remote_manifest import Locations


class Logged:
    """Description, metadata and aliases may be changed here, and reach the server with `save`."""

    def __init__(self, connection: Connection, record: dict[str, Any]) -> None:
        self.connection = connection
        self.record = record
        self.description: str = record["description"]
        self.metadata: dict[str, Any] = dict(record["metadata"])
        self.aliases: list[str] = list(record["aliases"])

    @property
    def name(self) -> str:
        return str(self.record["artifact_name"])

    @property
    def qualified_name(self) -> str:
        return f"{self.record['project_name']}/{self.name}:{self.record['version']}"

    @cached_property
    def manifest(self) -> Manifest:
        pages = self.connection.client.scroll(f"{self._path}/files", limit=1000)
        return Manifest((entry_of_file(file) for page in pages for file in page["items"]), self.record["digest"])

    @property
    def _path(self) -> str:
        return f"/artifacts/versions/{self.record['id']}"

    def download(self, root: str | os.PathLike[str] | None = None, path_prefix: str | None = None) -> str:
        locations = Locations(self.connection.client, self.record["id"], prefix=path_prefix)
        # Of a part of the files there is no digest to compare with.
        digest = None if path_prefix else self.record["digest"]
        return self._download(root, locations, digest, 0 if path_prefix else self.record["total_size"])

    def _download(
        self, root: str | os.PathLike[str] | None, locations: Locations, digest: str | None, size: int
    ) -> str:
        given = self._root(root)
        target = download_directory.Root(given)
        with (
            download_directory.alone(target.path, self.connection.settings.cache_dir, self._tell_of_waiting),
            self.connection.console.progress("Downloading", size) as tell,
        ):
            download.download(locations, target, digest, tell)
        return str(given)

    def _root(self, given: str | os.PathLike[str] | None) -> Path:
        """As it was given, made absolute; links in it stay."""
        mark = "-" if sys.platform == "win32" else ":"
        own = Path("artifacts", f"{self.name}{mark}{self.record['version']}")
        return (own if given is None else Path(given)).absolute()

    def _tell_of_waiting(self) -> None:
        self.connection.console.say("  Another process is downloading to the same directory; waiting for it")

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        if self.record["file_count"] != 1:
            raise errors.Invalid(
                f"{self.name}:{self.record['version']} holds {self.record['file_count']} files: "
                "file() is for artifacts of exactly one; use download()"
            )
        (entry,) = self.manifest
        return str(Path(self.download(root), entry.path))

    def entry(self, path: str) -> Entry:
        path = str(PurePosixPath(path))
        if path not in self.manifest:
            raise errors.NotFound(f"{self.name}:{self.record['version']} holds no file {path!r}")
        return self.manifest[path]

    def download_entry(self, path: str, root: str | os.PathLike[str] | None = None) -> str:
        locations = Locations(self.connection.client, self.record["id"], only=path)
        return str(Path(self._download(root, locations, None, self.manifest[path].size), path))

    def verify(self, root: str | os.PathLike[str] | None = None) -> None:
        verification.verify(self.manifest, str(self._root(root).resolve()))

    def logged_by(self) -> RunRecord | None:
        if not self.record["run_id"]:
            return None
        return RunRecord.of(self.connection.client.get(f"/runs/{self.record['run_id']}"))

    def used_by(self) -> Iterator[RunRecord]:
        return (RunRecord.of(record) for record in self.connection.client.pages(f"{self._path}/used-by"))

    def save(self) -> None:
        client = self.connection.client
        for alias in self.aliases:
            paths.check_alias(alias)
        changes = {
            field: value
            for field, value in (("description", self.description), ("metadata", self.metadata))
            if value != self.record[field]
        }
        if changes:
            client.patch(self._path, changes)
        had, wanted = self.record["aliases"], list(dict.fromkeys(self.aliases))
        taken = {alias: self.record["id"] for alias in wanted if alias not in had}
        released = [alias for alias in had if alias not in wanted]
        artifact_id = self.record["artifact_id"]
        for stayed in aliases.release(client, artifact_id, self.record["id"], taken, released):
            where = f"is at {stayed.version}" if stayed.version else "is gone"
            self.connection.console.say(f"  Alias {stayed.alias!r} {where} by now: nothing to remove from here")
        self.aliases[:] = wanted
        self.record.update(changes, aliases=list(wanted))
