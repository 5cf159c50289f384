"""What has happened in projects lately. Each question costs the same however much a project holds."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, DateTimeField, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest

from artifacts.models import Artifact, ArtifactVersion
from projects.models import Project, Run

# Whatever was logged lately is in an artifact that changed lately; some of these only had their words changed.
_ARTIFACTS_LOOKED_AT = 30


class Counts(NamedTuple):
    artifacts: Counter[UUID]
    runs: Counter[UUID]


def dated(projects: QuerySet[Project]) -> QuerySet[Project]:
    """Each with the time of the last thing that was logged in it, or done to it, as `active_at`."""
    artifact = Artifact.objects.filter(project=OuterRef("pk")).order_by("-updated_at").values("updated_at")[:1]
    run = Run.objects.filter(project=OuterRef("pk")).order_by("-id").values("heartbeat_at")[:1]
    own = F("updated_at")
    return projects.annotate(
        active_at=Greatest(
            own, Coalesce(Subquery(artifact), own), Coalesce(Subquery(run), own), output_field=DateTimeField()
        )
    )


def counted(projects: Iterable[Project]) -> Counts:
    """How many artifacts and runs each of the projects holds. Two queries."""
    ids = [project.pk for project in projects]
    found = (_count(Artifact.objects.filter(project__in=ids)), _count(Run.objects.filter(project__in=ids)))
    return Counts(*found)


def newest_versions(artifacts: QuerySet[Artifact], limit: int) -> list[ArtifactVersion]:
    """Of the artifacts that had a version logged last, the newest version of each; the last first."""
    changed = artifacts.filter(latest_number__isnull=False).order_by("-updated_at")
    newest = ArtifactVersion.objects.filter(artifact=OuterRef("pk"), number=OuterRef("latest_number")).values("pk")
    # By id: joined to find them, a database may go through all versions there are.
    ids = changed.annotate(newest=Subquery(newest)).values_list("newest", flat=True)[:_ARTIFACTS_LOOKED_AT]
    found = ArtifactVersion.objects.finalized().filter(pk__in=list(ids))
    return list(found.for_display().order_by("-finalized_at")[:limit])


def _count(rows: QuerySet) -> Counter[UUID]:
    return Counter(dict(rows.order_by().values_list("project").annotate(n=Count("*"))))
