"""The public class `Api`: reads the registry without a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from typing import Any

from wanllmdb.sdk import errors, name_resolution
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.connection import Connection, connect
from wanllmdb.sdk.host_environment import api_keys
from wanllmdb.sdk.models import Project
from wanllmdb.sdk.stored_run import StoredRun, find_run, find_runs


class Collection:
    """An artifact with all its versions."""

    def __init__(self, connection: Connection, record: Mapping[str, Any]) -> None:
        self._connection = connection
        self._record = dict(record)
        self.id = str(record["id"])
        self.name = str(record["name"])
        self.type = str(record["type"])
        self.project = str(record["project_name"])
        """`team/project`."""
        self.tags: list[str] = record["tags"]
        self.version_count = int(record["version_count"])
        self.latest_version: str | None = record["latest_version"]
        """The latest version, such as `v3`; None if there is none."""
        self.aliases: list[str] = record["aliases"]
        """The aliases of the latest version."""
        self.alias_versions: dict[str, str] = dict(
            record.get("alias_versions", dict.fromkeys(self.aliases, self.latest_version))
        )
        """Its first 50 aliases and where they point, `{"production": "v2", "latest": "v4"}`: protected and well-known
        names first, semantic versions last. `all_aliases()` has every one."""
        self.alias_count = int(record.get("alias_count", len(self.alias_versions)))
        """How many aliases it has; 10,001 for any that are more."""
        self.updated_at = str(record["updated_at"])
        self.url = str(record["url"])

    @property
    def qualified_name(self) -> str:
        """`team/project/name`."""
        return f"{self.project}/{self.name}"

    # A list leaves out what is too long for it: these two are fetched when they are first read.
    @cached_property
    def description(self) -> str:
        return str(self._complete_record()["description"])

    @cached_property
    def metadata(self) -> dict[str, Any]:
        return dict(self._complete_record()["metadata"])

    def _complete_record(self) -> dict[str, Any]:
        with self._explain_missing():
            self._record = self._connection.client.complete(self._record, f"/artifacts/{self.id}")
        return self._record

    def versions(self) -> Iterator[Artifact]:
        """All finalized versions, newest first. Fetched page by page."""
        with self._explain_missing():
            for record in self._connection.client.iter_pages(f"/artifacts/{self.id}/versions", state="finalized"):
                yield Artifact._from_record(self._connection, record)

    def all_aliases(self) -> dict[str, str]:
        """Every alias with its version: `{"latest": "v3"}`."""
        with self._explain_missing():
            items = self._connection.client.get(f"/artifacts/{self.id}/aliases")["items"]
        return {row["alias"]: row["version"] for row in items}

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete the artifact with all its versions and, if nothing else needs them, their bytes.

        An artifact that is created with this name later continues its numbers. With `delete_aliases` its aliases go
        too; an automatic `latest` needs no permission. Raises `VersionHasAliases` without `delete_aliases`,
        `AliasProtected` in any case if a rule protects one of them, `Denied`, `NotFound`.
        """
        with self._explain_missing():
            self._connection.client.delete(
                f"/artifacts/{self.id}", delete_aliases="true" if delete_aliases else "false"
            )

    def _explain_missing(self) -> AbstractContextManager[None]:
        return name_resolution.explain_missing(self.qualified_name, errors.NotFound)

    def __repr__(self) -> str:
        return f"<Collection {self.qualified_name} ({self.type}), {self.version_count} versions>"


class Api:
    """One server as one user sees it. Missing arguments come from the settings. Nothing is sent until it is needed."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        entity: str | None = None,
        project: str | None = None,
    ) -> None:
        api_key = api_keys.clean(api_key)  # from here on, no traceback shows it
        self._connection = connect(base_url=base_url, api_key=api_key, entity=entity, project=project, mode="online")

    @classmethod
    def _from_connection(cls, connection: Connection) -> Api:
        api = cls.__new__(cls)
        api._connection = connection
        return api

    @property
    def viewer(self) -> dict[str, Any]:
        """The owner of the key: `username`, `email`, `default_team`, `teams`, and the `key` without its value."""
        return dict(self._connection.client.get("/me"))

    def artifact(self, name: str, type: str | None = None, at: str | datetime | None = None) -> Artifact:
        """The version `team/project/name:x`, where x is a version or an alias, by default `latest`.

        Team and project can be omitted if the settings have them. With `at` the alias is resolved as of that time, as
        in `Run.use_artifact`. Records no usage. Raises `NotFound`, `AliasNotFound`, `VersionNotFound`, `Invalid`, and
        `TypeDiffers` if the artifact has another type than `type`.
        """
        record = name_resolution.resolve(self._connection, self._connection.full_name(name), type, at)
        return Artifact._from_record(self._connection, record)

    def artifacts(
        self,
        project: str | None = None,
        type: str | None = None,
        search: str | None = None,
        tag: str | None = None,
        alias: str | None = None,
    ) -> Iterator[Collection]:
        """The artifacts of one project, or all that you have access to, newest first. Fetched page by page; each is
        met once, even if others are created, changed or deleted meanwhile.

        `search` matches a part of name, description or a tag. Raises `NotFound` if the project does not exist.
        """
        full_name = self._connection.full_project(project) if project else None
        records = self._connection.client.iter_pages(
            "/artifacts", project=full_name, type=type, search=search, tag=tag, alias=alias
        )
        return (Collection(self._connection, record) for record in records)

    def collection(self, name: str) -> Collection:
        """The artifact `team/project/name` with all its versions. Raises `NotFound`."""
        return Collection(self._connection, name_resolution.get_artifact(self._connection, name))

    def run(self, path: str) -> StoredRun:
        """The run `team/project/run`, by its id or its name. Raises `NotFound`.

        Team and project can be omitted if the settings have them, and where the run is named by its id.
        """
        return find_run(self._connection, path)

    def runs(
        self, project: str | None = None, filters: Mapping[str, Any] | None = None, order: str = "-created_at"
    ) -> Iterator[StoredRun]:
        """The runs of a project, newest first. Fetched page by page.

        `filters` are in the form of MongoDB: `{"state": "finished", "config.lr": {"$lt": 0.1}, "tags": "baseline"}`.
        `order` is one of the same names, with `-` for descending. Raises `NotFound`, and `Invalid` for what is no
        filter or order.
        """
        return find_runs(self._connection, project, filters, order)

    def project(self, name: str) -> Project:
        """The project `team/project`, or `project` of the default team. Raises `NotFound`."""
        full_name = self._connection.full_project(name)
        team, _, short_name = full_name.partition("/")
        items = self._connection.client.get("/projects", team=team, name=short_name)["items"]
        if not items:
            raise errors.NotFound(f"Project {full_name!r} not found")
        return Project._from_record(self._connection.client.complete(items[0], f"/projects/{items[0]['id']}"))

    def projects(self, entity: str | None = None) -> Iterator[Project]:
        """The projects of a team, or all that you have access to, newest first."""
        client = self._connection.client
        records = client.iter_pages("/projects", team=entity)
        return (Project._from_record(client.complete(record, f"/projects/{record['id']}")) for record in records)
