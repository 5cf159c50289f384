"""Rows of the wire that have no table of their own: a version as it stands in its collection, its aliases, types.

A link is a membership of the version that it links, which is the artifact on the wire. To callers who do not see that
version the link itself is the artifact, with a stand-in for the sequence that made it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, QuerySet
from django.db.models.functions import Coalesce

from artifacts import validators
from artifacts.models import Artifact, ArtifactVersion
from core.long_values import ByteLength
from projects.models import Project
from wandb_api import cursors, ids
from wandb_api.context import Context

# Of descriptions and metadata, of which each can be a MiB.
_MAX_PAGE_BYTES = 8 * 2**20
# Clients ask for all links of a version at once.
_MAX_LINKS = 1_000


@dataclass(frozen=True, slots=True)
class Alias:
    """A name of a version in one collection; its number is one too."""

    key: UUID | str
    alias: str
    artifact_collection: Artifact

    @property
    def id(self) -> str:
        return ids.encode("ArtifactAlias", self.key)


@dataclass(frozen=True, slots=True)
class Membership:
    """A version as it stands in a collection: the row that is there, and what is an artifact on the wire."""

    member: ArtifactVersion
    artifact: ArtifactVersion

    @property
    def id(self) -> str:
        return ids.encode("ArtifactCollectionMembership", self.member.pk)

    @property
    def artifact_collection(self) -> Artifact:
        return self.member.artifact

    @property
    def version_index(self) -> int | None:
        return self.member.number

    @property
    def created_at(self) -> datetime:
        return self.member.finalized_at or self.member.created_at

    @property
    def aliases(self) -> list[Alias]:
        return aliases_of(self.member)


@dataclass(frozen=True, slots=True)
class Type:
    """What artifacts of a project are called by; there since the first one was."""

    project: Project
    name: str
    created_at: datetime
    description: str | None = None

    @property
    def id(self) -> str:
        return ids.encode("ArtifactType", f"{self.project.pk}:{self.name}")


def tags(names: list[str]) -> list[dict[str, Any]]:
    return [{"id": ids.encode("Tag", name), "name": name} for name in names]


def aliases_of(version: ArtifactVersion) -> list[Alias]:
    """All aliases in the collection of the row, in the order of lists, and its number, by which clients know it too.

    They do not read a version with another number among its aliases, so an alias like that of another one is left out.
    """
    artifact = version.artifact
    rows = [row for row in version.aliases.all() if validators.version_number(row.alias) in (None, version.number)]
    found = [Alias(row.pk, row.alias, artifact) for row in rows]
    if version.number is None or any(one.alias == version.version for one in found):
        return found
    return [*found, Alias(version.pk, f"v{version.number}", artifact)]


def versions(artifact: Artifact | None = None) -> "QuerySet[ArtifactVersion]":
    """Finalized versions, of an artifact that is loaded or of any, with what a node of a list shows.

    Two queries, and two more where there are links.
    """
    rows = ArtifactVersion.objects.finalized() if artifact is None else artifact.versions.finalized()
    rows = rows.with_tag_lines().select_related("created_by").defer("notes")
    if artifact is None:
        rows = rows.select_related("artifact__project__team").defer("artifact__metadata")
    return rows.prefetch_related("aliases", Prefetch("linked_version", _sources()))


def _sources() -> "QuerySet[ArtifactVersion]":
    rows = ArtifactVersion.objects.with_tag_lines().select_related("artifact__project__team", "created_by")
    return rows.defer("notes", "artifact__metadata").prefetch_related("aliases")


def artifacts_of(context: Context, rows: Sequence[ArtifactVersion]) -> list[ArtifactVersion]:
    """What the wire calls artifacts: in place of a link the version that it links, if the caller sees that.

    Each has as `known_links` those by which it was found, so that no list looks up all. One query if there are links.
    """
    projects = {row.linked_version.artifact.project_id for row in rows if row.linked_version}
    visible = Project.objects.visible_to(context.user).filter(pk__in=projects) if projects else Project.objects.none()
    seen = set(visible.values_list("pk", flat=True))
    found = []
    for row in rows:
        source = row.linked_version
        is_seen = source is not None and source.artifact.project_id in seen
        artifact = source if is_seen else row
        # Links of one version that were loaded together have the same object.
        artifact.known_links = [*getattr(artifact, "known_links", ()), *([row] if is_seen else [])]
        found.append(artifact)
    return found


def artifact_of(context: Context, row: ArtifactVersion) -> ArtifactVersion:
    """The same for one, of which all links are looked up that the caller sees."""
    [found] = artifacts_of(context, [row])
    del found.known_links
    return found


def membership(context: Context, row: ArtifactVersion) -> Membership:
    return Membership(row, artifacts_of(context, [row])[0])


def links_of(context: Context, row: ArtifactVersion) -> list[ArtifactVersion]:
    """The links of the contents of a version, but for itself, that the caller sees, newest first. Two queries."""
    visible = ArtifactVersion.objects.visible_to(context.user).filter(linked_version=row.contents_id)
    links = visible.exclude(pk=row.pk).select_related("artifact__project__team").prefetch_related("aliases")
    return list(links.order_by("-id")[: context.page_size(_MAX_LINKS)])


def stand_in(link: ArtifactVersion) -> Artifact:
    """For the sequence of a version that the caller does not see: named as the collection is, without a project."""
    collection = link.artifact
    columns = {"name": collection.name, "type": collection.type, "created_at": link.created_at}
    row = Artifact(pk=link.pk, project=collection.project, **columns, updated_at=link.created_at)
    row.is_stand_in = True
    return row


def page(
    context: Context, rows: "QuerySet[ArtifactVersion]", first: int | None, after: str | None, **fields: Any
) -> dict[str, Any]:
    """A page of `versions` in their own order; fewer than were asked for where their long values are too many.

    Each edge says as `version` which one it is in the collection, and has its `membership` there.
    """
    size, start = context.page_size(first), cursors.offset(after)
    long = ByteLength(F("metadata")) + ByteLength(F("description"))
    of_source = ByteLength(F("linked_version__metadata")) + ByteLength(F("linked_version__description"))
    long += Coalesce(of_source, 0)
    lengths = rows.prefetch_related(None).select_related(None).values_list(long, flat=True)[start : start + size + 1]
    sums = list(accumulate(lengths))
    fitting = min(size, max(1, sum(one <= _MAX_PAGE_BYTES for one in sums)))
    found = list(rows[start : start + fitting])
    nodes = artifacts_of(context, found)
    page = cursors.connection(nodes, range(start + 1, start + 1 + len(nodes)), len(sums) > fitting, **fields)
    for edge, row in zip(page["edges"], found, strict=True):
        edge |= {"version": row.version, "membership": Membership(row, edge["node"])}
    return page


def find_version(artifact: Artifact, suffix: str) -> ArtifactVersion | None:
    """`v3` is the finalized version of that number, anything else an alias; None where there is none."""
    number = validators.version_number(suffix)
    rows = versions(artifact)
    found = rows.filter(number=number).first() if number is not None else None
    return found or rows.filter(aliases__artifact=artifact, aliases__alias=suffix).first()


def find_member(context: Context, project: Project, name: str) -> Membership | None:
    """`set`, `set:alias` or `set:v3` in the project; None where there is none."""
    collection, _, suffix = name.partition(":")
    artifact = Artifact.objects.named(project, collection)
    if artifact is None:
        return None
    artifact.project = project
    version = find_version(artifact, suffix or validators.LATEST)
    return membership(context, version) if version else None
