"""Rows of the wire that have no table of their own: a version as it stands in its collection, its aliases, types."""

from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from artifacts import validators
from artifacts.models import Artifact, ArtifactVersion
from core.long_values import ByteLength
from projects.models import Project
from wandb_api import cursors, ids
from wandb_api.context import Context

# Of descriptions and metadata, of which each can be a MiB.
_MAX_PAGE_BYTES = 8 * 2**20


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
    """A version as it stands in the collection that made it."""

    artifact: ArtifactVersion

    @property
    def id(self) -> str:
        return ids.encode("ArtifactCollectionMembership", self.artifact.pk)

    @property
    def artifact_collection(self) -> Artifact:
        return self.artifact.artifact

    @property
    def version_index(self) -> int | None:
        return self.artifact.number

    @property
    def created_at(self) -> datetime:
        return self.artifact.finalized_at or self.artifact.created_at

    @property
    def aliases(self) -> list[Alias]:
        return aliases_of(self.artifact)


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
    """All aliases of a version, in the order of lists, and its number, by which clients know it too."""
    artifact = version.artifact
    found = [Alias(row.pk, row.alias, artifact) for row in version.aliases.all()]
    if version.number is None or any(one.alias == version.version for one in found):
        return found
    return [*found, Alias(version.pk, f"v{version.number}", artifact)]


def versions(artifact: Artifact | None = None) -> "QuerySet[ArtifactVersion]":
    """Finalized versions, of an artifact that is loaded or of any, with what a node of a list shows. Two queries."""
    rows = ArtifactVersion.objects.finalized() if artifact is None else artifact.versions.finalized()
    rows = rows.with_tag_lines().select_related("created_by").defer("notes")
    if artifact is None:
        rows = rows.select_related("artifact__project__team").defer("artifact__metadata")
    return rows.prefetch_related("aliases")


def page(
    context: Context, rows: "QuerySet[ArtifactVersion]", first: int | None, after: str | None, **fields: Any
) -> dict[str, Any]:
    """A page of `versions` in their own order; fewer than were asked for where their long values are too many."""
    size, start = context.page_size(first), cursors.offset(after)
    long = ByteLength(F("metadata")) + ByteLength(F("description"))
    lengths = rows.prefetch_related(None).select_related(None).values_list(long, flat=True)[start : start + size + 1]
    sums = list(accumulate(lengths))
    fitting = min(size, max(1, sum(one <= _MAX_PAGE_BYTES for one in sums)))
    nodes = list(rows[start : start + fitting])
    return cursors.connection(nodes, range(start + 1, start + 1 + len(nodes)), len(sums) > fitting, **fields)


def find_version(artifact: Artifact, suffix: str) -> ArtifactVersion | None:
    """`v3` is the finalized version of that number, anything else an alias; None where there is none."""
    number = validators.version_number(suffix)
    rows = versions(artifact)
    found = rows.filter(number=number).first() if number is not None else None
    return found or rows.filter(aliases__artifact=artifact, aliases__alias=suffix).first()


def find_member(project: Project, name: str) -> Membership | None:
    """`set`, `set:alias` or `set:v3` in the project; None where there is none."""
    collection, _, suffix = name.partition(":")
    artifact = Artifact.objects.named(project, collection)
    if artifact is None:
        return None
    artifact.project = project
    version = find_version(artifact, suffix or validators.LATEST)
    return Membership(version) if version else None
