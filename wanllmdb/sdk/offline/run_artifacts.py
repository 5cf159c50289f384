"""The artifacts of an offline run: kept in its directory, and used from what this machine has."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from wanllmdb.sdk import draft_files, errors, links, name_resolution, timestamps, version_creation
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.json_values import to_jsonable
from wanllmdb.sdk.lineage import usages
from wanllmdb.sdk.lineage.sources import Source
from wanllmdb.sdk.local_version import LocalVersion, UnsentRecord, manifest_of
from wanllmdb.sdk.logged_version import LoggedVersion
from wanllmdb.sdk.offline import resolution, unsent_index
from wanllmdb.sdk.offline.recorder import Recorder
from wanllmdb.sdk.offline.run_files import OfflineRunFiles
from wanllmdb.sdk.progress import ProgressCallback
from wanllmdb.sdk.run_artifacts import RunArtifacts
from wanllmdb.sdk.run_files.keepers import RunFiles


class OfflineArtifacts(RunArtifacts):
    """Everything that is logged and used is an event for `wanllmdb sync`."""

    def __init__(self, connection: Connection, record: dict[str, Any], recorder: Recorder, *, is_ended: bool) -> None:
        self._recorder = recorder
        self._directory = recorder.directory
        super().__init__(connection, record, is_ended=is_ended)
        self._logged: list[UnsentRecord] = []
        self._used_versions: dict[int, LoggedVersion] = {}
        """What this process logged and used, oldest first."""

    def _run_files(self, connection: Connection) -> RunFiles:
        return OfflineRunFiles(connection, str(self._record["id"]), self._recorder)

    def use(
        self,
        name_or_artifact: str | Artifact,
        type: str | None = None,
        alias: str | None = None,
        version: str | int | None = None,
        at: str | datetime | None = None,
    ) -> Artifact:
        if at is not None:
            self._connection.require_online("use_artifact(at=…)")
        if isinstance(name_or_artifact, Artifact):
            name_resolution.validate_selector(name_or_artifact.name, alias, version)
            state = name_or_artifact.wait()._logged("use_artifact")
            requested_as = next(iter(usages.names_of(state.record)), None)
        else:
            name_resolution.validate_selector(name_or_artifact, alias, version)
            project = self._record["project_name"]
            state = resolution.resolve(self._connection, project, name_or_artifact, alias, version, type)
            requested_as = alias or name_or_artifact.partition(":")[2] or (None if version else "latest")
        self._send_use(state, requested_as)
        return Artifact._from_version(state)

    def link(self, artifact: Artifact, target: str, aliases: list[str], *, create_project: bool = False) -> Artifact:
        """An event; the link has no number before `wanllmdb sync` makes it, so what is returned is the artifact."""
        state = artifact.wait()._logged("link_artifact")
        project = str(self._record["project_name"])
        has_team = "/" in project
        name = links.full_name(self._connection, target, project if has_team else f"nobody/{project}")
        # Without a team the name is said as it is: the run is sent to one that only the server knows.
        said = {"collection": name if has_team else target, "aliases": aliases, "create_project": create_project}
        self._recorder.append("link_artifact", **_reference(state), **said)
        label = f"{state.label} is linked in {said['collection']}"
        self._connection.console.info(f"{label} when `wanllmdb sync` sends the run")
        return artifact

    def record_use(self, version: LoggedVersion) -> None:
        # What is read from this machine was asked for with `use_artifact`.
        if not isinstance(version, LocalVersion):
            super().record_use(version)

    def _send_use(self, version: LoggedVersion, requested_as: str | None) -> None:
        self._recorder.append("use_artifact", **_reference(version), requested_as=requested_as)
        self._used_versions[id(version.record)] = version

    def of_role(self, role: str) -> list[Artifact]:
        versions = (
            list(self._used_versions.values())
            if role == "used"
            else [unsent_index.load(self._connection, record) for record in self._logged]
        )
        return [Artifact._from_version(version) for version in reversed(versions)]

    def _log_state(
        self,
        state: Draft | LoggedVersion,
        aliases: list[str],
        tags: list[str],
        progress: ProgressCallback | None = None,
    ) -> LoggedVersion:
        if isinstance(state, Draft):
            return self.keep(state, aliases, tags, progress)
        self._recorder.append("add_aliases", aliases=aliases, tags=tags, **_reference(state))
        if isinstance(state.record, UnsentRecord):
            unsent_index.remember(self._connection, state.record, aliases)
        return state

    def keep(
        self, draft: Draft, aliases: list[str], tags: list[str], progress: ProgressCallback | None = None
    ) -> LocalVersion:
        """Copy the files of the draft into the directory, and record them as an artifact to send."""
        console = self._connection.console
        console.info(f"Logging artifact {draft.name!r} ({draft.type})...")
        version_creation.require_valid(draft)
        with console.transfer(draft.name, progress) as transfer:
            files = draft_files.read(self._connection, draft, transfer)
            size = sum(file.size for file in files)
            with transfer.phase("copying", files=len(files), size=size) as on_progress:
                try:
                    self._directory.files.add(files, on_progress)
                except errors.FileChanged:
                    draft_files.file_hashes(self._connection).forget(files)
                    raise
        manifest = manifest_of(files, draft.references.values())
        artifact_id = uuid.uuid4().hex
        self._directory.write_manifest(artifact_id, manifest)
        fields = {
            "artifact_name": draft.name,
            "artifact_type": draft.type,
            "description": draft.description,
            "metadata": to_jsonable(draft.metadata),
            "aliases": aliases,
            "tags": tags,
            "digest": manifest.digest,
        }
        own = {"tags": list(draft.tags), "ttl_seconds": None if draft.ttl is None else int(draft.ttl.total_seconds())}
        # `tags` are the artifact's.
        if draft.tags:
            fields["version_tags"] = own["tags"]
        if draft.ttl:
            fields["ttl_seconds"] = own["ttl_seconds"]
        derived_from = [self._locate(source) for source in draft.derived_from]
        if derived_from:
            fields["derived_from"] = derived_from
        self._recorder.append("log_artifact", id=artifact_id, **fields)
        console.info(f"  Kept in {self._directory.path}: `wanllmdb sync` creates the version")
        record = UnsentRecord(
            fields | own,
            offline={"run": self._record["id"], "artifact": artifact_id},
            directory=str(self._directory.path),
            project_name=self._record["project_name"],
            file_count=len(manifest),
            total_size=sum(entry.size for entry in manifest),
            created_at=timestamps.now(),
        )
        unsent_index.remember(self._connection, record, {"latest", *aliases})
        self._logged.append(record)
        return unsent_index.load(self._connection, record)

    def _locate(self, source: Source) -> dict[str, Any]:
        """How an event names a source: what its name means on this machine, or else the name, for the server."""
        if source.offline is not None:
            return {"offline": dict(source.offline)}
        if source.version_id is not None:
            return {"version_id": source.version_id, "qualified_name": source.name}
        try:
            project = self._record["project_name"]
            return _reference(resolution.resolve(self._connection, project, source.name, None, None, None))
        except (errors.NotFound, errors.Invalid, errors.CacheError):
            return {"name": source.name}


def _reference(state: LoggedVersion) -> dict[str, Any]:
    """How an event names a version: one that a server has, or one that an offline run logged."""
    offline = state.record.get("offline")
    if offline is not None:
        return {"offline": offline}
    return {"version_id": state.record["id"], "qualified_name": state.qualified_name}
