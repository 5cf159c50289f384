"""Copies one version of an artifact: its bytes, as far as the project has not got them, and what is said of it.

The server knows each copy by an id that is derived from the source, and files by their md5: what was copied before an
interruption is not sent again.
"""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.transfer.worker_pool import WorkerPool
from wanllmdb.sdk.wandb_import import manifest, transfer
from wanllmdb.sdk.wandb_import.manifest import Manifest, ManifestFile
from wanllmdb.sdk.wandb_import.report import Item
from wanllmdb.sdk.wandb_import.runs import ABORT
from wanllmdb.sdk.wandb_import.source import Collection, Source, SourceError, VersionName, reading
from wanllmdb.sdk.wandb_import.target import Target, parse_headers

# Larger files are sent in parts: a store takes 5 GiB at once, and 10,000 parts.
MAX_SINGLE_PUT = 4 << 30
PART_SIZE = 512 << 20


class VersionCopier:
    """Copies versions in the order in which they were made. `own_runs` are the runs whose copies may be named."""

    def __init__(self, source: Source, target: Target, directory: Path, refused_runs: set[str]) -> None:
        self._source, self._target, self._directory = source, target, directory
        self._refused_runs = refused_runs
        self._runs: dict[str, bool] = {}
        """By the id of a run, whether our server has it."""
        self._next: dict[str, int] = {}
        """By artifact, the number that its next version gets."""

    def copy(self, name: VersionName, *, is_dry_run: bool) -> Item:
        """Copy the version, as far as it is not there. Raises what would happen to every version."""
        item = Item("version", name.name)
        try:
            artifact = self._source.version(name)
            known = self._find(str(artifact.id))
            shown = self._target.show_version(known) if known else {}
            if shown.get("state") == "COMMITTED":
                item.end("present")
                self._next[name.artifact] = int(shown["versionIndex"]) + 1
            elif is_dry_run:
                item.end("planned")
            else:
                self._copy(name, artifact, item)
        except ABORT:
            raise
        except (errors.WanLLMDBError, OSError, RecursionError) as error:
            item.end("failed", str(error))
        return item

    def describe(self, collection: Collection) -> None:
        """Give the artifact the description and tags of the source's, unless it has its own."""
        record = self._target.find_artifact(collection.name)
        if record is not None:
            record = self._target.rest.complete(record, f"/artifacts/{record['id']}")
        if record is not None and not record["description"] and not record["tags"]:
            changes = {"description": collection.description, "add_tags": collection.tags}
            self._target.rest.patch(
                f"/artifacts/{record['id']}", {name: value for name, value in changes.items() if value}
            )

    def find(self, source_id: str, source_project: str | None = None) -> str | None:
        """The id that the version of the source has on our server; None if it has no complete copy there.

        One of another project is found where that was copied under its own name into the same team.
        """
        for project in dict.fromkeys((None, source_project)):
            found = self._find(source_id, project)
            if found and self._target.show_version(found)["state"] == "COMMITTED":
                return found
        return None

    def _find(self, source_id: str, source_project: str | None = None) -> str | None:
        return self._target.find_version(str(self._target.own_id("version", source_id, source_project)))

    def link(self, name: VersionName, *, is_dry_run: bool) -> Item:
        """Link the version that this one of a portfolio leads to, if that was copied."""
        item = Item("link", name.name)
        try:
            artifact = self._source.version(name)
            with reading(f"What {name.name} leads to"):
                source_project, source_name = project_of(artifact), str(artifact.source_qualified_name)
            version = self.find(str(artifact.id), source_project)
            if version is None:
                item.end("planned" if is_dry_run else "incomplete", f"{source_name} is not in the copy")
            elif self._target.find_link(version, name.artifact):
                item.end("present")
            elif is_dry_run:
                item.end("planned")
            else:
                self._link(name, artifact, version, item)
        except ABORT:
            raise
        except (errors.WanLLMDBError, OSError) as error:
            item.end("failed", str(error))
        return item

    def _link(self, name: VersionName, artifact: Any, version: str, item: Item) -> None:
        aliases = [str(alias) for alias in artifact.aliases if alias != "latest"]
        try:
            number = self._target.link(version, name.artifact, aliases)
        except errors.Invalid as error:
            if not aliases:
                raise
            number = self._target.link(version, name.artifact, [])
            item.notes.append(f"without its aliases {', '.join(aliases)}: {error}")
        if number != name.number:
            item.notes.append(f"it is v{number} here: links are numbered one after another")
        item.end("incomplete" if item.notes else "copied")

    def _copy(self, name: VersionName, artifact: Any, item: Item) -> None:
        with reading(f"The manifest of {name.name}"):
            built = manifest.build(artifact, self.find, item.notes.append)
        run = self._run_of(artifact, item)
        version = self._begin(name, artifact, built, run, item)
        self._keep_number(name)
        self._target.send_manifest(version, built.content, built.md5, run or "")
        for batch in transfer.batches(iter(built.files)):
            self._copy_files(artifact, version, batch)
        number = int(self._target.commit_version(version)["versionIndex"])
        self._next[name.artifact] = number + 1
        if number != name.number:
            item.notes.append(f"it is v{number} here: the artifact has other versions, or one of the same contents")
        item.end("incomplete" if item.notes else "copied")

    def _run_of(self, artifact: Any, item: Item) -> str | None:
        """The id of the run that logged it, if that was copied."""
        with reading("The run that logged it"):
            run = artifact.logged_by()
        if run is None:
            return None
        run_id = str(run.id)
        if run_id not in self._runs:
            self._runs[run_id] = run_id not in self._refused_runs and self._target.find_run(run_id) is not None
        if self._runs[run_id]:
            return run_id
        item.notes.append(f"the run {run_id} that logged it was not copied")
        return None

    def _begin(self, name: VersionName, artifact: Any, built: Manifest, run: str | None, item: Item) -> str:
        """A draft, or the one that an interrupted import left. Its aliases are assigned when it is committed."""
        values: dict[str, Any] = {
            "artifactTypeName": name.type,
            "artifactCollectionName": name.artifact,
            "runName": run,
            "description": artifact.description,
            "metadata": json.dumps(dict(artifact.metadata or {})),
            "ttlDurationSeconds": _ttl_of(artifact),
            # The client says the step before the one that it was told.
            "historyStep": None if artifact.history_step is None else artifact.history_step + 1,
            "tags": [{"tagName": str(tag)} for tag in artifact.tags or ()],
            "digest": built.digest,
            "clientID": str(self._target.own_id("version", str(artifact.id))),
            "enableDigestDeduplication": False,
        }
        # `latest` follows by itself.
        aliases = [str(alias) for alias in artifact.aliases if alias != "latest"]
        stated = [{"artifactCollectionName": name.artifact, "alias": alias} for alias in aliases]
        try:
            begun = self._target.begin_version(**values, aliases=stated)
        except errors.Invalid as error:
            if not aliases:
                raise
            begun = self._target.begin_version(**values, aliases=[])
            item.notes.append(f"without its aliases {', '.join(aliases)}: {error}")
        return str(begun["id"])

    def _keep_number(self, name: VersionName) -> None:
        """Leave out the numbers of versions that the source has deleted."""
        record = None
        if name.artifact not in self._next:
            record = self._target.find_artifact(name.artifact)
            latest = record and record["latest_version"]
            self._next[name.artifact] = int(latest.removeprefix("v")) + 1 if latest else 0
        if self._next[name.artifact] < name.number:
            record = record or self._target.find_artifact(name.artifact)
            if record is not None:
                self._target.use_number(record["id"], name.number - 1)

    # --- Bytes --------------------------------------------------------------------------------------------------------

    def _copy_files(self, artifact: Any, version: str, batch: list[ManifestFile]) -> None:
        """Send those whose bytes the server does not have."""
        small = [file for file in batch if file.size <= MAX_SINGLE_PUT]
        stated = [{"artifactID": version, "name": file.path, "md5": file.md5} for file in small]
        nodes = self._target.begin_files(stated) if small else []
        missing = {file.path: (file, node) for file, node in zip(small, nodes, strict=True) if node["uploadUrl"]}
        large = [file for file in batch if file.size > MAX_SINGLE_PUT]
        urls = self._urls(artifact, [*missing, *(file.path for file in large)])
        with WorkerPool(transfer.MAX_WORKERS) as workers:
            for path, (file, node) in missing.items():
                workers.submit(self._copy_file, file, urls[path], partial(self._send, node))
            for file in large:
                workers.submit(self._copy_file, file, urls[file.path], partial(self._send_parts, version, file))

    def _urls(self, artifact: Any, paths: list[str]) -> dict[str, str]:
        if not paths:
            return {}
        with reading("The list of files"):
            urls = {str(file.name): str(file.url) for file in artifact.files(names=paths, per_page=len(paths))}
        if missing := [path for path in paths if path not in urls]:
            raise SourceError(f"The source does not say where the bytes of {missing[0]} are")
        return urls

    def _copy_file(self, file: ManifestFile, url: str, send: Any) -> None:
        path = transfer.new_path(self._directory, file.size)
        try:
            self._source.download(url, path, file.size)
            if transfer.in_base64(transfer.md5_of(path, 0, file.size)) != file.md5:
                raise SourceError(f"The source sends other bytes of {file.path} than its manifest says")
            send(path, file.size)
        finally:
            path.unlink(missing_ok=True)

    def _send(self, node: dict[str, Any], path: Path, size: int) -> None:
        headers = parse_headers(node["uploadHeaders"] or ())
        self._target.rest.upload(node["uploadUrl"], headers, partial(transfer.blocks, path, 0, size), size)

    def _send_parts(self, version: str, file: ManifestFile, path: Path, size: int) -> None:
        ranges = [(start, min(PART_SIZE, size - start)) for start in range(0, size, PART_SIZE)]
        hashes = [transfer.md5_of(path, start, length) for start, length in ranges]
        parts = [{"partNumber": number, "hexMD5": md5} for number, md5 in enumerate(hashes, 1)]
        stated = {"artifactID": version, "name": file.path, "md5": file.md5, "uploadPartsInput": parts}
        (node,) = self._target.begin_files([stated])
        if not (upload := node["uploadMultipartUrls"]):
            return
        etags = []
        for (start, length), md5, part in zip(ranges, hashes, upload["uploadUrlParts"], strict=True):
            headers = {"Content-MD5": transfer.in_base64(md5)}
            body = partial(transfer.blocks, path, start, length)
            etags.append(self._target.rest.upload(part["uploadUrl"], headers, body, length))
        self._target.complete_file(version, node["storagePath"], upload["uploadID"], etags)


def project_of(artifact: Any) -> str:
    """`entity/project` of the version that has the files."""
    return f"{artifact.source_entity}/{artifact.source_project}"


def _ttl_of(artifact: Any) -> int | None:
    with reading("Its TTL"):
        ttl = artifact.ttl
    return int(ttl.total_seconds()) if isinstance(ttl, timedelta) else None
