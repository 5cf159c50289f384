"""A run in mode `offline`: everything is added to its directory at once, and nothing is sent."""

from __future__ import annotations

import os
import shlex
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from wanllmdb.sdk import environment, errors, name_resolution, timestamps, version_creation
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.json_limits import require_fit
from wanllmdb.sdk.json_values import to_jsonable
from wanllmdb.sdk.local_version import LocalVersion, UnsentRecord, manifest_of
from wanllmdb.sdk.logged_version import LoggedVersion
from wanllmdb.sdk.offline import resolution, unsent_index
from wanllmdb.sdk.offline.recorder import Recorder
from wanllmdb.sdk.offline.run_directory import RunDirectory
from wanllmdb.sdk.process_end import Outcome
from wanllmdb.sdk.run import Run

_COMPACT = str.maketrans({"-": "", ":": "", "T": "-"})


class OfflineRun(Run):
    """A run whose directory is sent by `wanllmdb sync`. It is complete up to its last event even after a kill."""

    def __init__(
        self, connection: Connection, record: dict[str, Any], directory: RunDirectory, *, is_copy: bool = False
    ) -> None:
        self._directory = directory
        self._lock_handle = None if is_copy else directory.lock()
        self._recorder = Recorder(directory, connection.console.warning)
        self._recorder.start(record["config"])
        super().__init__(connection, record, is_copy=is_copy)

    def __reduce__(self) -> tuple[Callable[..., Run], tuple[Any, ...]]:
        record = {**self._record, "config": self.config.as_dict(), "summary": self.summary.as_dict()}
        return _copy_of, (self._connection, record, self._directory.path)

    @property
    def entity(self) -> str:
        return str(self._record["project_name"]).rpartition("/")[0]

    def log(self, data: Mapping[str, Any], step: int | None = None) -> None:
        with self._recorder.pause():
            super().log(data, step)
            self._recorder.log(self.step, {str(name): self.summary[name] for name in data if name in self.summary})

    def use_artifact(
        self,
        name_or_artifact: str | Artifact,
        type: str | None = None,
        alias: str | None = None,
        version: str | int | None = None,
        at: str | datetime | None = None,
    ) -> Artifact:
        self._require_running("use_artifact")
        if at is not None:
            self._connection.require_online("use_artifact(at=…)")
        if isinstance(name_or_artifact, Artifact):
            name_resolution.validate_selector(name_or_artifact.name, alias, version)
            state = name_or_artifact._logged("use_artifact")
        else:
            name_resolution.validate_selector(name_or_artifact, alias, version)
            project = self._record["project_name"]
            state = resolution.resolve(self._connection, project, name_or_artifact, alias, version, type)
        self._recorder.append("use_artifact", **_reference(state))
        return Artifact._from_version(state)

    def _log_state(self, state: Draft | LoggedVersion, aliases: list[str], tags: list[str]) -> LoggedVersion:
        if isinstance(state, Draft):
            return self._keep(state, aliases, tags)
        self._recorder.append("add_aliases", aliases=aliases, tags=tags, **_reference(state))
        if isinstance(state.record, UnsentRecord):
            unsent_index.remember(self._connection, state.record, aliases)
        return state

    def _keep(self, draft: Draft, aliases: list[str], tags: list[str]) -> LocalVersion:
        """Copy the files of the draft into the directory, and record them as an artifact to send."""
        console = self._connection.console
        console.info(f"Logging artifact {draft.name!r} ({draft.type})...")
        metadata = to_jsonable(draft.metadata)
        require_fit(metadata, "metadata")
        files = version_creation.read_files(draft, console)
        manifest = manifest_of(files)
        size = sum(file.size for file in files)
        with console.progress("Copying", size) as on_progress:
            self._directory.files.add(files, on_progress)
        artifact_id = uuid.uuid4().hex
        self._directory.write_manifest(artifact_id, manifest)
        fields = {
            "artifact_name": draft.name,
            "artifact_type": draft.type,
            "description": draft.description,
            "metadata": metadata,
            "aliases": aliases,
            "tags": tags,
            "digest": manifest.digest,
        }
        self._recorder.append("log_artifact", id=artifact_id, **fields)
        console.info(f"  Kept in {self._directory.path}: `wanllmdb sync` creates the version")
        record = UnsentRecord(
            fields,
            offline={"run": self.id, "artifact": artifact_id},
            directory=str(self._directory.path),
            project_name=self._record["project_name"],
            file_count=len(files),
            total_size=size,
            created_at=timestamps.now(),
        )
        unsent_index.remember(self._connection, record, {"latest", *aliases})
        return unsent_index.load(self._connection, record)

    def _mark_dirty(self) -> None:
        if not self._is_copy:
            self._recorder.record_changes(self._snapshot)

    def _snapshot(self) -> dict[str, Any]:
        # What of it the server does not take is left out when it is sent.
        return {"config": self.config.as_dict(), "summary": self.summary.as_dict()}

    def _update(self, **changes: Any) -> None:
        self._recorder.record("update", values=to_jsonable(changes))
        self._record.update(changes)

    def _end(self, outcome: Outcome) -> None:
        # A forked process has a copy of the run, but must not end it.
        if self.state != "running" or self._is_worker or self._is_copy:
            return
        self._mark_dirty()
        self._record["state"] = outcome.state
        console = self._connection.console
        try:
            self._recorder.append("finish", state=outcome.state)
        except errors.CacheError as error:
            console.warning(f"the last values of the run are lost: {error}")
        if self._lock_handle is not None:
            os.close(self._lock_handle)
        console.info(f"To send run {self.name!r}: wanllmdb sync {shlex.quote(str(self._directory.path))}")

    def _continue_in_fork(self) -> None:
        self._is_worker = True
        self._recorder.continue_in_fork()


BLANK_RECORD: dict[str, Any] = {
    "display_name": "",
    "state": "running",
    "config": {},
    "summary": {},
    "tags": [],
    "notes": "",
    "job_type": "",
    "group": "",
    "url": None,
}
"""Of a run that no server has, what `init` may say of it."""


def start(connection: Connection, fields: dict[str, Any]) -> OfflineRun:
    """Begin a run in a new directory; `fields` are those of the request that starts a run. Raises `CacheError`."""
    started_at = timestamps.now()
    fields = {**environment.collect(), **fields}
    run_id = fields.pop("idempotency_key")
    own_name = f"{started_at[:19].translate(_COMPACT)}-{run_id[:8]}"
    path = connection.settings.cache_dir / "offline" / own_name
    identity = {"project": fields.pop("project"), "name": fields.pop("name", own_name), "resume": fields.pop("resume")}
    directory = RunDirectory.create(path, {"id": run_id, **identity, "started_at": started_at, "fields": fields})
    record = {**BLANK_RECORD, **fields, "id": run_id, "name": identity["name"], "project_name": identity["project"]}
    run = OfflineRun(connection, record, directory)
    connection.console.info(f"Run {run.name!r} of {identity['project']} is offline: it is kept in {path}")
    return run


def _copy_of(connection: Connection, record: dict[str, Any], path: Path) -> OfflineRun:
    return OfflineRun(connection, record, RunDirectory(path), is_copy=True)


def _reference(state: LoggedVersion) -> dict[str, Any]:
    """How an event names a version: one that a server has, or one that an offline run logged."""
    offline = state.record.get("offline")
    if offline is not None:
        return {"offline": offline}
    return {"version_id": state.record["id"], "qualified_name": state.qualified_name}
