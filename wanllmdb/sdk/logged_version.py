"""A logged version of an artifact: its contents never change, its description, metadata and aliases can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from wanllmdb.sdk import aliases, errors, links, name_resolution, paths, timestamps
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.json_limits import require_fit
from wanllmdb.sdk.json_values import to_canonical, to_jsonable, to_metadata
from wanllmdb.sdk.lineage import graph, impact, usages
from wanllmdb.sdk.lineage.graph import Lineage
from wanllmdb.sdk.lineage.impact import Impact
from wanllmdb.sdk.local_cache import download_index, manifests
from wanllmdb.sdk.local_cache.contents import Contents
from wanllmdb.sdk.local_cache.file_hashes import FileHashes
from wanllmdb.sdk.local_files import named_path
from wanllmdb.sdk.manifest import Entry, Manifest, entry_from_record
from wanllmdb.sdk.models import RunRecord
from wanllmdb.sdk.paths import StrPath
from wanllmdb.sdk.progress import ProgressCallback, Transfer
from wanllmdb.sdk.reference_downloads import ReferenceSource, with_known_hashes
from wanllmdb.sdk.tags import tag_changes
from wanllmdb.sdk.transfer import download, reference_files, verification
from wanllmdb.sdk.transfer.download_directory import DownloadDirectory, download_lock
from wanllmdb.sdk.transfer.reference_files import ReferenceFiles
from wanllmdb.sdk.transfer.remote_manifest import RemoteManifest
from wanllmdb.sdk.validators import validate_alias, validate_tags


class LoggedVersion:
    """Changes of description, metadata, aliases, tags and TTL are sent by `save`."""

    def __init__(self, connection: Connection, record: dict[str, Any]) -> None:
        self.connection = connection
        self.record = record
        self._fetched_at = timestamps.now()
        self.aliases: list[str] = list(record["aliases"])
        self.tags: list[str] = list(record.get("tags") or ())
        self.ttl = _ttl_of(record)

    # A list leaves out what is too long for it: these two are fetched when they are first read.
    @cached_property
    def description(self) -> str:
        return str(self._complete_record()["description"])

    @cached_property
    def metadata(self) -> dict[str, Any]:
        return to_metadata(self._complete_record()["metadata"])

    def _complete_record(self) -> dict[str, Any]:
        if self.record.get("omitted"):
            with self._explain_missing():
                self.record = self.connection.client.complete(self.record, self._path, limit=1)
        return self.record

    @property
    def name(self) -> str:
        return str(self.record["artifact_name"])

    @property
    def qualified_name(self) -> str:
        return f"{self.record['project_name']}/{self.name}:{self.record['version']}"

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.qualified_name

    @property
    def size(self) -> int:
        return int(self.record["total_size"])

    @property
    def file_count(self) -> int:
        return int(self.record["file_count"])

    @cached_property
    def manifest(self) -> Manifest:
        pages = self.connection.client.iter_cursor_pages(f"{self._path}/files", limit=1000)
        with self._explain_missing():
            files = (entry_from_record(file) for page in pages for file in page["items"])
            return Manifest(files, self.record["digest"])

    @property
    def _path(self) -> str:
        return f"/artifacts/versions/{self.record['id']}"

    def _explain_missing(self) -> AbstractContextManager[None]:
        return name_resolution.explain_missing(self.qualified_name, errors.VersionNotFound)

    def download(
        self,
        root: StrPath | None = None,
        path_prefix: StrPath | None = None,
        exact: bool = False,
        allow_missing_references: bool = False,
        progress: ProgressCallback | None = None,
        skip_cache: bool = False,
    ) -> str:
        with self._explain_missing():
            manifest = self._select(path_prefix)
        usages.record(self)
        # The digest covers all files, so it cannot verify some of them.
        digest = None if manifest.prefix else self.record["digest"]
        totals = (None, None) if manifest.prefix else (self.file_count, self.size)
        directory, hashes = self._download(
            root, manifest, digest, totals, exact, allow_missing_references, progress, skip_cache
        )
        if not manifest.prefix:
            files = Manifest(
                (
                    replace(entry, sha256=hashes.get(entry.path)) if entry.sha256 is None else entry
                    for entry in manifest.entries
                ),
                digest,
            )
            download_index.remember(self.connection, self._complete_record(), self._fetched_at, files, directory)
        return directory

    def _select(self, path_prefix: StrPath | None) -> RemoteManifest:
        """The files of a folder, or else the file of that path, or else those that begin so. Raises `NotFound`."""
        client, version_id = self.connection.client, self.record["id"]
        prefix = "" if path_prefix is None else paths.prefix_from_user(path_prefix)
        if not prefix:
            known = manifests.recall(self.connection, version_id, self.record["digest"])
            return RemoteManifest(client, version_id, known=None if known is None else list(known))
        # First as a folder: `train` does not mean `training`, if there is a folder of that name.
        for start in dict.fromkeys((f"{prefix.rstrip('/')}/", prefix)):
            with self._explain_missing():
                first = client.get(f"{self._path}/files", prefix=start, limit=1)["items"]
            if first:
                is_file = first[0]["path"] == start
                return RemoteManifest(client, version_id, prefix=start, only=start if is_file else None)
        raise errors.NotFound(f"{self.label} contains no path that starts with {prefix!r}")

    def _download(
        self,
        root: StrPath | None,
        manifest: RemoteManifest,
        digest: str | None,
        totals: tuple[int | None, int | None],
        exact: bool = False,
        allow_missing_references: bool = False,
        progress: ProgressCallback | None = None,
        skip_cache: bool = False,
    ) -> tuple[str, dict[str, str]]:
        """The directory, and the sha256s of the references in it by path. `totals`: files and bytes, where known."""
        files, size = totals
        settings = self.connection.settings
        with (
            closing(ReferenceSource(self.connection, manifest.renew_url)) as source,
            self._explain_missing(),
            self._writing(root, progress) as (directory, transfer),
            transfer.phase("downloading", files=files, size=size) as on_progress,
            closing(Contents(settings)) as cache,
        ):
            references = ReferenceFiles(
                source, is_expected=bool(self.record.get("reference_count")), allows_missing=allow_missing_references
            )
            download.download(
                manifest,
                directory,
                digest,
                on_progress,
                exact=exact,
                references=references,
                cache=None if skip_cache else cache,
                known_hashes=FileHashes(settings.cache_dir if settings.hash_cache else None),
                begin_phase=transfer.phase,
            )
        self._warn_of_missing(references)
        return str(self._root(root)), references.sha256s

    def _warn_of_missing(self, references: ReferenceFiles) -> None:
        if references.missing:
            self.connection.console.warning(reference_files.describe_missing(references.missing))

    @contextmanager
    def _writing(
        self, root: StrPath | None, progress: ProgressCallback | None
    ) -> Iterator[tuple[DownloadDirectory, Transfer]]:
        """The directory, which no other process of this machine writes to meanwhile, and its transfer."""
        directory = DownloadDirectory(self._root(root))
        console = self.connection.console

        def on_wait() -> None:
            console.info("  Another process is downloading to the same directory; waiting for it")

        with console.transfer(self.name, progress) as transfer, ExitStack() as stack:
            with transfer.phase("waiting"):
                stack.enter_context(download_lock(directory.path, self.connection.settings.cache_dir, on_wait))
            yield directory, transfer

    def _root(self, root: StrPath | None) -> Path:
        """An absolute path; symbolic links in it are not resolved."""
        if root is None:
            # The names come from the server, which is not trusted with the disk.
            root = paths.validate(f"artifacts/{self.record['project_name']}/{self.name}-{self.record['version']}")
        return Path(named_path(root))

    def file(self, root: StrPath | None = None) -> str:
        if self.record["file_count"] != 1:
            raise errors.Invalid(
                f"{self.label} contains {self.record['file_count']} files: "
                "file() is for artifacts with exactly one; use download()"
            )
        (entry,) = self.manifest
        return str(Path(self.download(root), entry.path))

    def entry(self, path: StrPath) -> Entry:
        path = paths.compose(path)
        if path not in self.manifest:
            raise errors.NotFound(f"{self.label} contains no file {path!r}")
        return self.manifest[path]

    def download_entry(self, path: str, root: StrPath | None = None, skip_cache: bool = False) -> str:
        usages.record(self)
        manifest = RemoteManifest(self.connection.client, self.record["id"], only=path)
        directory, _ = self._download(root, manifest, None, (1, self.manifest[path].size), skip_cache=skip_cache)
        return str(Path(directory, path))

    def verify(self, root: StrPath | None = None, allow_missing_references: bool = False) -> None:
        manifest = with_known_hashes(self.connection, self.manifest)
        verification.verify(manifest, str(self._root(root).resolve()), allow_missing_references)

    def logged_by(self) -> RunRecord | None:
        if not self.record["run_id"]:
            return None
        try:
            return RunRecord._from_record(self.connection.client.get(f"/runs/{self.record['run_id']}"))
        except errors.NotFound:
            return None

    def used_by(self) -> list[RunRecord]:
        client = self.connection.client
        with self._explain_missing():
            records = client.iter_pages(f"{self._path}/used-by")
            return [RunRecord._from_record(client.complete(record, f"/runs/{record['id']}")) for record in records]

    def lineage(self, direction: str, depth: int, limit: int) -> Lineage:
        with self._explain_missing():
            return graph.fetch(self.connection.client, f"{self._path}/lineage", direction, depth, limit)

    def impact(self, per_page: int | None) -> Impact:
        return impact.fetch(self.connection.client, f"{self._path}/impact", per_page, self._explain_missing)

    @property
    def source(self) -> dict[str, Any] | None:
        """Of a link, the version that has the files, as far as you have access to it; else None."""
        return self.record.get("linked_from")

    def require_source(self) -> None:
        """Raises `NotFound` for a link to what you have no access to."""
        if self.source is not None and self.source["version_id"] is None:
            raise errors.NotFound(f"{self.label} is a link to a version in a project that you have no access to")

    def fetch_source(self) -> dict[str, Any]:
        self.require_source()
        if self.source is None:
            return self.record
        with self._explain_missing():
            return dict(self.connection.client.get(f"/artifacts/versions/{self.source['version_id']}", limit=1))

    def link(self, target: str, aliases: Sequence[str], project: str | None = None) -> dict[str, Any]:
        """The record of the link in a collection, named relative to the project or else to that of the version.

        What is missing may be the version or the project: the server says which.
        """
        name = links.full_name(self.connection, target, project or self.record["project_name"])
        self.connection.console.info(f"Linking {self.label} in {name}...")
        return links.create(self.connection.client, self.record["id"], name, aliases)

    def list_links(self) -> Iterator[dict[str, Any]]:
        with self._explain_missing():
            yield from self.connection.client.iter_pages(f"{self._path}/links")

    def delete(self, delete_aliases: bool) -> None:
        with self._explain_missing():
            self.connection.client.delete(self._path, delete_aliases="true" if delete_aliases else None)

    def save(self) -> None:
        client = self.connection.client
        for alias in self.aliases:
            validate_alias(alias)
        # What was neither read nor set is not among the variables.
        values: dict[str, Any] = {name: vars(self)[name] for name in ("description", "metadata") if name in vars(self)}
        if "metadata" in values:
            values["metadata"] = to_jsonable(values["metadata"])
            require_fit(values["metadata"], "metadata")
        # Compared as texts: Python calls 1 and True equal.
        changes = {
            field: value for field, value in values.items() if to_canonical(value) != to_canonical(self.record[field])
        }
        changes |= tag_changes(self.record.get("tags") or (), validate_tags(self.tags))
        if self.ttl != _ttl_of(self.record):
            changes["ttl_seconds"] = None if self.ttl is None else int(self.ttl.total_seconds())
        if changes:
            with self._explain_missing():
                saved = client.patch(self._path, changes)
            self.record |= {name: saved[name] for name in ("tags", "ttl_seconds", "expires_at") if name in saved}
            self.tags[:] = self.record.get("tags") or ()
        before, after = self.record["aliases"], list(dict.fromkeys(self.aliases))
        added = {alias: self.record["id"] for alias in after if alias not in before}
        removed = [alias for alias in before if alias not in after]
        artifact_id = self.record["artifact_id"]
        with self._explain_missing():
            moved_away = aliases.move_or_release(client, artifact_id, self.record["id"], added, removed)
        for moved in moved_away:
            state = f"was moved to {moved.version}" if moved.version else "was already removed"
            self.connection.console.info(f"  Alias {moved.alias!r} {state} by someone else: not removed from here")
        self.aliases[:] = after
        self.record.update({name: values[name] for name in changes if name in values}, aliases=list(after))


def _ttl_of(record: dict[str, Any]) -> timedelta | None:
    """None of a server that knows of none, too."""
    seconds = record.get("ttl_seconds")
    return None if seconds is None else timedelta(seconds=seconds)
