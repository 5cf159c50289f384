"""A run: one execution of somebody's program, with what it was given, what came out, and the artifacts it touched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from wanllmdb.sdk import errors, json_values, paths, version_creation
from wanllmdb.sdk.artifact import Artifact, StrPath
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft, describe_source
from wanllmdb.sdk.heartbeat import Pulse
from wanllmdb.sdk.logged_version import Logged


class Run:
    """Made by `init`. As a context manager it ends with the block: `finished`, or `crashed` after an exception."""

    def __init__(self, connection: Connection, record: dict[str, Any]) -> None:
        self._connection = connection
        self._record = record
        self._owner = os.getpid()
        self.config = json_values.LiveDict(record["config"], self._nudge)
        """What the run was given: a dict whose items are attributes too. Changes reach the server by themselves."""
        self.summary = json_values.LiveDict(record["summary"], self._nudge)
        """What came out; `log` keeps the last value of each name here."""
        self._step = 0
        self._pulse: Pulse | None = None
        if self.is_online:
            self._pulse = Pulse(connection.client, self.id, self._snapshot, connection.console.warn)

    @property
    def is_online(self) -> bool:
        """False in mode `disabled`, where everything works and nothing is sent."""
        return self._connection.settings.mode == "online"

    @property
    def id(self) -> str:
        return str(self._record["id"])

    @property
    def name(self) -> str:
        """The one that `init` was given, else the one that the server made up."""
        return str(self._record["display_name"] or self._record["name"])

    @property
    def entity(self) -> str:
        """The team."""
        return str(self._record["project_name"]).split("/")[0]

    @property
    def project(self) -> str:
        """Without the team."""
        return str(self._record["project_name"]).split("/")[-1]

    @property
    def tags(self) -> tuple[str, ...]:
        """Assign a sequence to replace them, on the server too."""
        return tuple(self._record["tags"])

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self._change(tags=[tags] if isinstance(tags, str) else list(tags))

    @property
    def notes(self) -> str:
        """Assign to replace them, on the server too."""
        return str(self._record["notes"])

    @notes.setter
    def notes(self, notes: str) -> None:
        self._change(notes=notes)

    @property
    def group(self) -> str:
        return str(self._record["group"])

    @property
    def job_type(self) -> str:
        return str(self._record["job_type"])

    @property
    def state(self) -> str:
        """`running`, `finished`, `crashed` or `killed`, as far as this process knows."""
        return str(self._record["state"])

    @property
    def url(self) -> str | None:
        """The run's page; None in mode `disabled`."""
        url: str | None = self._record["url"]
        return url

    @property
    def step(self) -> int:
        """How often `log` was called, or what it was told last."""
        return self._step

    def __repr__(self) -> str:
        return f"<Run {self.name!r} of {self._record['project_name']} ({self.state})>"

    # --- What a run does ----------------------------------------------------------------------------------------------

    def log(self, data: Mapping[str, Any], step: int | None = None) -> None:
        """Keep the last values in `summary`. Costs no waiting: they are sent in the background, and at the end.

        Raises `Invalid` for what is not a mapping with texts as keys, or after the run has ended.
        """
        if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
            raise errors.Invalid("log takes a mapping from names to values, such as {'loss': 0.1}")
        self._check_running("log")
        self._step = self._step + 1 if step is None else step
        self.summary.update(data)

    def log_artifact(
        self,
        artifact_or_path: Artifact | StrPath,
        name: str | None = None,
        type: str | None = None,
        aliases: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
    ) -> Artifact:
        """Make a version of the artifact in this run's project, and return it; everything is done then.

        A path to a file or directory is made an artifact first: `name` is its own name unless said, `type` is `file`.
        Where the newest version holds the same contents no version is made, and the aliases move to it. Tags are of the
        artifact as a whole, where searches find them; they are added to those that it has.
        Raises `InvalidName`, `TypeDiffers`, `FileChanged`, `Denied`, `Unreachable`, and before bytes are sent
        `AliasProtected`. After any of them nothing half done is to be seen, and calling it again sends only what has
        not arrived.
        """
        self._check_running("log_artifact")
        given, tagged = version_creation.check_aliases(aliases), version_creation.check_tags(tags)
        artifact = artifact_or_path
        if not isinstance(artifact, Artifact):
            artifact = _from_path(artifact, name, type)
        elif name is not None or type is not None:
            raise errors.Invalid("An Artifact has its name and type: log_artifact takes them with a path only")
        state = artifact._state
        if not self.is_online:
            record = state.record if isinstance(state, Logged) else _pretended(state, given)
        elif isinstance(state, Draft):
            record = version_creation.log(self._connection, state, self._record["project_name"], given, self.id, tagged)
        elif state.record["project_name"] == self._record["project_name"]:
            record = version_creation.give(self._connection, state.record, given, tagged)
        else:
            raise errors.AlreadyLogged(f"{state.qualified_name} is logged in another project")
        artifact._become(self._connection, record)
        return artifact

    def use_artifact(
        self,
        name_or_artifact: str | Artifact,
        type: str | None = None,
        alias: str | None = None,
        version: str | int | None = None,
        at: str | datetime | None = None,
    ) -> Artifact:
        """The version meant, recorded as used by this run.

        The name is `name`, `name:x` or `team/project/name:x`: x is a version where one of that name exists, else an
        alias; without it `latest` is meant. `alias=` and `version=` are taken at their word. With `at` the version is
        meant that the alias was at in that moment: `2026-05-03T12:00:00Z` or a `datetime`, either with its time zone.
        Raises `NotFound`, `AliasNotFound`, `VersionNotFound`, `TypeDiffers`, and `Invalid`, also in mode `disabled`.
        """
        self._check_running("use_artifact")
        self._connection.need_server("use_artifact")
        if isinstance(name_or_artifact, Artifact):
            name = name_or_artifact.qualified_name
        else:
            name = self._connection.full_name(name_or_artifact, self._record["project_name"])
        if ":" in name and (alias is not None or version is not None):
            raise errors.Invalid(f"{name!r} says which version: leave that out, or alias and version")
        if alias is not None and version is not None:
            raise errors.Invalid("Either an alias or a version, not both")
        if alias is not None:
            paths.check_alias(alias)
        number = None if version is None else f"v{str(version).removeprefix('v')}"
        record = version_creation.use(self._connection, self.id, name, alias=alias, version=number, type=type, at=at)
        return Artifact._of(self._connection, record)

    def finish(self, exit_code: int = 0) -> None:
        """End the run: `finished` for exit code 0, else `crashed`. Everything logged has arrived when it returns.

        Ending twice is ending once. Raises `Unreachable`; the run counts as ended here all the same.
        """
        self._end({"exit_code": exit_code}, "crashed" if exit_code else "finished")

    def kill(self) -> None:
        """End the run as `killed`: somebody stopped the program."""
        self._end({"state": "killed"}, "killed")

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
            return
        failed = not isinstance(error, SystemExit) or error.code not in (None, 0)
        try:
            self.kill() if isinstance(error, KeyboardInterrupt) else self.finish(int(failed))
        except errors.WanLLMDBError as trouble:
            # What went wrong in the block is the news, not that we could not say so.
            self._connection.console.warn(f"the end of the run could not be reported: {trouble}")

    # --- Inside -------------------------------------------------------------------------------------------------------

    def _nudge(self) -> None:
        if self._pulse:
            self._pulse.nudge()

    def _snapshot(self) -> dict[str, Any]:
        return {"config": self.config.as_dict(), "summary": self.summary.as_dict()}

    def _check_running(self, act: str) -> None:
        if self.state != "running":
            raise errors.Invalid(f"{act}: run {self.name!r} has ended ({self.state}); call init for a new one")

    def _change(self, **changes: Any) -> None:
        if self.is_online:
            changes = self._connection.client.patch(f"/runs/{self.id}", changes)
        self._record.update(changes)

    def _end(self, how: dict[str, Any], state: str) -> None:
        # A fork of the process has the run too, but it is not the child's to end.
        if self.state != "running" or os.getpid() != self._owner:
            return
        self._record["state"] = state
        if self._pulse is None:
            return
        self._pulse.stop()
        client, unsent = self._connection.client, self._pulse.unsent()
        try:
            if unsent:
                client.patch(f"/runs/{self.id}", unsent)
        except (errors.Invalid, errors.TooLarge) as error:
            self._connection.console.warn(f"{' and '.join(unsent)} of the run could not be sent: {error}")
        self._record.update(client.post(f"/runs/{self.id}/finish", how, repeatable=True))
        client.close()


def _pretended(draft: Draft, aliases: list[str]) -> dict[str, Any]:
    """A version that no server knows: what can be asked of it without one is answered."""
    return {
        **{"id": "disabled", "artifact_id": "disabled", "project_name": "nobody/disabled", "version": "v0"},
        **{"artifact_name": draft.name, "artifact_type": draft.type, "digest": "", "aliases": aliases},
        **{"file_count": len(draft.sources), "total_size": draft.size, "run_id": None, "url": "", "created_at": ""},
        **{"description": draft.description, "metadata": draft.metadata},
    }


def _from_path(path: StrPath, name: str | None, type: str | None) -> Artifact:
    is_dir, own_name = describe_source(path)
    artifact = Artifact(name or own_name, type or "file")
    if is_dir:
        artifact.add_dir(path)
    else:
        artifact.add_file(path)
    return artifact
