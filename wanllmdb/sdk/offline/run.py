"""A run in mode `offline`: everything is added to its directory at once, and nothing is sent."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors, provenance, timestamps
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.json_values import to_jsonable
from wanllmdb.sdk.offline.recorder import Recorder
from wanllmdb.sdk.offline.run_artifacts import OfflineArtifacts
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
        self._artifacts = OfflineArtifacts(connection, record, self._recorder, is_ended=not is_copy)

    def __reduce__(self) -> tuple[Callable[..., Run], tuple[Any, ...]]:
        record = {**self._record, "config": self.config.as_dict(), "summary": self.summary.as_dict()}
        return _copy_of, (self._connection, record, self._directory.path)

    @property
    def entity(self) -> str:
        return str(self._record["project_name"]).rpartition("/")[0]

    def _add_row(self, step: int, values: dict[str, Any], *, is_counted: bool) -> None:
        with self._recorder.pause():
            super()._add_row(step, values, is_counted=is_counted)
            self._recorder.log(step, values, is_counted=is_counted)
        if self._metrics.to_json():
            # The summary keeps something else of metrics for which that was said. To find out takes as long as all of
            # config and summary are.
            self._recorder.record_changes(self._snapshot)

    def _mark_dirty(self) -> None:
        if self._is_copy or self.state != "running":
            self._warn_of_lost_change()
        else:
            self._recorder.record_changes(self._snapshot)

    def _snapshot(self) -> dict[str, Any]:
        # What of it the server does not take is left out when it is sent.
        values = {"config": self.config.as_dict(), "summary": self.summary.as_dict()}
        return {**values, "metrics": self._metrics.to_json()}

    def _send_alert(self, alert: dict[str, Any]) -> None:
        self._recorder.record("alert", alert=alert)

    def _update(self, **changes: Any) -> None:
        self._recorder.record("update", values=to_jsonable(changes))
        self._record.update(changes)

    def _report_end(self, outcome: Outcome) -> None:
        # A forked process has a copy of the run, but must not end it.
        if self.state != "running" or self._is_worker or self._is_copy:
            return
        self._mark_dirty()
        self._record["state"] = outcome.state
        if outcome.state == "finished" and self._unfinished is not None:
            self._unfinished.forget()
        console = self._connection.console
        try:
            self._recorder.append("finish", state=outcome.state, exit_code=outcome.exit_code, error=outcome.error)
        except errors.CacheError as error:
            console.warning(f"the last values of the run are lost: {error}")
        if self._lock_handle is not None:
            os.close(self._lock_handle)
        console.info(f"To send run {self.name!r}: wanllmdb sync {shlex.quote(str(self._directory.path))}")

    def _continue_in_fork(self) -> None:
        self._is_worker = True
        self._rows.renew_lock()
        self._rows.discard()
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
    fields = {**provenance.collect(), **fields}
    run_id = fields.pop("idempotency_key")
    own_name = f"{started_at[:19].translate(_COMPACT)}-{run_id[:8]}"
    path = connection.settings.cache_dir / "offline" / own_name
    identity = {"project": fields.pop("project"), "name": fields.pop("name", own_name), "resume": fields.pop("resume")}
    directory = RunDirectory.create(path, {"id": run_id, **identity, "started_at": started_at, "fields": fields})
    record = {**BLANK_RECORD, **fields, "started_at": started_at, "id": run_id, "name": identity["name"]}
    record["project_name"] = identity["project"]
    run = OfflineRun(connection, record, directory)
    connection.console.info(f"Run {run.name!r} of {identity['project']} is offline: it is kept in {path}")
    return run


def _copy_of(connection: Connection, record: dict[str, Any], path: Path) -> OfflineRun:
    return OfflineRun(connection, record, RunDirectory(path), is_copy=True)
