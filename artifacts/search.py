"""Search by name, also by a former one: artifacts, versions by their aliases, projects, runs."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from accounts.models import FormerName, User
from artifacts import validators
from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion
from core import long_values
from projects.models import Project, Run


class Group(NamedTuple):
    """The first hits of a kind, and whether there are more."""

    kind: str
    hits: list[Any]
    has_more: bool


def search(user: User, query: str, limit: int) -> list[Group]:
    """At most `limit` hits of each kind; kinds without a hit are left out. An empty query has none."""
    if not query:
        return []
    groups = []
    # Nothing but `name:alias` has a colon.
    for kind in ["versions"] if ":" in query else KINDS:
        hits = list(KINDS[kind](user, query)[: limit + 1])
        groups.append(Group(kind, hits[:limit], len(hits) > limit))
    return [group for group in groups if group.hits]


def artifacts(user: User, query: str) -> QuerySet[Artifact]:
    """By a part of name, description or tag, or as `team/project/name`; last changed first."""
    project, _, name = query.rpartition("/")
    rows = Artifact.objects.visible_to(user).search(name)
    if project:
        rows = rows.filter(project__in=Project.objects.by_any_name(project))
    return long_values.defer(rows.with_tags(), "").order_by("-updated_at")


def versions(user: User, query: str) -> QuerySet[ArtifactVersion] | QuerySet[ArtifactAlias]:
    """By `name:v3`; or as aliases by `name:x` or x alone, where x is an alias or, if there is none, its beginning."""
    full_name, _, suffix = query.rpartition(":")
    project, _, name = full_name.rpartition("/")
    projects = Project.objects.visible_to(user)
    of_artifact = Q(artifact__project__in=projects.by_any_name(project) if project else projects)
    if name:
        former = FormerName.objects.holders(name__icontains=name)
        of_artifact &= Q(artifact__name__icontains=name) | Q(artifact__in=former)
    number = validators.version_number(suffix)
    if name and number:
        rows = ArtifactVersion.objects.finalized().filter(of_artifact, number=number)
        return long_values.defer(rows.for_display(), "").order_by("-artifact_id")
    aliases = ArtifactAlias.objects.filter(of_artifact).select_related("version__created_by", "artifact__project__team")
    aliases = long_values.defer(aliases, "version", "artifact", "artifact__project")
    exact = aliases.filter(alias=suffix)
    matches = exact if exact.exists() else aliases.filter(alias__istartswith=suffix)
    # The order of the index, so that an alias that every artifact has costs no more than another.
    return matches.order_by("-alias", "-artifact_id")


def projects(user: User, query: str) -> QuerySet[Project]:
    """By a part of name or description, or as `team/name`; newest first."""
    team, slash, name = query.partition("/")
    filters = {"team": team, "search": name} if slash else {"search": query}
    return Project.objects.visible_to(user).filter_by(**filters).select_related("team").with_excerpt()


def runs(user: User, query: str) -> QuerySet[Run]:
    """By a part of a name or of the notes; newest first."""
    return long_values.defer(Run.objects.visible_to(user).filter_by(search=query).for_display(), "")


KINDS: dict[str, Callable[[User, str], QuerySet]] = {
    "versions": versions,
    "artifacts": artifacts,
    "projects": projects,
    "runs": runs,
}
