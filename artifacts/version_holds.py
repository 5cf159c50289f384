"""What keeps versions from being deleted: links in collections, and from above the registry records that refer to them.

Links name to each reader the collections that they see; records name what everybody sees who sees the version.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Exists, OuterRef, QuerySet, Value

from accounts.actor import Actor
from artifacts import errors
from artifacts.models import Artifact, ArtifactVersion, VersionHold
from core import long_values
from projects.models import Project

MAX_NAMED = 5
_ADVICE = "Delete these, or take the reference out of their data."


def require_none(actor: Actor, artifact: Artifact, version: ArtifactVersion | None = None) -> None:
    """Raise `VersionHeld`, with who refers to it, where the version cannot be deleted; or any of the artifact.

    For callers that hold the lock of the version, which whoever adds a hold or a link takes too.
    """
    require_unlinked(actor, version or artifact)
    rows = VersionHold.objects.filter(is_protecting=True)
    rows = rows.filter(version=version) if version else rows.filter(version__artifact=artifact)
    rows = rows.with_visibility().order_by("-is_visible", "id")
    holders = list(rows.values_list("label", "is_visible")[: MAX_NAMED + 1])
    if holders:
        what = version.title if version else f"Artifact {artifact.name!r}"
        labels = [label for label, is_visible in holders if is_visible]
        raise errors.VersionHeld(_sentence(what, holders), holders=labels[:MAX_NAMED])


def require_unlinked(actor: Actor, target: ArtifactVersion | Artifact | Project) -> None:
    """Raise `VersionHeld`, with the links, where a collection outside of it has it or a version of it.

    For callers that hold the locks of the artifacts, which whoever links a version takes too.
    """
    if message := links_refusal(actor, target):
        raise errors.VersionHeld(message, holders=_links(actor, _links_to(target))[0])


def links_refusal(actor: Actor, target: ArtifactVersion | Artifact | Project) -> str:
    """Why it cannot be deleted, where it is linked; else an empty text. One query."""
    return _links_sentence(_title(target), *_links(actor, _links_to(target)))


def refusals(actor: Actor, versions: Iterable[ArtifactVersion]) -> dict[UUID, str]:
    """Why some of these versions cannot be deleted, by id. Two queries."""
    versions = list(versions)
    titles = {version.pk: version.title for version in versions}
    holders: dict[UUID, list[tuple[str, bool]]] = {}
    rows = VersionHold.objects.protecting(*titles).with_visibility().order_by("-is_visible", "id")
    for pk, label, is_visible in rows.values_list("version", "label", "is_visible"):
        holders.setdefault(pk, []).append((label, is_visible))
    held = {pk: _sentence(titles[pk], found) for pk, found in holders.items()}
    return held | {pk: _links_sentence(titles[pk], *found) for pk, found in _links_by_version(actor, titles).items()}


def _sentence(what: str, holders: list[tuple[str, bool]]) -> str:
    """It names nothing of another private project, whose name is not for everybody who sees the version."""
    labels = [label for label, is_visible in holders if is_visible]
    if not labels:
        return f"{what} cannot be deleted: something in another private project refers to it."
    others = " and others" if len(holders) > len(labels[:MAX_NAMED]) else ""
    verb = "refers" if len(holders) == 1 else "refer"
    return f"{what} cannot be deleted: {', '.join(labels[:MAX_NAMED])}{others} {verb} to it. {_ADVICE}"


def _links_to(target: ArtifactVersion | Artifact | Project) -> QuerySet[ArtifactVersion]:
    """The links that would be left without files; those in a project that is deleted with their version go with it."""
    if isinstance(target, ArtifactVersion):
        return ArtifactVersion.objects.filter(linked_version=target)
    if isinstance(target, Artifact):
        return ArtifactVersion.objects.filter(linked_version__artifact=target)
    rows = ArtifactVersion.objects.filter(linked_version__artifact__project=target)
    return rows.exclude(artifact__project=target)


def _title(target: ArtifactVersion | Artifact | Project) -> str:
    if isinstance(target, ArtifactVersion):
        return target.title
    return f"{type(target).__name__} {target.name!r}"


def _links(actor: Actor, rows: QuerySet[ArtifactVersion], limit: int = MAX_NAMED) -> tuple[list[str], int]:
    """The names of the first links that the actor sees, and how many others there are: at most one more."""
    found = list(_with_visibility(actor, rows)[: limit + 1])
    names = [f"{link.artifact.full_name}:{link.version}" for link in found if link.is_visible][:limit]
    return names, len(found) - len(names)


def _links_by_version(actor: Actor, pks: Iterable[UUID]) -> dict[UUID, tuple[list[str], int]]:
    found: dict[UUID, tuple[list[str], int]] = {}
    for link in _with_visibility(actor, ArtifactVersion.objects.filter(linked_version__in=list(pks))):
        names, others = found.get(link.linked_version_id, ([], 0))
        is_named = link.is_visible and len(names) < MAX_NAMED
        name = f"{link.artifact.full_name}:{link.version}"
        found[link.linked_version_id] = ([*names, name], others) if is_named else (names, others + 1)
    return found


def _with_visibility(actor: Actor, rows: QuerySet[ArtifactVersion]) -> QuerySet[ArtifactVersion]:
    """Each with whether the actor sees it; those that they see come first."""
    visible: Any = Value(actor.is_staff, output_field=BooleanField())
    if actor.user is not None and not actor.is_staff:
        visible = Exists(Project.objects.visible_to(actor.user).filter(pk=OuterRef("artifact__project")))
    rows = rows.select_related("artifact__project__team").annotate(is_visible=visible)
    return long_values.defer(rows, "", "artifact", "artifact__project").order_by("-is_visible", "id")


def _links_sentence(what: str, names: list[str], others: int) -> str:
    if not names and not others:
        return ""
    if not names:
        return f"{what} cannot be deleted: it is linked from a collection that you don't see."
    more = " and others" if others else ""
    return f"{what} cannot be deleted: it is linked as {', '.join(names)}{more}. Unlink it first."
