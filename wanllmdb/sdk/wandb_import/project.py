"""Copies a project: first its runs, then the versions in the order in which they were made, then who used which."""

from __future__ import annotations

import heapq
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.wandb_import.report import Item, Report
from wanllmdb.sdk.wandb_import.runs import ABORT, copy_run
from wanllmdb.sdk.wandb_import.source import Collection, Source, VersionName, matches, reading
from wanllmdb.sdk.wandb_import.target import Target
from wanllmdb.sdk.wandb_import.versions import VersionCopier, project_of

# What the source's own server makes of runs, and ours makes of them too.
_NOT_COPIED = ("wandb-history", "wandb-events")


@dataclass(frozen=True)
class Selection:
    """Patterns such as `train-*` of the ids and names of runs, and of the names of artifacts; all where None."""

    runs: Sequence[str] | None = None
    artifacts: Sequence[str] | None = None


def copy_project(
    connection: Connection, base_url: str, source_project: str, project: str, report: Report, selection: Selection,
    *, is_dry_run: bool = False,
) -> None:  # fmt: skip
    """Copy `entity/project` of the server `base_url` into `team/project`, and add to the report what became of it.

    To call it again goes on where it was interrupted. Raises `Invalid` without the official client, or while another
    process copies the same, `SourceError` where the source cannot be listed, and `Unreachable`, `ServerError`,
    `AuthenticationError` of our server.
    """
    key = sha256(f"{report.source}>{report.target}".encode()).hexdigest()[:16]
    directory = connection.settings.cache_dir / "imports" / key
    json_files.make_directory(directory)
    try:
        with FileLock(directory / "lock", timeout=0):
            files = directory / "files"
            # What an import left that was killed.
            shutil.rmtree(files, ignore_errors=True)
            json_files.make_directory(files)
            try:
                source = Source(base_url, source_project, files)
                target = Target(connection, project, source.base_url, source_project)
                _ProjectCopy(source, target, report, files, is_dry_run).copy(selection)
            finally:
                shutil.rmtree(files, ignore_errors=True)
    except Timeout as error:
        raise errors.Invalid(f"Another import of {report.source} into {report.target} is going on") from error


class _ProjectCopy:
    def __init__(self, source: Source, target: Target, report: Report, directory: Path, is_dry_run: bool) -> None:
        self._source, self._target, self._report = source, target, report
        self._directory, self._is_dry_run = directory, is_dry_run
        self._refused_runs: set[str] = set()
        self._versions = VersionCopier(source, target, directory, self._refused_runs)

    def copy(self, selection: Selection) -> None:
        runs = [run_id for run_id, name in self._source.list_runs() if matches(selection.runs, run_id, name)]
        copied = [run_id for run_id in runs if self._copy_run(run_id)]
        collections = [one for one in self._source.collections() if matches(selection.artifacts, one.name)]
        artifacts = [collection for collection in collections if not collection.is_portfolio]
        for name in _in_order([self._list_versions(collection) for collection in artifacts]):
            self._report.add(self._versions.copy(name, is_dry_run=self._is_dry_run))
        for collection in collections:
            for name in self._list_versions(collection) if collection.is_portfolio else ():
                self._report.add(self._versions.link(name, is_dry_run=self._is_dry_run))
        if not self._is_dry_run:
            for collection in collections:
                self._describe(collection)
            for run_id in copied:
                self._record_uses(run_id)

    def _copy_run(self, run_id: str) -> bool:
        """Whether the server has it now."""
        item = copy_run(self._source, self._target, run_id, self._directory, is_dry_run=self._is_dry_run)
        self._report.add(item)
        is_there = item.outcome in ("copied", "present", "incomplete")
        if not is_there:
            self._refused_runs.add(run_id)
        return is_there

    def _list_versions(self, collection: Collection) -> list[VersionName]:
        item = Item("artifact", collection.name)
        if collection.type in _NOT_COPIED:
            item.end("skipped", f"the source made it: it is a {collection.type}")
        else:
            try:
                return self._source.versions(collection)
            except (errors.WanLLMDBError, OSError) as error:
                item.end("failed", str(error))
        self._report.add(item)
        return []

    def _describe(self, collection: Collection) -> None:
        if not (collection.description or collection.tags):
            return
        try:
            self._versions.describe(collection)
        except ABORT:
            raise
        except errors.WanLLMDBError as error:
            self._report.add(Item("artifact", collection.name, "incomplete", [f"description and tags: {error}"]))

    def _record_uses(self, run_id: str) -> None:
        item = Item("uses", run_id, "present")
        try:
            with reading(f"What run {run_id} used"):
                found = self._source.run(run_id).used_artifacts()
                used = [(str(one.id), project_of(one), str(one.qualified_name)) for one in found]
            if not used:
                return
            self._record(run_id, used, item)
        except ABORT:
            raise
        except (errors.WanLLMDBError, OSError) as error:
            item.end("failed", str(error))
        self._report.add(item)

    def _record(self, run_id: str, used: list[tuple[str, str, str]], item: Item) -> None:
        record = self._target.find_run(run_id)
        if record is None:
            raise errors.NotFound(f"Run {run_id} was deleted meanwhile")
        known = self._target.list_used(record["id"])
        for source_id, source_project, name in used:
            version = self._versions.find(source_id, source_project)
            if version is None:
                item.end("incomplete", f"{name} is not in the copy")
            elif version not in known:
                self._target.record_use(record["id"], version)
                item.outcome = "copied" if item.outcome == "present" else item.outcome


def _in_order(artifacts: list[list[VersionName]]) -> Iterator[VersionName]:
    """The versions of all artifacts in the order in which they were made, those of each in that of their numbers.

    A version can refer only to files of others that were made before it.
    """
    heads = [(versions[0], place, 0) for place, versions in enumerate(artifacts) if versions]
    heapq.heapify(heads)
    while heads:
        name, place, index = heapq.heappop(heads)
        yield name
        if index + 1 < len(artifacts[place]):
            heapq.heappush(heads, (artifacts[place][index + 1], place, index + 1))
