"""The artifacts of a run: logs them, now or in the background, keeps its files, and uses versions.

A run is in its project whatever that is called by now, so the project is named by its id.
"""

from __future__ import annotations

import copy
import inspect
import os
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from wanllmdb.sdk import errors, links, name_resolution, version_creation
from wanllmdb.sdk.artifact import Artifact, StrPath
from wanllmdb.sdk.background import BackgroundLogger
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft, inspect_path
from wanllmdb.sdk.lineage import usages
from wanllmdb.sdk.local_files import absolute_path
from wanllmdb.sdk.logged_version import LoggedVersion
from wanllmdb.sdk.progress import ProgressCallback
from wanllmdb.sdk.run_files.keepers import RunFiles
from wanllmdb.sdk.saved_files import SavedFiles


class RunArtifacts:
    """Of the run with this record. `is_ended` says whether somebody ends the run here, which calls `finish`."""

    def __init__(self, connection: Connection, record: dict[str, Any], *, is_ended: bool) -> None:
        self._connection = connection
        self._record = record
        self._background = BackgroundLogger(connection.console.warning, is_ended=is_ended)
        self.files = self._run_files(connection)
        self.saved_files = SavedFiles(self.files, connection.console, is_ended=is_ended)
        self._own: set[str] = set()
        """The ids of versions that the run logged here."""
        self._used: dict[str, set[str]] = {}
        """The ids of versions that it is known to use, with the names by which it asked for them."""

    def connect(self, connection: Connection) -> None:
        """Use another connection from now on: a forked process needs one of its own."""
        self._connection = connection
        self.files.connect(connection)

    def _run_files(self, connection: Connection) -> RunFiles:
        return RunFiles(connection, str(self._record["id"]))

    def log(
        self,
        artifact: Artifact,
        aliases: list[str],
        tags: list[str],
        *,
        wait: bool,
        progress: ProgressCallback | None = None,
    ) -> None:
        """See `Run.log_artifact`."""
        state = artifact._state
        if isinstance(state, Draft):
            version_creation.require_valid(state, tags)
        if wait:
            # Versions of one artifact have the order of the calls.
            self._background.wait_for(artifact.name)
            self._log(artifact, artifact._state, aliases, tags, progress)
        else:
            # A draft as it is now, whatever becomes of its metadata in the meantime.
            state = copy.deepcopy(state) if isinstance(state, Draft) else state
            artifact._pending = self._background.submit(
                artifact.name, lambda: self._log(artifact, state, aliases, tags, progress)
            )

    def _log(
        self,
        artifact: Artifact,
        state: Draft | LoggedVersion,
        aliases: list[str],
        tags: list[str],
        progress: ProgressCallback | None,
    ) -> None:
        """Log the artifact as it was in `state`, unless an earlier call in the background has logged it."""
        if isinstance(artifact._state, LoggedVersion):
            state = artifact._state
        artifact._set_version(self._log_state(state, aliases, tags, progress))

    def _log_state(
        self,
        state: Draft | LoggedVersion,
        aliases: list[str],
        tags: list[str],
        progress: ProgressCallback | None = None,
    ) -> LoggedVersion:
        """The version that a draft becomes, or that gets the aliases."""
        connection, project, run_id = self._connection, self._record["project"], self._record["id"]
        if isinstance(state, Draft):
            record = version_creation.create_version(
                connection, state, project, aliases, run_id, tags, progress=progress
            )
            self._own.add(record["id"])
        elif state.record["project"] == project:
            with name_resolution.explain_missing(state.qualified_name, errors.VersionNotFound):
                record = version_creation.add_aliases(connection, state.record, aliases, tags)
        else:
            raise errors.AlreadyLogged(f"{state.qualified_name} was logged in another project")
        return LoggedVersion(connection, record)

    def use(
        self,
        name_or_artifact: str | Artifact,
        type: str | None = None,
        alias: str | None = None,
        version: str | int | None = None,
        at: str | datetime | None = None,
    ) -> Artifact:
        """See `Run.use_artifact`."""
        version_id = requested_as = None
        if isinstance(name_or_artifact, Artifact):
            used = name_or_artifact.wait()._logged("use_artifact")
            name = used.qualified_name
            version_id = used.record["id"] if at is None else None
            requested_as = next(iter(usages.names_of(used.record)), None)
        else:
            name = self._resolve_name(name_or_artifact)
        name_resolution.validate_selector(name, alias, version)
        number = None if version is None else f"v{str(version).removeprefix('v')}"
        record = name_resolution.resolve_and_record_usage(
            *(self._connection, self._record["id"], name),
            version_id=version_id, alias=alias, version=number, type=type, at=at, requested_as=requested_as,
        )  # fmt: skip
        self._used.setdefault(record["id"], set()).update(usages.names_of(record))
        return Artifact._from_record(self._connection, record)

    def link(self, artifact: Artifact, target: str, aliases: list[str], *, create_project: bool = False) -> Artifact:
        """See `Run.link_artifact`; with `create_project` the collection is made with its project."""
        version = artifact.wait()._logged("link_artifact")
        project = self.fetch_project()
        if create_project:
            name = links.full_name(self._connection, target, project)
            links.create_collection(self._connection.client, name, str(version.record["artifact_type"]))
        return Artifact._from_record(version.connection, version.link(target, aliases, project))

    def record_use(self, version: LoggedVersion) -> None:
        """Record that the run reads this version, unless it logged it. Never raises."""
        record, names = version.record, usages.names_of(version.record)
        known = self._used.get(record["id"])
        if known is not None and known.issuperset(names):
            return
        if record["id"] in self._own or record["run_id"] == self._record["id"]:
            return
        if version.connection.settings.base_url != self._connection.settings.base_url:
            return
        self._used.setdefault(record["id"], set()).update(names)
        try:
            self._send_use(version, names[0] if names else None)
        except errors.WanLLMDBError as error:
            self._connection.console.warning(f"could not record that the run uses {version.label}: {error}")

    def _send_use(self, version: LoggedVersion, requested_as: str | None) -> None:
        body = {"version_id": version.record["id"], **({"requested_as": requested_as} if requested_as else {})}
        self._connection.client.post(f"/runs/{self._record['id']}/use-artifact", body, idempotent=True)

    def of_role(self, role: str) -> list[Artifact]:
        """The versions that the run `logged` or `used`, newest first."""
        return list_artifacts(self._connection, self._record["id"], role)

    def _resolve_name(self, name: str) -> str:
        """`name:x` in the run's project as it is, or `team/project/name:x`. Raises `Invalid`."""
        self._connection.full_name(name, self._record["project_name"])
        if name.count("/") == 1:
            return f"{self.fetch_project().partition('/')[0]}/{name}"
        return name

    def fetch_project(self) -> str:
        """`team/project` of the run as it is called now."""
        record = self._connection.client.get(f"/runs/{self._record['id']}")
        self._record.update({field: record[field] for field in ("project_name", "url")})
        return str(record["project_name"])

    def finish(self, *, is_running: bool) -> list[BaseException]:
        """Wait for what is logged in the background, and keep what is saved at the end. Returns what went wrong."""
        failures = self._background.drain()
        if is_running:
            try:
                self.saved_files.finish()
            except Exception as error:
                failures.append(error)
            self.files.finish()
        return failures

    def cancel(self) -> list[BaseException]:
        """Give up what is not logged yet. Returns an error for each."""
        self._background.cancel()
        return self._background.drain()


