"""One search over everything that people look for by name: artifacts, versions by alias, projects, runs."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import QuerySet

from accounts.models import User
from artifacts import validators
from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion
from projects.models import Project, Run


class Group(NamedTuple):
    """The first hits of a kind, and whether there are more."""

    kind: str
    hits: list[Any]
    has_more: bool


def search(user: User, words: str, limit: int) -> list[Group]:
    """At most `limit` hits of each kind; kinds without a hit are left out. None at all for no words."""
    # Nothing else has a colon in its name.
    kinds = ["versions"] if ":" in words else list(KINDS)
    groups = [_first(kind, KINDS[kind](user, words), limit) for kind in kinds] if words else []
    return [group for group in groups if group.hits]


def artifacts(user: User, words: str) -> QuerySet[Artifact]:
    """By a part of name, description or tag, or as `team/project/name`; what changed last comes first."""
    place, _, word = words.rpartition("/")
    found = Artifact.objects.visible_to(user).search(word)
    if place:
        found = found.filter(project__in=Project.objects.named(place))
    return found.for_display().order_by("-updated_at")


def versions(user: User, words: str) -> QuerySet[ArtifactVersion] | QuerySet[ArtifactAlias]:
    """By `name:v3`, or as aliases by `name:x` or x alone, where x is an alias, or begins some if there is none."""
    place, _, word = words.rpartition(":")
    project, _, name = place.rpartition("/")
    of_artifact: dict[str, Any] = {"artifact__project__in": Project.objects.visible_to(user)}
    if name:
        of_artifact["artifact__name__icontains"] = name
    if project:
        of_artifact["artifact__project__in"] = Project.objects.visible_to(user).named(project)
    number = validators.version_number(word)
    if name and number:
        found = ArtifactVersion.objects.finalized().filter(number=number, **of_artifact)
        return found.for_display().order_by("-artifact_id")
    aliases = ArtifactAlias.objects.filter(**of_artifact).select_related(
        "version__created_by", "artifact__project__team"
    )
    exact = aliases.filter(alias=word)
    meant = exact if exact.exists() else aliases.filter(alias__istartswith=word)
    # The order of the index, so that an alias that everything has costs no more than another.
    return meant.order_by("-alias", "-artifact_id")


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
