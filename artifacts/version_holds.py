"""What keeps versions from being deleted from above the registry: records that refer to them, and whatever else may."""

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from artifacts import errors
from artifacts.models import VersionHold

if TYPE_CHECKING:
    from artifacts.models import Artifact, ArtifactVersion

MAX_NAMED = 5
_ADVICE = "Delete these, or take the reference out of their data."


def require_none(artifact: "Artifact", version: "ArtifactVersion | None" = None) -> None:
    """Raise `VersionHeld`, with who refers to it, where the version cannot be deleted; or any of the artifact.

    For callers that hold the lock of the version, which whoever adds a hold takes too.
    """
    rows = VersionHold.objects.filter(is_protecting=True)
    rows = rows.filter(version=version) if version else rows.filter(version__artifact=artifact)
    labels = list(rows.order_by("id").values_list("label", flat=True)[: MAX_NAMED + 1])
    if labels:
        what = version.title if version else f"Artifact {artifact.name!r}"
        raise errors.VersionHeld(_sentence(what, labels), holders=labels[:MAX_NAMED])


def refusals(versions: "Iterable[ArtifactVersion]") -> dict[UUID, str]:
    """Why some of these versions cannot be deleted, by id. One query."""
    titles = {version.pk: version.title for version in versions}
    labels: dict[UUID, list[str]] = {}
    for pk, label in VersionHold.objects.protecting(*titles).values_list("version", "label"):
        labels.setdefault(pk, []).append(label)
    return {pk: _sentence(titles[pk], found) for pk, found in labels.items()}


def _sentence(what: str, labels: list[str]) -> str:
    others = " and others" if len(labels) > MAX_NAMED else ""
    verb = "refers" if len(labels) == 1 else "refer"
    return f"{what} cannot be deleted: {', '.join(labels[:MAX_NAMED])}{others} {verb} to it. {_ADVICE}"