def list_artifacts(connection: Connection, run_id: str, role: str) -> list[Artifact]:
    """The versions that a run `logged` or `used`, as the server lists them."""
    records = connection.client.get(f"/runs/{run_id}/artifacts")[role]
    return [Artifact._from_record(connection, record) for record in records]


def artifact_of(
    artifact_or_path: Artifact | StrPath,
    name: str | None,
    type: str | None,
    exclude: StrPath | Iterable[StrPath] | None = None,
) -> Artifact:
    """This artifact, or a draft with the file or files at this path; by default with its name, and of type `file`."""
    if isinstance(artifact_or_path, Artifact):
        if name is not None or type is not None or exclude is not None:
            raise errors.Invalid(
                "An Artifact already has a name, a type and files: pass name, type and exclude to log_artifact only "
                "together with a path"
            )
        return artifact_or_path
    path = artifact_or_path
    is_dir, own_name = inspect_path(path)
    artifact = Artifact(name or own_name, type or "file")
    if is_dir:
        artifact.add_dir(path, exclude=exclude)
    else:
        artifact.add_file(path)
    return artifact


def code_of(
    root: StrPath, name: str, include: Callable[..., bool] | None, exclude: Callable[..., bool] | None
) -> Artifact:
    """A draft of type `code` with the `.py` files below `root`, or those for which the functions say so."""
    top = absolute_path(root)
    if not Path(top).is_dir():
        raise errors.Invalid(f"log_code: {top} is not a directory")
    artifact = Artifact(name, "code")
    for directory, folders, names in os.walk(top):
        folders[:] = [folder for folder in folders if not folder.startswith(".") and folder != "__pycache__"]
        for path in (str(Path(directory, name)) for name in names):
            is_included = _call(include, path, top) if include else path.endswith(".py")
            if is_included and Path(path).is_file() and not (exclude and _call(exclude, path, top)):
                artifact.add_file(path, os.path.relpath(path, top))
    return artifact


def _call(function: Callable[..., bool], path: str, root: str) -> bool:
    try:
        takes_root = len(inspect.signature(function).parameters) > 1
    except (TypeError, ValueError):  # some builtins have no signature
        takes_root = False
    return bool(function(path, root) if takes_root else function(path))
