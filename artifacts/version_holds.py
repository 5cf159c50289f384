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
    rows = rows.with_visibility().order_by("-is_visible", "id")
    holders = list(rows.values_list("label", "is_visible")[: MAX_NAMED + 1])
    if holders:
        what = version.title if version else f"Artifact {artifact.name!r}"
        labels = [label for label, is_visible in holders if is_visible]
        raise errors.VersionHeld(_sentence(what, holders), holders=labels[:MAX_NAMED])


def refusals(versions: "Iterable[ArtifactVersion]") -> dict[UUID, str]:
    """Why some of these versions cannot be deleted, by id. One query."""
    titles = {version.pk: version.title for version in versions}
    holders: dict[UUID, list[tuple[str, bool]]] = {}
    rows = VersionHold.objects.protecting(*titles).with_visibility().order_by("-is_visible", "id")
    for pk, label, is_visible in rows.values_list("version", "label", "is_visible"):
        holders.setdefault(pk, []).append((label, is_visible))
    return {pk: _sentence(titles[pk], found) for pk, found in holders.items()}


def _sentence(what: str, holders: list[tuple[str, bool]]) -> str:
    """It names nothing of another private project, whose name is not for everybody who sees the version."""
    labels = [label for label, is_visible in holders if is_visible]
    if not labels:
        return f"{what} cannot be deleted: something in another private project refers to it."
    others = " and others" if len(holders) > len(labels[:MAX_NAMED]) else ""
    verb = "refers" if len(holders) == 1 else "refer"
    return f"{what} cannot be deleted: {', '.join(labels[:MAX_NAMED])}{others} {verb} to it. {_ADVICE}"
