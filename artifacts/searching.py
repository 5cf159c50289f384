"""One search over everything that people look for by name: artifacts, versions by alias, projects, runs."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import User
from artifacts import names
from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion
from projects.models import Project, Run


class Group(NamedTuple):
    """The first hits of a kind, and whether there are more."""

    kind: str
    hits: list[Any]
    has_more: bool


def search(user: User, words: str, limit: int) -> list[Group]:
    """At most `limit` hits of each kind; kinds without a hit are left out. None at all for no words."""
    groups = [_first(kind, find(user, words), limit) for kind, find in KINDS.items()] if words else []
    return [group for group in groups if group.hits]


def artifacts(user: User, words: str) -> QuerySet[Artifact]:
    """By a part of name, description or tag, or as `team/project/name`; what changed last comes first."""
    place, _, word = words.rpartition("/")
    found = Artifact.objects.visible_to(user).search(word)
    if place:
        found = found.filter(project__in=Project.objects.named(place))
    return found.for_display().order_by("-updated_at")


def versions(user: User, words: str) -> QuerySet[ArtifactVersion]:
    """By `name:x`, where x is a version or begins an alias, or by the beginning of an alias alone; newest first."""
    place, _, word = words.rpartition(":")
    project, _, name = place.rpartition("/")
    aliased = Exists(ArtifactAlias.objects.filter(version=OuterRef("pk"), alias__istartswith=word))
    number = names.version_number(word)
    found = ArtifactVersion.objects.visible_to(user).finalized()
    found = found.filter(aliased | Q(number=number) if name and number else aliased)
    if name:
        found = found.filter(artifact__name__icontains=name)
    if project:
        found = found.filter(artifact__project__in=Project.objects.named(project))
    return found.for_display().order_by("-id")


def projects(user: User, words: str) -> QuerySet[Project]:
    """By a part of name or description, or as `team/name`; newest first."""
    team, slash, name = words.partition("/")
    asked = {"team": team, "search": name} if slash else {"search": words}
    return Project.objects.visible_to(user).matching(**asked).select_related("team")


def runs(user: User, words: str) -> QuerySet[Run]:
    """By a part of a name or of the notes; newest first."""
    return Run.objects.visible_to(user).matching(search=words).select_related("project__team", "created_by")


KINDS: dict[str, Callable[[User, str], QuerySet]] = {
    "versions": versions,
    "artifacts": artifacts,
    "projects": projects,
    "runs": runs,
}


def _first(kind: str, rows: QuerySet, limit: int) -> Group:
    hits = list(rows[: limit + 1])
    return Group(kind, hits[:limit], len(hits) > limit)
