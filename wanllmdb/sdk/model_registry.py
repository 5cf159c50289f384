"""The class `ModelRegistry`: models by name, version and stage, as artifacts of type `model` and their aliases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from wanllmdb.sdk import errors, name_resolution, registry, session
from wanllmdb.sdk.api import Api, Collection
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.artifact import Artifact, StrPath
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import inspect_path
from wanllmdb.sdk.run import Run
from wanllmdb.sdk.validators import validate_name

STAGES = ("production", "staging")
NO_STAGE = "none"
# `v1.0.0` and `2026-05`, but not the number `v3`, which no alias changes.
_OWN_NAME = re.compile(r"(?!v?[0-9]+$)v?[0-9][A-Za-z0-9._-]*")


class ModelRegistry:
    """The models of one project: by default that of the current run, else that of the settings.

    A registered model is an artifact of type `model`; `team/project/name` names one of another project. A version can
    have a name of your own, such as `v1.0.0`, which is an alias. The stages `production` and `staging` are aliases too,
    so that one version at a time is in each; a version with neither is in stage `none`. Raises what `registry` raises.
    """

    @checked()
    def __init__(self, api: Api | None = None, project: str | None = None) -> None:
        self._api = api
        self._project = project

    @checked()
    def log_model(
        self,
        run: Run,
        model_path: StrPath,
        registered_model_name: str,
        version: str | None = None,
        description: str | None = None,
        tags: str | Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Log a file or directory as a version of a model in the run's project, and return the version.

        `version` is a name of your own for it, by default its number, such as `v3`. Tags are added to those of the
        model. The result is as in `get_model_versions`; offline, what only a server knows is None.
        Raises the errors of `Run.log_artifact`.
        """
        is_dir, _ = inspect_path(model_path)
        artifact = Artifact(validate_name(registered_model_name), "model", description, metadata)
        if is_dir:
            artifact.add_dir(model_path)
        else:
            artifact.add_file(model_path)
        run.log_artifact(artifact, aliases=version, tags=tags)
        logged = _describe_version(artifact)
        return logged | {"version": version or logged["version"]}

    @checked()
    def use_model(
        self,
        registered_model_name: str,
        version: str | int | None = None,
        stage: str | None = None,
        download_path: StrPath | None = None,
    ) -> str:
        """Download a version of a model, by default the latest one, and return the directory with its files.

        The version is `v3`, 3, or a name of your own; or it is the one in that stage. A current run records that it
        uses the version. `download_path` is as `root` in `Artifact.download`. Raises `NotFound`, `AliasNotFound` if no
        version is in that stage, `VersionNotFound`, `TypeDiffers`, and the errors of `Artifact.download`.
        """
        if version is not None and stage is not None:
            raise errors.Invalid("Pass either a version or a stage, not both")
        connection, full_name = self._connect_to(registered_model_name, "use_model")
        chosen: str | int = version if version is not None else (stage or "latest").strip().lower()
        record = name_resolution.resolve_version(connection, full_name, chosen)
        artifact = Artifact._from_record(connection, record)
        _require_model(artifact.name, artifact.type)
        run = session.current_run()
        if run is not None and self._api is None:
            artifact = run.use_artifact(artifact)
        return artifact.download(download_path)

    @checked()
    def list_models(self, search: str | None = None) -> list[dict[str, Any]]:
        """The models of the project, last changed first: `id` `name` `description` `tags` `metadata` `project`
        `version_count` `latest_version` `updated_at` `url`. `search` matches a part of name, description or a tag."""
        connection, project = self._connect("list_models")
        api = Api._from_connection(connection)
        fields = ("id", "name", "description", "tags", "metadata", "project", "version_count", "latest_version")
        models = api.artifacts(connection.full_project(project), type="model", search=search)
        return [{field: getattr(model, field) for field in (*fields, "updated_at", "url")} for model in models]

    @checked()
    def get_model_versions(self, registered_model_name: str, stage: str | None = None) -> list[dict[str, Any]]:
        """The versions of a model, newest first; with `stage` those in it: `production`, `staging` or `none`.

        Each has `model_id` `version_id` `version` (`v1.0.0` if it has such an alias, else `v3`) `number` (3) `stage`
        `aliases` `description` `metadata` `run_id` `digest` `size` `created_at` `url`.
        """
        connection, full_name = self._connect_to(registered_model_name, "get_model_versions")
        model = Collection(connection, name_resolution.get_artifact(connection, full_name))
        _require_model(model.name, model.type)
        versions = [_describe_version(version) for version in model.versions()]
        stage_name = None if stage is None else stage.strip().lower()
        return [version for version in versions if stage_name in (None, version["stage"])]

    @checked()
    def transition_stage(
        self, registered_model_name: str, version: str | int, stage: str, comment: str | None = None
    ) -> dict[str, Any]:
        """Move a version of a model to a stage, and return the version as in `get_model_versions`.

        The stages are those of `registry.transition_stage`: `archived` and `none` take the version out of its stage.
        """
        connection, full_name = self._connect_to(registered_model_name, "transition_stage")
        return _describe_version(registry.move_to_stage(connection, full_name, version, stage, comment=comment))

    def _connect(self, operation: str) -> tuple[Connection, str | None]:
        if self._api is None:
            connection, project = registry.connect_for(f"ModelRegistry.{operation}")
        else:
            connection, project = self._api._connection, None
        project = self._project or project
        if project is not None and _is_id(project):
            project = str(connection.client.get(f"/projects/{project}")["full_name"])
        return connection, project

    def _connect_to(self, name: str, operation: str) -> tuple[Connection, str]:
        connection, project = self._connect(operation)
        full_name = connection.full_name(name, project)
        if ":" in full_name:
            raise errors.Invalid(f"{name!r} names a version: pass the name of the model only")
        return connection, full_name


def _describe_version(version: Artifact) -> dict[str, Any]:
    record = version._logged("ModelRegistry").record
    number = record.get("version")
    own_name = next((alias for alias in version.aliases if _OWN_NAME.fullmatch(alias)), None)
    stage = next((stage for stage in STAGES if stage in version.aliases), NO_STAGE)
    return {
        "model_id": record.get("artifact_id"),
        "version_id": record.get("id"),
        "version": own_name or number,
        "number": int(number.removeprefix("v")) if number else None,
        "stage": stage,
        "aliases": list(version.aliases),
        "description": version.description,
        "metadata": version.metadata,
        "run_id": record.get("run_id"),
        "digest": version.digest,
        "size": version.size,
        "created_at": record.get("created_at"),
        "url": record.get("url"),
    }


def _require_model(name: str, type: str) -> None:
    if type != "model":
        raise errors.TypeDiffers(f"Artifact {name!r} is a {type}, not a model")


def _is_id(project: str) -> bool:
    try:
        return len(project) == 36 and bool(UUID(project))
    except ValueError:
        return False
