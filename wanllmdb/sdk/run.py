"""The public class `Run`: one execution of a program, with its config, results, and input and output artifacts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from wanllmdb.sdk import alerts, errors, interruption, metrics, process_end, wandb_names
from wanllmdb.sdk.arguments import AlertLevel, checked
from wanllmdb.sdk.artifact import Artifact, StrPath
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.disabled_artifacts import DisabledArtifacts
from wanllmdb.sdk.history_rows import HistoryRows
from wanllmdb.sdk.json_limits import FitOnce
from wanllmdb.sdk.json_values import SyncedDict, to_jsonable
from wanllmdb.sdk.media.records import Recorder as MediaRecorder
from wanllmdb.sdk.metrics import Metric
from wanllmdb.sdk.process_end import Outcome
from wanllmdb.sdk.progress import ProgressCallback
from wanllmdb.sdk.resumption import Unfinished, age_of
from wanllmdb.sdk.run_artifacts import RunArtifacts, artifact_of, code_of
from wanllmdb.sdk.run_attributes import RunAttributes
from wanllmdb.sdk.run_models import RunModels
from wanllmdb.sdk.run_updates import RunUpdates
from wanllmdb.sdk.tags import tag_changes
from wanllmdb.sdk.validators import validate_aliases, validate_tags


class Run(RunAttributes, RunModels):
    """Returned by `init`. As a context manager it ends with the block: `finished`, or `crashed` after an exception."""

    def __init__(self, connection: Connection, record: dict[str, Any], *, is_copy: bool = False) -> None:
        self._connection = connection
        self._record = record
        self._is_copy = is_copy
        self.config = SyncedDict(record["config"], self._mark_dirty)
        """The inputs of the run: a dict whose items are also attributes. Changes are sent automatically."""
        self.summary = SyncedDict(record["summary"], self._mark_dirty)
        """The results: the last value of each name passed to `log`."""
        self._sendable = FitOnce(connection.console.warning)
        self._metrics = metrics.Metrics()
        self._rows = HistoryRows(int(record.get("last_step") or 0), self._metrics, self._add_row)
        self._began_at = time.monotonic() - age_of(record)
        artifacts = DisabledArtifacts if self.disabled else RunArtifacts
        self._artifacts = artifacts(connection, record, is_ended=not is_copy)
        self._parent_dir: str | None = None
        self._dir: str | None = None
        self._unfinished: Unfinished | None = None
        """What `init(resume="auto")` is to go on with, until the run has finished."""
        self._is_worker = False
        """Whether this process was forked from the one that started the run."""
        self._ends_with_process = False
        self._has_warned_of_lost_change = False
        self._updates: RunUpdates | None = None
        if self.is_online and not is_copy:
            self._updates = RunUpdates(connection, self.id, self._snapshot, self._stop_program)

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: object) -> Run:
        return self

    def __reduce__(self) -> tuple[Callable[..., Run], tuple[Any, ...]]:
        """Unpickled it is a copy that uses and logs artifacts; only the run itself takes values and ends."""
        values = {"config": self.config.as_dict(), "summary": self.summary.as_dict(), "last_step": self.step}
        return _copy_of, (self._connection, {**self._record, **values})

    def __repr__(self) -> str:
        return f"<Run {self.name!r} of {self._record['project_name']} ({self.state})>"

    # --- Operations ---------------------------------------------------------------------------------------------------

    @checked(ignored=wandb_names.LOG)
    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Add the values to the history of the run, as a row of this step, and the last of each name to `summary`.

        Values are numbers, texts, lists and dicts of them, and media: `Image`, `Table`, `Histogram`, `Audio`, `Video`,
        `Html`, lists of one of these, figures of matplotlib, and DataFrames of pandas.

        With `commit=False` they are kept for the row of the next call, or of the end of the run; a call with another
        `step` comes after them. Does not block: values are sent in the background. In a forked process it returns when
        they have been sent, or after `WORKER_RETRY_PERIOD` seconds with a warning, because such a process may be ended
        at any time. Raises `Invalid` for anything but a mapping or an object with fields, and after the run has ended.
        """
        self._require_running("log")
        if self._is_copy:
            raise errors.Invalid(f"log: this copy of run {self.name!r} was unpickled; only the run itself takes values")
        recorder = MediaRecorder(self._artifacts.files.add, self._connection.console.warning)
        self._rows.add(data, step, recorder, commit=commit is None or commit)

    def _add_row(self, step: int, values: dict[str, Any], *, is_counted: bool) -> None:
        """`is_counted` says that the step is the number of the call, rather than what the program passed."""
        if self._updates:
            fitting = self._sendable.fit("the run's summary", values)
            runtime = round(time.monotonic() - self._began_at, 3)
            self._updates.add_row({"_timestamp": time.time(), "_runtime": runtime, **fitting, "_step": step})
        self.summary.update(self._metrics.summarize(values, self.summary))
        if self._is_worker:
            if self._updates:
                self._updates.send_now()
            self._artifacts.files.finish()

    @checked(leaves=("step_metric", "summary"))
    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | Sequence[str] | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say how a metric is shown, or with `*` at the end of its name all that begin so.

        `step_metric` is the metric that is its x axis; rows that lack it get its last value, unless `step_sync` is
        False. A `hidden` metric has no chart of its own. `summary` is what the summary keeps: some of `min`, `max`,
        `mean`, `best` by the `goal` `minimize` or `maximize`, `first` and `last`, as a dict; with `none` nothing, and
        by default or with `copy` the last value. What a second call leaves open stays, unless `overwrite`.
        Raises `Invalid`.
        """
        self._require_running("define_metric")
        metric = metrics.parse(name, step_metric, step_sync, hidden, summary, goal)
        metric = self._metrics.define(metric, overwrite=bool(overwrite))
        self._mark_dirty()
        return metric

    @checked(leaves=("level", "wait_duration"))
    def alert(
        self,
        title: str,
        text: str = "",
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Notify who started the run, who watches its project, and webhooks; and print it on standard error.

        `level` is `INFO`, `WARN` or `ERROR`. For `wait_duration` seconds, by default 60, the run sends no second alert
        of this title. It is sent in the background, and never fails. Raises `Invalid` for wrong arguments.
        """
        self._require_running("alert")
        alert = alerts.parse(title, text, level, wait_duration)
        self._connection.console.warning(f"alert: {alert['title']}" + (f": {text}" if text else ""))
        self._send_alert(alert)

    @checked()
    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
        exclude: StrPath | Iterable[StrPath] | None = None,
        wait: bool = True,
        progress: ProgressCallback | None = None,
    ) -> Artifact:
        """Create a version of the artifact in this run's project, and return the artifact.

        With `wait=False` it returns at once, and the artifact is logged in the background, after those of earlier
        calls: `Artifact.wait` waits for it. Until then its files must not change, and it has no version. An error is
        raised by `Artifact.wait`, or else by `finish`.

        A path of a file or directory becomes an artifact; by default `name` is its own name and `type` is `file`.
        `exclude` leaves files of a directory out, as in `Artifact.add_dir`.
        If the latest version has the same contents, no version is created and the aliases move to the latest one. Tags
        belong to the artifact, not to a version; they are added to the existing ones.

        `progress` is called with a `TransferProgress` at the begin and the end of each phase and about twice a second
        in between, from one thread at a time. It should return soon. If it raises an exception, that is a warning: it
        is not called again, and the transfer goes on.
        Raises `InvalidName`, `TypeDiffers`, `FileChanged`, `Denied`, `Unreachable`, and before any bytes are uploaded
        `AliasProtected`. After an error no incomplete version is visible, and calling it again only uploads what is
        missing.
        """
        self._require_running("log_artifact")
        alias_names, tag_names = validate_aliases(aliases), validate_tags(tags)
        artifact = artifact_of(artifact_or_path, name, type, exclude)
        self._artifacts.log(artifact, alias_names, tag_names, wait=wait, progress=progress)
        return artifact

    @checked(ignored=wandb_names.SAVE)
    def save(self, glob_str: StrPath, base_path: StrPath | None = None, policy: str = "live") -> list[str]:
        """Keep files of this run, and return their paths there: `Api().run(path).files()` and the page list them.

        `glob_str` is a file, a directory, or a pattern such as `logs/**/*.txt`. Paths count from `base_path`, by
        default from the working directory; a pattern outside of it counts from its last directory without wildcards.
        With the policy `now` the files are sent at once, with `end` as they are at the end of the run, and with `live`
        both, as far as they have changed. A file of the same path is replaced, and one that is deleted here stays. This
        is synchronous. Raises `Invalid`, `FileChanged`, `Unreachable`, `Denied`; at the end of the run `finish` does.
        """
        self._require_running("save")
        return self._artifacts.saved_files.save(glob_str, base_path, policy)

    @checked(ignored=wandb_names.USE_ARTIFACT, renamed={"artifact_or_name": "name_or_artifact"})
    def use_artifact(
        self,
        name_or_artifact: str | Artifact,
        type: str | None = None,
        alias: str | None = None,
        version: str | int | None = None,
        at: str | datetime | None = None,
    ) -> Artifact:
        """Find a version, and record that this run uses it.

        The name is `name`, `name:x` or `team/project/name:x`: x is a version if there is one, else an alias, by default
        `latest`. `alias=` is always an alias, and `version=` always a version. With `at` the alias is resolved as of
        that time: `2026-05-03T12:00:00Z` or a `datetime`, both with a time zone.
        In mode `disabled` it finds what this process has logged. Raises `NotFound`, `AliasNotFound`, `VersionNotFound`,
        `TypeDiffers`, `Invalid`.
        """
        self._require_running("use_artifact")
        return self._artifacts.use(name_or_artifact, type, alias, version, at)

    @checked(ignored=wandb_names.FILES)
    def logged_artifacts(self) -> list[Artifact]:
        """The versions that the run logged so far, newest first, at most 1,000."""
        return self._artifacts.of_role("logged")

    @checked(ignored=wandb_names.FILES)
    def used_artifacts(self) -> list[Artifact]:
        """The versions that the run used so far, newest first, at most 1,000. `requested_as` of each says by which
        names."""
        return self._artifacts.of_role("used")

    @property
    def dir(self) -> str:
        """A directory for files of the run: what is in it at the end is kept as by `save`.

        It is in the `dir` of `init`, or else a temporary one, which is deleted at the end of the run.
        """
        if self._dir is None:
            self._require_running("dir")
            self._dir = self._artifacts.saved_files.create_directory(self._parent_dir, f"wanllmdb/run-{self.id}/files")
        return self._dir

    @checked()
    def log_code(
        self,
        root: StrPath | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] | None = None,
        exclude_fn: Callable[..., bool] | None = None,
    ) -> Artifact | None:
        """Log the code below `root` as an artifact of type `code`; None if there is none.

        By default that is all `.py` files, and the name `source-<project>`. The functions are called with the path of
        a file, or with that and `root` if they take two arguments.
        """
        self._require_running("log_code")
        artifact = code_of(root or ".", name or f"source-{self.project}", include_fn, exclude_fn)
        return self.log_artifact(artifact) if artifact.file_count else None

    @checked(ignored=wandb_names.FINISH)
    def finish(self, exit_code: int | None = None) -> None:
        """End the run: `finished` without exit code or with 0, else `crashed`. Before it returns, all values are sent.

        Artifacts that are being logged in the background are waited for. If one of them fails, and `Artifact.wait` has
        not raised it, the run ends as crashed, and its error is raised. A second call does nothing. If the server
        cannot be told of the end, that is a warning: what failed is not the program.
        """
        self._end(process_end.outcome_of_status(exit_code), raises=True)

    def kill(self) -> None:
        """End the run as `killed`: the program was interrupted."""
        self._end(process_end.KILLED, raises=True)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The exception of the block matters more than that of an artifact.
        self._end(process_end.outcome_of(error), raises=error is None)

    # --- Internal -----------------------------------------------------------------------------------------------------

    def _mark_dirty(self) -> None:
        if self._is_copy or self.state != "running":
            self._warn_of_lost_change()
        if self._updates:
            self._updates.mark_dirty()
        if self._is_worker and not self._ends_with_process:
            self._ends_with_process = True
            process_end.call_at_end(self._end)

    def _warn_of_lost_change(self) -> None:
        if not self._has_warned_of_lost_change and self._connection.settings.mode != "disabled":
            self._has_warned_of_lost_change = True
            reason = "this is a copy that was unpickled" if self._is_copy else f"it has ended ({self.state})"
            self._connection.console.warning(
                f"a change of config or summary of run {self.name!r} is not sent: {reason}"
            )

    def _snapshot(self) -> dict[str, Any]:
        """What is sent of config and summary, and of the definitions of metrics."""
        snapshot = {
            name: self._sendable.fit(f"the run's {name}", values.as_dict(), values.in_order_of_change())
            for name, values in (("config", self.config), ("summary", self.summary))
        }
        return {**snapshot, "metrics": self._metrics.to_json()}

    def _send_alert(self, alert: dict[str, Any]) -> None:
        if self._updates:
            self._updates.add_alert(alert)

    def _stop_program(self) -> None:
        """Called by another thread."""
        self._connection.console.warning(f"run {self.name!r} was asked to stop: the program is interrupted")
        interruption.interrupt_main()

    def _require_running(self, operation: str) -> None:
        if self.state != "running":
            raise errors.Invalid(
                f"{operation}: run {self.name!r} has ended ({self.state}); call init to start a new one, or "
                f'init(id={self.id!r}, resume="must") to go on with this one'
            )

    def _update(self, **changes: Any) -> None:
        changes = to_jsonable(changes)
        if self.is_online:
            changes = self._connection.client.patch(f"/runs/{self.id}", changes)
        self._record.update(changes)

    def _set_tags(self, tags: list[str]) -> None:
        if not self.is_online:
            self._update(tags=tags)
        elif changes := tag_changes(self.tags, tags):
            self._update(**changes)

    def _end(self, outcome: Outcome, *, raises: bool = False) -> None:
        """Wait for what is logged in the background, and end the run. Raises the first error of that, or warns."""
        if self.state == "running" and not self._is_copy:
            self._rows.finish()
        try:
            # Before the heartbeat stops: an upload may take long.
            failures = self._artifacts.finish(is_running=self.state == "running")
        except KeyboardInterrupt:
            self._warn_of(self._artifacts.cancel())
            self._report_end(process_end.KILLED)
            raise
        self._report_end(process_end.crashed_by(failures[0]) if failures and outcome.state == "finished" else outcome)
        self._warn_of(failures[1:] if raises else failures)
        if failures and raises:
            raise failures[0]

    def _warn_of(self, failures: list[BaseException]) -> None:
        for error in failures:
            self._connection.console.warning(f"could not log an artifact: {error}")

    def _report_end(self, outcome: Outcome) -> None:
        if self.state != "running" or self._is_copy:
            return
        if self._is_worker:
            # It has a copy of the run, which goes on without it.
            if self._updates:
                self._updates.send_now(at_end=True)
            return
        self._record["state"] = outcome.state
        if outcome.state == "finished" and self._unfinished is not None:
            self._unfinished.forget()
        if self._updates is not None:
            self._record.update(self._updates.end(outcome))

    def _continue_in_fork(self) -> None:
        """Called in a forked process, which has no other thread, and whose locks may be those of threads it lacks."""
        self._rows.renew_lock()
        if self._updates is None or self.state != "running":
            return
        self._is_worker = True
        self._rows.discard()  # the other process logs them
        self._connection = Connection(self._connection.settings)
        self._artifacts.connect(self._connection)
        self._updates.continue_in_fork(self._connection)
        self._ends_with_process = False


def _copy_of(connection: Connection, record: dict[str, Any]) -> Run:
    return Run(connection, record, is_copy=True)
