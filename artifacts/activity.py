"""Recent activity in projects. Each query costs the same however much a project contains."""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from accounts.models import Membership, Team, User
from artifacts.aliases import excerpts, proposals, protection
from artifacts.models import AliasProposal, Artifact, ArtifactVersion
from core import long_values
from core.bounded_count import COUNT_LIMIT, BoundedCount, format_count
from projects.models import Project, Run

# The newest versions are those of artifacts that changed last; some of these only had their description changed.
_RECENT_ARTIFACTS = 30
_MAX_TYPES = 50
# How many of them each of a query's teams has.
TEAM_MEMBERS = BoundedCount(Membership.objects.filter(team=OuterRef("pk")))
TEAM_PROJECTS = BoundedCount(Project.objects.filter(team=OuterRef("pk")))


class Counts(NamedTuple):
    artifacts: str
    runs: str


class TypeCount(NamedTuple):
    type: str
    count: str


class TeamCounts(NamedTuple):
    members: str
    projects: str


def team_counts(teams: Iterable[Team]) -> dict[UUID, TeamCounts]:
    """How many members and projects each of the teams has, as text. One query."""
    rows = Team.objects.filter(pk__in=[team.pk for team in teams]).order_by()
    return {
        team: TeamCounts(format_count(of_members), format_count(of_projects))
        for team, of_members, of_projects in rows.values_list("pk", TEAM_MEMBERS, TEAM_PROJECTS)
    }


def with_last_activity(projects: QuerySet[Project]) -> QuerySet[Project]:
    """Each with the time of its last change, version or run as `active_at`."""
    artifact = Artifact.objects.filter(project=OuterRef("pk")).order_by("-updated_at").values("updated_at")[:1]
    run = Run.objects.filter(project=OuterRef("pk")).order_by("-id").values("heartbeat_at")[:1]
    own = F("updated_at")
    return projects.annotate(
        active_at=Greatest(
            own, Coalesce(Subquery(artifact), own), Coalesce(Subquery(run), own), output_field=DateTimeField()
        )
    )


def with_counts(projects: Iterable[Project]) -> dict[UUID, Counts]:
    """How many artifacts and runs each of the projects has, as text. One query."""
    rows = Project.objects.filter(pk__in=[project.pk for project in projects]).order_by()
    own = {"project": OuterRef("pk")}
    artifacts, runs = BoundedCount(Artifact.objects.filter(**own)), BoundedCount(Run.objects.filter(**own))
    return {
        project: Counts(format_count(of_artifacts), format_count(of_runs))
        for project, of_artifacts, of_runs in rows.values_list("pk", artifacts, runs)
    }


def counts_by_type(project: Project) -> list[TypeCount]:
    """How many artifacts of each type the project has, as text: of at most `_MAX_TYPES` types, by name. One query.

    A grouping would read all artifacts. This goes through the index from type to type; in its order, for without one
    PostgreSQL read all artifacts for each type.
    """
    table = connection.ops.quote_name(Artifact._meta.db_table)
    query = f"""
        WITH RECURSIVE step(type) AS (
            SELECT (SELECT type FROM {table} WHERE project_id = %s ORDER BY type LIMIT 1)
            UNION ALL
            SELECT (SELECT own.type FROM {table} own WHERE own.project_id = %s AND own.type > step.type
                    ORDER BY own.type LIMIT 1)
            FROM step WHERE step.type IS NOT NULL
        )
        SELECT type, (SELECT COUNT(*) FROM (
            SELECT 1 FROM {table} own WHERE own.project_id = %s AND own.type = step.type
            ORDER BY own.name LIMIT {COUNT_LIMIT + 1:d}
        ) counted)
        FROM step WHERE type IS NOT NULL LIMIT {_MAX_TYPES:d}
    """
    pk = Project._meta.pk.get_db_prep_value(project.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(query, [pk, pk, pk])
        return [TypeCount(type, format_count(count)) for type, count in cursor.fetchall()]


def newest_versions(artifacts: QuerySet[Artifact], limit: int) -> list[ArtifactVersion]:
    """The newest version of each artifact that changed last, last finalized first; with its `alias_excerpt`."""
    found = _newest_versions(artifacts, limit)
    excerpts.attach(version.artifact for version in found)
    return found


def of_user(user: User, max_versions: int, max_proposals: int) -> tuple[list[ArtifactVersion], list[AliasProposal]]:
    """The `newest_versions` that the user may see, and the open proposals that wait for the user. Five queries."""
    versions = _newest_versions(Artifact.objects.visible_to(user), max_versions)
    candidates = proposals.candidates(user)
    listed = [version.artifact for version in versions]
    rules = protection.rules_by_artifact([*listed, *(proposal.artifact for proposal in candidates)])
    excerpts.attach(listed, rules=rules)
    return versions, proposals.decidable(candidates, rules)[:max_proposals]


def _newest_versions(artifacts: QuerySet[Artifact], limit: int) -> list[ArtifactVersion]:
    changed = artifacts.filter(latest_version_number__isnull=False).order_by("-updated_at")
    newest = ArtifactVersion.objects.filter(artifact=OuterRef("pk"), number=OuterRef("latest_version_number")).values(
        "pk"
    )
    # By id alone: with a join, or a condition on their state, a database may scan all versions.
    ids = changed.annotate(newest=Subquery(newest)).values_list("newest", flat=True)[:_RECENT_ARTIFACTS]
    versions = ArtifactVersion.objects.filter(pk__in=list(ids)).for_display().prefetch_related(None)
    versions = long_values.defer(versions, "").order_by("-finalized_at")
    return [version for version in versions if version.is_finalized][:limit]
