"""The public class `Api`: reads the registry without a run."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import cached_property
from typing import Any

from wanllmdb.sdk import artifact_links, errors, name_resolution, wandb_names
from wanllmdb.sdk.arguments import checked, excerpt
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.connection import Connection, connect
from wanllmdb.sdk.host_environment import api_keys
from wanllmdb.sdk.json_limits import require_fit
from wanllmdb.sdk.json_values import to_canonical, to_jsonable, to_text
from wanllmdb.sdk.lineage import graph, usages
from wanllmdb.sdk.lineage.graph import Lineage
from wanllmdb.sdk.logged_version import LoggedVersion
from wanllmdb.sdk.models import Project
from wanllmdb.sdk.paginated_list import PaginatedList, of_records
from wanllmdb.sdk.stored_run import StoredRun, find_run, find_runs
from wanllmdb.sdk.tags import tag_changes
from wanllmdb.sdk.validators import validate_tags


class Collection:
    """An artifact with all its versions. Changes of its `description`, `metadata` and `tags` are sent by `save`."""

    def __init__(self, connection: Connection, record: Mapping[str, Any]) -> None:
        self._connection = connection
        self._record = dict(record)
        self.id = str(record["id"])
        self.name = str(record["name"])
        self.type = str(record["type"])
        self.kind = str(record.get("kind", "artifact"))
        """`collection` if its versions are links to versions of other artifacts, else `artifact`."""
        self.project = str(record["project_name"])
        """`team/project`."""
        self.tags: list[str] = list(record["tags"])
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

    def is_sequence(self) -> bool:
        """Whether its versions are its own, rather than links."""
        return self.kind == "artifact"

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

    @checked()
    def versions(self, per_page: int | None = None, *, q: str | None = None) -> PaginatedList[Artifact]:
        """All finalized versions, newest first: a list that is fetched page by page. `q` as in `Api.artifacts`."""
        return of_records(
            self._connection.client,
            f"/artifacts/{self.id}/versions",
            lambda record: Artifact._from_record(self._connection, record),
            per_page,
            self._explain_missing,
            state="finalized", q=q,
        )  # fmt: skip

    @checked(ignored=wandb_names.FILES)
    def artifacts(self, per_page: int | None = None) -> PaginatedList[Artifact]:
        """The same as `versions`."""
        return self.versions(per_page)

    def add_tags(self, *tags: str) -> None:
        """Add tags to those that the artifact has, whoever else adds some meanwhile. Raises `InvalidName`, `Denied`."""
        self._change_tags(add_tags=validate_tags(tags))

    def remove_tags(self, *tags: str) -> None:
        """Remove these tags, if the artifact has them. Raises `InvalidName`, `Denied`."""
        self._change_tags(remove_tags=validate_tags(tags))

    def _change_tags(self, **changes: list[str]) -> None:
        with self._explain_missing():
            record = self._connection.client.patch(f"/artifacts/{self.id}", changes)
        # Also as what `save` compares with: it would write all of them again, and undo what others do meanwhile.
        self._record |= {"tags": record["tags"]}
        self.tags = list(record["tags"])

    def all_aliases(self) -> dict[str, str]:
        """Every alias with its version: `{"latest": "v3"}`."""
        with self._explain_missing():
            pages = list(self._connection.client.iter_cursor_pages(f"/artifacts/{self.id}/aliases"))
        return {row["alias"]: row["version"] for page in pages for row in page["items"]}

    @checked()
    def lineage(self, direction: str = "both", depth: int = graph.DEPTH, limit: int = graph.LIMIT) -> Lineage:
        """The artifacts and runs around this one, with the versions of each artifact folded into one node; see
        `Artifact.lineage`. Raises `Invalid`, `NotFound`."""
        with self._explain_missing():
            return graph.fetch(self._connection.client, f"/artifacts/{self.id}/lineage", direction, depth, limit)

    def save(self) -> None:
        """Send the changes of `description`, `metadata` and `tags`, which are the artifact's own: each version has a
        description and metadata besides. Raises `Invalid`, `Denied`, `NotFound`."""
        # What was neither read nor set is not among the variables.
        values: dict[str, Any] = {
            name: vars(self)[name] for name in ("description", "metadata", "tags") if name in vars(self)
        }
        if "description" in values:
            values["description"] = to_text(values["description"])
        if "metadata" in values:
            values["metadata"] = to_jsonable(values["metadata"])
            require_fit(values["metadata"], "metadata")
        changes = {
            name: value for name, value in values.items() if to_canonical(value) != to_canonical(self._record[name])
        }
        if changes:
            names = list(changes)
            if "tags" in changes:
                changes |= tag_changes(self._record["tags"], changes.pop("tags"))
            with self._explain_missing():
                record = self._connection.client.patch(f"/artifacts/{self.id}", changes)
            self._record |= {name: record[name] for name in names}
            if "tags" in names:
                # With those of others, which the next `save` would remove.
                self.tags = list(record["tags"])

    @checked()
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

    @checked(ignored=wandb_names.API)
    def __init__(
        self,
        base_url: str | Mapping[str, Any] | None = None,
        api_key: str | None = None,
        entity: str | None = None,
        project: str | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        """`overrides` has the other arguments by their names, as in `wandb`, where it is the first argument."""
        if isinstance(base_url, Mapping):
            base_url, overrides = None, base_url
        given = {"base_url": base_url, "entity": entity, "project": project}
        api_key = api_keys.clean(api_key)  # from here on, no traceback shows it
        self._connection = connect(**_with_overrides(given, overrides), api_key=api_key, mode="online")

    def __getattr__(self, name: str) -> Any:
        raise wandb_names.missing("Api", name)

    @classmethod
    def _from_connection(cls, connection: Connection) -> Api:
        api = cls.__new__(cls)
        api._connection = connection
        return api

    @property
    def viewer(self) -> dict[str, Any]:
        """The owner of the key: `username`, `email`, `default_team`, `teams`, and the `key` without its value."""
        return dict(self._connection.client.get("/me"))

    @property
    def default_entity(self) -> str:
        """The team of what is named without one."""
        return self._connection.default_team

    def flush(self) -> None:
        """Does nothing: what was fetched is kept by the objects that were returned."""

    # --- Artifacts ----------------------------------------------------------------------------------------------------

    @checked(leaves=("name",))
    def artifact(self, name: str, type: str | None = None, at: str | datetime | None = None) -> Artifact:
        """The version `team/project/name:x`, where x is a version or an alias, by default `latest`.

        Team and project can be omitted if the settings have them. With `at` the alias is resolved as of that time, as
        in `Run.use_artifact`. Inside a run it is recorded that the run uses the version. Raises `NotFound`,
        `AliasNotFound`, `VersionNotFound`, `Invalid`, and `TypeDiffers` if the artifact has another type than `type`.
        """
        version = self._resolve(name, type, at)
        usages.record(version)
        return Artifact._from_version(version)

    def _resolve(self, name: str, type: str | None, at: str | datetime | None = None) -> LoggedVersion:
        record = name_resolution.resolve(self._connection, self._connection.full_name(name), type, at)
        return LoggedVersion(self._connection, record)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is the version `team/project/name:x`, of this type. Raises `Invalid`, `Unreachable` …"""
        try:
            self._resolve(name, type)
        except (errors.NotFound, errors.TypeDiffers):
            return False
        return True

    @checked(ignored=wandb_names.PAGES, leaves=("project",), renamed=wandb_names.ARTIFACTS)
    def artifacts(
        self,
        project: str | None = None,
        type: str | None = None,
        search: str | None = None,
        tag: str | None = None,
        alias: str | None = None,
        *,
        per_page: int | None = None,
        name: str | None = None,
        kind: str | None = None,
        q: str | None = None,
    ) -> PaginatedList[Collection]:
        """The artifacts of one project, or all that you have access to, newest first: a list that is fetched page by
        page. Each is met once, even if others are created, changed or deleted meanwhile.

        With `kind="collection"` those that hold links, with `kind="artifact"` the others.
        `search` matches a part of name, description or a tag. `q` is a query as in the search field of the pages:
        `"metadata.mAP>0.7 file:*.safetensors by:alice"`. Raises `NotFound` if the project does not exist, and `Invalid`
        for what is no query. What `wandb` lists with `name`, the versions of one artifact, is `artifact_versions`:
        raises `Invalid`.
        """
        if name is not None or (type is not None and "/" in type):
            raise errors.Invalid("artifacts lists artifacts: for the versions of one use artifact_versions(type, name)")
        full_name = self._connection.full_project(project) if project else None
        return of_records(
            self._connection.client,
            "/artifacts",
            lambda record: Collection(self._connection, record),
            per_page,
            project=full_name, type=type, search=search, tag=tag, alias=alias, kind=kind, q=q,
        )  # fmt: skip

    @checked(ignored=wandb_names.PAGES)
    def artifact_versions(self, type_name: str, name: str, per_page: int | None = None) -> PaginatedList[Artifact]:
        """The versions of the artifact `team/project/name`, newest first. Raises `NotFound`, `TypeDiffers`."""
        return self.artifact_collection(type_name, name).versions(per_page)

    @checked(ignored=wandb_names.PAGES)
    def artifact_collections(
        self, project_name: str, type_name: str | None = None, per_page: int | None = None
    ) -> PaginatedList[Collection]:
        """The same as `artifacts`, with the arguments of `wandb`."""
        return self.artifacts(project_name, type_name, per_page=per_page)

    @checked()
    def artifact_collection(self, type_name: str, name: str) -> Collection:
        """The same as `collection`, of this type. Raises `NotFound`, `TypeDiffers`."""
        found = self.collection(name)
        if found.type != type_name:
            raise errors.TypeDiffers(f"Artifact {found.name!r} of {found.project} is a {found.type}, not a {type_name}")
        return found

    @checked()
    def artifact_collection_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is an artifact `team/project/name`, of this type."""
        try:
            return type in (None, self.collection(name).type)
        except errors.NotFound:
            return False

    @checked(leaves=("name",))
    def collection(self, name: str) -> Collection:
        """The artifact `team/project/name` with all its versions. Raises `NotFound`."""
        return Collection(self._connection, name_resolution.get_artifact(self._connection, name))

    # --- Runs and projects --------------------------------------------------------------------------------------------

    def run(self, path: str) -> StoredRun:
        """The run `team/project/run`, by its id or its name. Raises `NotFound`.

        Team and project can be omitted if the settings have them, and where the run is named by its id.
        """
        return find_run(self._connection, path)

    @checked(ignored=wandb_names.RUNS, renamed={"path": "project"}, leaves=("project",))
    def runs(
        self,
        project: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int | None = None,
        *,
        q: str | None = None,
    ) -> PaginatedList[StoredRun]:
        """The runs of a project, newest first: a list that is fetched page by page.

        `filters` are in the form of MongoDB: `{"state": "finished", "config.lr": {"$lt": 0.1}, "tags": "baseline"}`.
        `order` is one of the same names, with `-` for descending. `q` is a query that the server answers, as in
        `artifacts`: `"config.lr<0.1 summary.acc>0.9"`. Raises `NotFound`, and `Invalid` for what is no filter, order
        or query.
        """
        return find_runs(self._connection, project, filters, order, per_page, q)

    @checked(leaves=("name",))
    def project(self, name: str, entity: str | None = None) -> Project:
        """The project `team/project`, or `project` of the team `entity` or the default one. Raises `NotFound`."""
        full_name = self._full_project(name, entity)
        team, _, short_name = full_name.partition("/")
        items = self._connection.client.get("/projects", team=team, name=short_name)["items"]
        if not items:
            raise errors.NotFound(f"Project {full_name!r} not found")
        return self._project_of(items[0])

    @checked()
    def create_project(self, name: str, entity: str | None = None) -> Project:
        """Create a private project, and return it. Raises `NameTaken`, `InvalidName`, `Denied`."""
        team, _, short_name = self._full_project(name, entity).partition("/")
        return self._project_of(self._connection.client.post("/projects", {"team": team, "name": short_name}))

    @checked()
    def projects(
        self, entity: str | None = None, per_page: int | None = None, *, q: str | None = None
    ) -> PaginatedList[Project]:
        """The projects of a team, or all that you have access to, newest first: a list that is fetched page by page.

        `q` as in `artifacts`.
        """
        return of_records(self._connection.client, "/projects", self._project_of, per_page, team=entity, q=q)

    def _full_project(self, name: str, entity: str | None) -> str:
        is_short = isinstance(name, str) and "/" not in name
        return self._connection.full_project(f"{entity}/{name}" if entity and is_short else name)

    def _project_of(self, record: dict[str, Any]) -> Project:
        return Project._from_record(self._connection.client.complete(record, f"/projects/{record['id']}"))


artifact_links.set_collections(
    lambda connection, name: Collection(connection, name_resolution.get_artifact(connection, name))
)


def _with_overrides(given: dict[str, Any], overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    if overrides is not None and not isinstance(overrides, Mapping):
        raise errors.Invalid(f"Api: overrides takes a dict, not {excerpt(overrides)}")
    known = dict(overrides or {})
    unknown = known.keys() - given.keys()
    if unknown:
        names = ", ".join(map(repr, sorted(map(str, unknown))))
        raise errors.Invalid(f"Api: overrides takes {', '.join(given)}, not {names}")
    return {name: known.get(name) if value is None else value for name, value in given.items()}
