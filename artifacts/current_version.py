"""Which version of an artifact people use: the one in production, else the latest. Its page is about that one."""

from typing import NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import Membership, User
from artifacts import validators
from artifacts.models import Artifact, ArtifactAlias
from core import long_values

PRODUCTION = "production"


class CurrentVersion(NamedTuple):
    """The number of a finalized version, and the alias that makes it the one people use: "" where none does."""

    number: int
    alias: str

    @property
    def version(self) -> str:
        return f"v{self.number}"


def in_production(user: User, limit: int) -> list[ArtifactAlias]:
    """Where `production` points in the projects of the user's teams, the newest artifacts first. One query."""
    mine = Membership.objects.filter(user=user).values("team")
    rows = ArtifactAlias.objects.filter(alias=PRODUCTION, artifact__project__team__in=mine)
    rows = rows.select_related("version", "artifact__project__team").order_by("-artifact_id")
    return list(long_values.defer(rows, "version", "artifact", "artifact__project")[:limit])


def annotate(artifacts: QuerySet[Artifact]) -> QuerySet[Artifact]:
    """Each with what `of` needs: `production_number` and `latest_alias_number`. No further query."""
    return artifacts.annotate(
        production_number=_number_at(PRODUCTION), latest_alias_number=_number_at(validators.LATEST)
    )


def of(artifact: Artifact) -> CurrentVersion | None:
    """Where `production` points, else `latest`, else the newest finalized version. Of an artifact with `annotate`."""
    if artifact.production_number is not None:
        return CurrentVersion(artifact.production_number, PRODUCTION)
    if artifact.latest_alias_number is not None:
        return CurrentVersion(artifact.latest_alias_number, validators.LATEST)
    return None if artifact.latest_version_number is None else CurrentVersion(artifact.latest_version_number, "")


def _number_at(alias: str) -> Subquery:
    rows = ArtifactAlias.objects.order_by().filter(artifact=OuterRef("pk"), alias=alias)
    return Subquery(rows.values("version__number")[:1])
