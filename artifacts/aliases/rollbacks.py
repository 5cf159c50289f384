"""Where a rollback would lead, for pages that offer it."""

from collections.abc import Iterable

from django.db.models import OuterRef, Subquery

from artifacts import errors
from artifacts.aliases import aliases
from artifacts.models import AliasChange, Artifact, ArtifactVersion


def of_alias(artifact: Artifact, alias: str) -> str:
    """Where `aliases.rollback` leads, such as `v3`, also for an alias that was removed; empty where it is refused."""
    try:
        return aliases.rollback_target(artifact, alias).version
    except (errors.NothingBefore, errors.AliasNotFound, errors.AliasTargetRefused):
        return ""


def of_aliases(artifact: Artifact, names: Iterable[str]) -> dict[str, str]:
    """Where `aliases.rollback` leads each of these, such as `v3`; without those that it refuses. One query."""
    earlier = AliasChange.objects.of(OuterRef("artifact"), OuterRef("alias")).filter(to_version__isnull=False)
    earlier = earlier.exclude(to_version=OuterRef("version"))
    rows = artifact.alias_set.filter(alias__in=list(names)).order_by().annotate(
        number=Subquery(earlier.values("to_number")[:1]), state=Subquery(earlier.values("to_version__state")[:1])
    )  # fmt: skip
    finalized = rows.filter(state=ArtifactVersion.State.FINALIZED)
    return {alias: f"v{number}" for alias, number in finalized.values_list("alias", "number")}
