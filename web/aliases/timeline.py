"""The history of one alias as a page shows it: every place it has pointed at, and which of them it can go back to."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from accounts import permissions
from accounts.actor import Actor
from artifacts import errors
from artifacts.aliases import aliases
from artifacts.models import AliasChange, Artifact
from web.aliases import view_models
from web.artifacts import tab_contexts

CHANGES_A_PAGE = 30


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A change, and whether the alias may be put back to where this one put it."""

    change: AliasChange
    is_there: bool
    is_now: bool

    @property
    def jump(self) -> str:
        return view_models.distance(self.change.from_number, self.change.to_number)


def timeline_context(request: HttpRequest, artifact: Artifact, alias: str) -> dict[str, Any]:
    """The changes before the one whose number `?before=` says, the last first; all that the drawer shows of them.

    Raises `AliasNotFound` for an alias that never was.
    """
    row = aliases.find(artifact, alias)
    changes = AliasChange.objects.of(artifact, alias).select_related("proposal__proposed_by", "proposal__decided_by")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 10:
        changes = changes.filter(number__lt=int(before))
    found = list(changes[: CHANGES_A_PAGE + 1])
    if not (row or found or before):
        raise errors.AliasNotFound(f"Artifact {artifact.name!r} never had an alias {alias!r}.")
    there = _still_there(artifact, found)
    reader = view_models.Viewer(
        Actor.from_page(request), artifact, permissions.role_in(request.user, artifact.project.team)
    )
    now = row.version_id if row else None
    return {
        "artifact": artifact,
        "project": artifact.project,
        "alias": alias,
        "row": row,
        "protected_by": view_models.protection_text(reader.protection(alias)),
        "may_move": reader.may_move(alias),
        "moments": [
            TimelineEntry(change, change.to_version_id in there, change.to_version_id == now)
            for change in found[:CHANGES_A_PAGE]
        ],
        "older": found[CHANGES_A_PAGE - 1].number if len(found) > CHANGES_A_PAGE else None,
        "place": "artifacts",
    } | permissions.template_flags(reader.role)


def page(request: HttpRequest, artifact: Artifact, alias: str) -> dict[str, Any]:
    """The same with what stands around it on a page of its own."""
    return tab_contexts.base_context(artifact, "timeline") | timeline_context(request, artifact, alias)


def _still_there(artifact: Artifact, changes: list[AliasChange]) -> set[object]:
    ids = {change.to_version_id for change in changes if change.to_version_id}
    return set(artifact.versions.finalized().filter(pk__in=ids).values_list("pk", flat=True))
