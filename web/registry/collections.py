"""Collections in lists, with the links that people use and where these come from; and those that can be chosen."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Left

from accounts.models import Team, User
from artifacts import current_version, link_sources
from artifacts.models import Artifact, ArtifactAlias, ArtifactTag, ArtifactVersion
from core import long_values
from projects.models import Project

MAX_CHOICES = 100


def visible_to(user: User, *, type: str = "", team: str = "", tag: str = "", alias: str = "") -> QuerySet[Artifact]:
    """Those that match each filter that is not empty. Collections are few among all artifacts: each is looked at."""
    rows = Artifact.objects.visible_to(user).filter(kind=Artifact.Kind.COLLECTION)
    columns = {"type": type, "project__team__name": team}
    rows = rows.filter(**{column: value for column, value in columns.items() if value})
    if tag:
        rows = rows.filter(Exists(ArtifactTag.objects.filter(artifact=OuterRef("pk"), tag=tag)))
    if alias:
        rows = rows.filter(Exists(ArtifactAlias.objects.filter(artifact=OuterRef("pk"), alias=alias)))
    return rows


def teams(user: User) -> QuerySet[Team]:
    """Those that own one that the user sees, and those in which the user `may_edit`."""
    owners = visible_to(user).order_by().values("project__team")
    editable = Project.objects.editable_by(user)
    rows = Team.objects.filter(Q(pk__in=owners) | Q(pk__in=editable.values("team")))
    return rows.annotate(may_edit=Exists(editable.filter(team=OuterRef("pk")))).order_by("name")


def with_excerpt(collections: QuerySet[Artifact]) -> QuerySet[Artifact]:
    """Each with the beginning of its description as `excerpt`, instead of all of it and other long values."""
    rows = collections.annotate(excerpt=Left("description", long_values.EXCERPT_LENGTH))
    return long_values.defer(rows, "")


def attach_current_links(collections: Iterable[Artifact], user: User) -> None:
    """Set `current_link` of each to the link that people use, with its `visible_source`, or to None. Two queries.

    The collections come with what `current_version.of` needs.
    """
    numbers = {row.pk: current.number for row in collections if (current := current_version.of(row))}
    found = _links(numbers, user) if numbers else {}
    for row in collections:
        row.current_link = found.get(row.pk)


def editable_by(user: User, type: str, search: str = "") -> QuerySet[Artifact]:
    """Those that a version of this type can be linked in, those changed last first.

    The search is of words with slashes between, as in `team/project/name`.
    """
    projects = Project.objects.editable_by(user)
    rows = Artifact.objects.filter(kind=Artifact.Kind.COLLECTION, type=type, project__in=projects)
    for word in filter(None, search.split("/", 2)):
        rows = rows.filter(
            Q(name__icontains=word) | Q(project__name__icontains=word) | Q(project__team__name__icontains=word)
        )
    return long_values.defer(rows.select_related("project__team"), "", "project").order_by("-updated_at")


def linkable(user: User, type: str, search: str = "") -> QuerySet[Artifact]:
    """The artifacts whose versions the user may link in a collection of this type, those changed last first."""
    rows = Artifact.objects.filter(project__in=Project.objects.editable_by(user), kind=Artifact.Kind.ARTIFACT)
    rows = rows.filter(type=type, latest_version_number__isnull=False)
    name = search.partition(":")[0].rpartition("/")[2]
    rows = rows.filter(name__icontains=name) if name else rows
    return long_values.defer(rows.select_related("project__team"), "", "project").order_by("-updated_at")


def links_of(version: ArtifactVersion, user: User) -> QuerySet[ArtifactVersion]:
    """The links of a version that the user sees, the newest first."""
    rows = ArtifactVersion.objects.visible_to(user).filter(linked_version=version).with_alias_names()
    rows = rows.select_related("artifact__project__team")
    return long_values.defer(rows, "", "artifact", "artifact__project").order_by("-id")


def _links(numbers: dict[UUID, int], user: User) -> dict[UUID, ArtifactVersion]:
    """The finalized versions of these numbers, by the ids of their artifacts."""
    wanted = reduce(or_, (Q(artifact=pk, number=number) for pk, number in numbers.items()))
    rows = list(long_values.defer(ArtifactVersion.objects.finalized().filter(wanted), ""))
    link_sources.attach(user, rows)
    return {row.artifact_id: row for row in rows}
