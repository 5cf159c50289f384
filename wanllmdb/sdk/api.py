"""Reading the registry without a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from wanllmdb.sdk import connection, errors, version_creation
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.models import Project


class Collection:
    """An artifact as a whole: its name, and all its versions."""

    def __init__(self, joined: connection.Connection, record: Mapping[str, Any]) -> None:
        self._connection = joined
        self.id = str(record["id"])
        self.name = str(record["name"])
        self.type = str(record["type"])
        self.project = str(record["project_name"])
        """`team/project`."""
        self.description = str(record["description"])
        self.metadata: dict[str, Any] = record["metadata"]
        self.tags: list[str] = record["tags"]
        self.version_count = int(record["version_count"])
        self.latest_version: str | None = record["latest_version"]
        """The newest version, such as `v3`; None while there is none."""
        self.aliases: list[str] = record["aliases"]
        """Those of the newest version."""
        self.updated_at = str(record["updated_at"])
        self.url = str(record["url"])

    @property
    def qualified_name(self) -> str:
        """`team/project/name`."""
        return f"{self.project}/{self.name}"

    def versions(self) -> Iterator[Artifact]:
        """All finalized versions, newest first, asked for page by page."""
        pages = self._connection.client.pages(f"/artifacts/{self.id}/versions", state="finalized")
        return (Artifact._of(self._connection, record) for record in pages)

    def all_aliases(self) -> dict[str, str]:
        """Every alias with the version it points at: `{"latest": "v3"}`."""
        items = self._connection.client.get(f"/artifacts/{self.id}/aliases")["items"]
        return {row["alias"]: row["version"] for row in items}

    def __repr__(self) -> str:
        return f"<Collection {self.qualified_name} ({self.type}), {self.version_count} versions>"


class Api:
    """One server as one user sees it. What is not given comes from the settings; nothing is sent until it is needed."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        entity: str | None = None,
        project: str | None = None,
    ) -> None:
        self._connection = connection.connect(
            base_url=base_url, api_key=api_key, entity=entity, project=project, mode="online"
        )

    @property
    def viewer(self) -> dict[str, Any]:
        """Whose key it is: `username`, `email`, `default_team`, `teams`, and the `key` without its value."""
        return dict(self._connection.client.get("/me"))

    def artifact(self, name: str, type: str | None = None, at: str | datetime | None = None) -> Artifact:
        """The version that `team/project/name:x` means: x is a version, else an alias, and `latest` when absent.

        Team and project may be left out where the settings have them. With `at` the version is meant that the alias was
        at in that moment, as in `Run.use_artifact`. Records no usage. Raises `NotFound`, `AliasNotFound`,
        `VersionNotFound`, `Invalid`, and `TypeDiffers` for an artifact of another type than `type`.
        """
        full = self._connection.full_name(name)
        return Artifact._of(self._connection, version_creation.resolve(self._connection, full, type, at))

    def artifacts(
        self,
        project: str | None = None,
        type: str | None = None,
        search: str | None = None,
        tag: str | None = None,
        alias: str | None = None,
    ) -> Iterator[Collection]:
        """Artifacts, last changed first, asked for page by page: of one project, or of all that you may see.

        `search` is a part of name, description or a tag. Raises `NotFound` for a project that does not exist.
        """
        place = self._connection.full_project(project) if project else None
        found = self._connection.client.pages(
            "/artifacts", project=place, type=type, search=search, tag=tag, alias=alias
        )
        return (Collection(self._connection, record) for record in found)

    def collection(self, name: str) -> Collection:
        """The artifact `team/project/name` as a whole. Raises `NotFound`."""
        return Collection(self._connection, version_creation.find_named(self._connection, name))

    def project(self, name: str) -> Project:
        """The project `team/project`, or `project` of your own team. Raises `NotFound`."""
        full = self._connection.full_project(name)
        team, _, short = full.partition("/")
        found = self._connection.client.get("/projects", team=team, name=short)["items"]
        if not found:
            raise errors.NotFound(f"Project {full!r} not found")
        return Project.of(found[0])

    def projects(self, entity: str | None = None) -> Iterator[Project]:
        """The projects of a team, or all that you may see, newest first."""
        return (Project.of(record) for record in self._connection.client.pages("/projects", team=entity))
