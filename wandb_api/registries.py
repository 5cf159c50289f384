"""Registries: projects of one team, which the operator names, that are called `wandb-registry-…`.

To the client that team is the organization which everybody belongs to. Its members and their roles are those of all
its registries; a registry that is internal can be read by everybody, one that is private by its members alone.
"""

from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Team
from artifacts import validators
from artifacts.models import Artifact, ArtifactAlias, ArtifactTag, ArtifactVersion, VersionTag
from core import errors
from projects.models import Project, Visibility
from wandb_api import filters, ids

PREFIX = "wandb-registry-"
# What the client calls the visibilities of a registry.
ACCESS = {"PRIVATE": Visibility.INTERNAL, "RESTRICTED": Visibility.PRIVATE}


def find_team() -> Team | None:
    """The team of the registries; None where the operator named none."""
    return Team.objects.by_name(settings.REGISTRY_TEAM).first() if settings.REGISTRY_TEAM else None


def is_registry(team_name: str, project_name: str) -> bool:
    """Whether a project of that name in the team of that name is one."""
    team = settings.REGISTRY_TEAM
    return bool(team) and project_name.startswith(PREFIX) and team_name.lower() == team.lower()


def describe_organization(team: Team, entity: dict[str, Any]) -> dict[str, Any]:
    fields = {"id": ids.encode("Organization", team.pk), "name": team.name, "org_entity": entity}
    return fields | {"feature_flags": [], "advanced_registry_features": {"advanced_search": False}}


def visibility(access: str) -> Visibility:
    """Raises `Invalid` for what no registry can be."""
    if access not in ACCESS:
        raise errors.Invalid(f"A registry is visible to the 'organization' or 'restricted', not {access!r}.")
    return ACCESS[access]


class _Link(filters.TextColumn):
    """What rows of another table say of one: equal to a text is one of which some row says so."""

    def __init__(self, rows: QuerySet[Any], column: str) -> None:
        self.rows = rows
        self.column = column

    def compare(self, operator: str, value: Any) -> list[Any]:
        return [Exists(self.rows.filter(**{self.column: value}))] if operator == "$eq" and _is_text(value) else []

    def exists(self) -> list[Any]:
        return [Exists(self.rows)]

    def texts(self) -> list[Any]:
        return []

    def contains(self, value: Any) -> list[Any]:
        return [Exists(self.rows.filter(**{f"{self.column}__contains": value}))] if _is_text(value) else []

    def order_by(self) -> list[Any]:
        raise errors.Invalid(f"Lists cannot be ordered by {self.column}.")


class _Number(filters.NumberColumn):
    """The number of a version, also as `v3`."""

    def compare(self, operator: str, value: Any) -> list[Any]:
        number = validators.version_number(value) if isinstance(value, str) else value
        return super().compare(operator, number)


class Columns:
    """What filters and orders of one kind of rows may name: columns, and keys of the metadata where there are any."""

    def __init__(self, noun: str, columns: dict[str, filters.TextColumn], *, has_metadata: bool = False) -> None:
        self.noun = noun
        self.columns = columns
        self.has_metadata = has_metadata

    def find(self, path: str) -> filters.TextColumn:
        """Raises `Invalid` for what the rows do not have."""
        if path in self.columns:
            return self.columns[path]
        column, *keys = path.split(".")
        is_key = self.has_metadata and column == "metadata" and keys and all(keys) and len(keys) <= filters.MAX_DEPTH
        if not is_key or set('\0"') & set(path):
            known = ["metadata.KEY"] if self.has_metadata else []
            raise errors.Invalid(f"{self.noun} have no '{path}': use {', '.join([*known, *sorted(self.columns)])}.")
        return filters.JsonColumn("metadata", keys)


_TIMES: dict[str, filters.TextColumn] = {
    "created_at": filters.TimeColumn("created_at"), "createdAt": filters.TimeColumn("created_at"),
    "updated_at": filters.TimeColumn("updated_at"), "updatedAt": filters.TimeColumn("updated_at"),
}  # fmt: skip
_TEXTS: dict[str, filters.TextColumn] = {
    "name": filters.TextColumn("name"),
    "description": filters.TextColumn("description"),
}
REGISTRIES = Columns("Registries", {**_TEXTS, **_TIMES, "id": filters.NumberColumn("serial")})
_OF_ARTIFACT = _Link(ArtifactTag.objects.filter(artifact=OuterRef("pk")), "tag")
COLLECTIONS = Columns("Collections", {**_TEXTS, **_TIMES, "tag": _OF_ARTIFACT, "tags": _OF_ARTIFACT})
_OF_VERSION = _Link(VersionTag.objects.filter(version=OuterRef("pk")), "tag")
_ALIASES = _Link(ArtifactAlias.objects.filter(version=OuterRef("pk")), "alias")
VERSIONS = Columns("Versions", {
    "version": _Number("number"), "version_index": _Number("number"), "tag": _OF_VERSION, "tags": _OF_VERSION,
    "alias": _ALIASES, "aliases": _ALIASES, "created_at": _TIMES["created_at"], "createdAt": _TIMES["created_at"],
    "updated_at": filters.TimeColumn("touched_at"),
}, has_metadata=True)  # fmt: skip
_KINDS: dict[str, str] = {"PORTFOLIO": Artifact.Kind.COLLECTION, "SEQUENCE": Artifact.Kind.ARTIFACT}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def find_projects(user: Any, team: Team | None, registries_alone: bool, condition: Any) -> QuerySet[Project]:
    """Those of a team that the user sees and that fit a filter."""
    rows = Project.objects.visible_to(user).filter(team=team)
    rows = rows.filter(name__startswith=PREFIX) if registries_alone else rows
    return rows.filter(filters.read(condition, REGISTRIES.find))


def find_collections(projects: QuerySet[Project], condition: Any, types: list[str] | None) -> QuerySet[Artifact]:
    rows = Artifact.objects.filter(project__in=projects.values("pk"))
    if types:
        rows = rows.filter(kind__in=[_KINDS[one] for one in types])
    return rows.filter(filters.read(condition, COLLECTIONS.find))


def find_links(
    rows: QuerySet[ArtifactVersion], collections: QuerySet[Artifact], condition: Any
) -> QuerySet[ArtifactVersion]:
    """Those of these versions that are links in such collections, and fit a filter."""
    rows = rows.filter(Q(artifact__in=collections.values("pk")), linked_version__isnull=False)
    return rows.filter(filters.read(condition, VERSIONS.find))
