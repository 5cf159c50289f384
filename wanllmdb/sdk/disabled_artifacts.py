"""The artifacts of a run in mode `disabled`: nothing is stored, and this process finds again what it has logged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from weakref import WeakValueDictionary

from wanllmdb.sdk import errors, links, name_resolution, timestamps, version_creation
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.local_version import LocalVersion
from wanllmdb.sdk.logged_version import LoggedVersion
from wanllmdb.sdk.progress import ProgressCallback
from wanllmdb.sdk.run_artifacts import RunArtifacts
from wanllmdb.sdk.run_files.keepers import NoRunFiles, RunFiles
from wanllmdb.sdk.validators import VERSION, parse_version


class _Collection:
    """The versions of one artifact. Those that no alias and no variable names any more are forgotten."""

    def __init__(self, type: str) -> None:
        self.type = type
        self.count = 0
        self.by_alias: dict[str, LocalVersion] = {}
        self.by_number: WeakValueDictionary[str, LocalVersion] = WeakValueDictionary()

    def move(self, aliases: Iterable[str], version: LocalVersion) -> None:
        for alias in aliases:
            before = self.by_alias.get(alias)
            if before is not None and alias in before.aliases:
                before.aliases.remove(alias)
            self.by_alias[alias] = version
        version.aliases = [alias for alias, pointed in self.by_alias.items() if pointed is version]


_collections: dict[str, _Collection] = {}
"""Of all runs of this process, by `team/project/name`."""


class DisabledArtifacts(RunArtifacts):
    """What is logged is read back from the files of the draft, where they are."""

    def __init__(self, connection: Connection, record: dict[str, Any], *, is_ended: bool) -> None:
        super().__init__(connection, record, is_ended=is_ended)
        self._versions: dict[str, WeakValueDictionary[int, LoggedVersion]] = {
            "logged": WeakValueDictionary(),
            "used": WeakValueDictionary(),
        }
        """What the run logged and used, oldest first, as far as it is not forgotten."""

    def _run_files(self, connection: Connection) -> RunFiles:
        return NoRunFiles(connection, str(self._record["id"]))

    def log(
        self,
        artifact: Artifact,
        aliases: list[str],
        tags: list[str],
        *,
        wait: bool,
        progress: ProgressCallback | None = None,
    ) -> None:
        name = f"{self._record['project_name']}/{artifact.name}"
        known = _collections.get(name)
        state = artifact._state
        if isinstance(state, Draft):
            version_creation.require_valid(state, tags)
            if known is not None and known.type != state.type:
                raise errors.TypeDiffers(f"Artifact {state.name!r} is a {known.type}, not a {state.type}")
            known = _collections.setdefault(name, _Collection(state.type))
            known.count += 1
            record = self._record_of(state, f"v{known.count}")
            version = LocalVersion.of_draft(self._connection, state, record)
            known.by_number[record["version"]] = version
            artifact._set_version(version)
            known.move(["latest", *aliases], version)
            self._remember("logged", version)
        elif known is not None and isinstance(state, LocalVersion):
            known.move(aliases, state)

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
            found = name_or_artifact._logged("use_artifact")
            actual = str(found.record["artifact_type"])
        else:
            name_resolution.validate_selector(name_or_artifact, alias, version)
            full_name = self._connection.full_name(name_or_artifact, self._record["project_name"])
            path, _, suffix = full_name.partition(":")
            found = self._find(path, alias, version, suffix)
            actual = _collections[path].type
        if type not in (None, actual):
            raise errors.TypeDiffers(f"Artifact {found.name!r} is a {actual}, not a {type}")
        self._remember("used", found)
        return Artifact._from_version(found)

    def link(self, artifact: Artifact, target: str, aliases: list[str], *, create_project: bool = False) -> Artifact:
        """There is no collection: the artifact itself."""
        links.full_name(self._connection, target, self._record["project_name"])
        return artifact

    def record_use(self, version: LoggedVersion) -> None:
        pass

    def of_role(self, role: str) -> list[Artifact]:
        return [Artifact._from_version(version) for version in reversed(list(self._versions[role].values()))]

    def _remember(self, role: str, version: LoggedVersion) -> None:
        self._versions[role].pop(id(version), None)
        self._versions[role][id(version)] = version

    def _find(self, path: str, alias: str | None, version: str | int | None, suffix: str) -> LocalVersion:
        known = _collections.get(path)
        name = path.rpartition("/")[2]
        if known is None:
            raise errors.NotFound(
                f"Artifact {name!r} not found in {path.rpartition('/')[0]}: in mode 'disabled' use_artifact finds what "
                "this process has logged"
            )
        if version is None and alias is None and VERSION.fullmatch(suffix) and suffix in known.by_number:
            version = suffix
        if version is not None:
            number = parse_version(version)
            if number not in known.by_number:
                raise errors.VersionNotFound(f"Artifact {name!r} has no version {number!r} in this process")
            return known.by_number[number]
        target = alias or suffix or "latest"
        if target not in known.by_alias:
            existing = sorted(known.by_alias)
            raise errors.AliasNotFound(
                f"Artifact {name!r} has no alias {target!r}; its aliases are {', '.join(existing)}",
                problem={"aliases": existing},
            )
        return known.by_alias[target]

    def _record_of(self, draft: Draft, version: str) -> dict[str, Any]:
        return {
            "id": "disabled",
            "artifact_id": "disabled",
            "artifact_name": draft.name,
            "artifact_type": draft.type,
            "project": self._record.get("project", ""),
            "project_name": self._record["project_name"],
            "version": version,
            "description": draft.description,
            "metadata": draft.metadata,
            "aliases": [],
            "tags": list(draft.tags),
            "ttl_seconds": None if draft.ttl is None else int(draft.ttl.total_seconds()),
            "expires_at": None,
            "digest": "",
            "file_count": draft.file_count,
            "total_size": draft.size,
            "run_id": None,
            "url": "",
            "created_at": timestamps.now(),
        }
