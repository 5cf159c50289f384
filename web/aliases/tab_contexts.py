"""What the page of an artifact shows under its tab Aliases, and as the history of one of them: every version that an
alias has been at, and which of them it can go back to."""

from dataclasses import dataclass
from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.http import HttpRequest, QueryDict

from accounts import permissions
from accounts.actor import Actor
from artifacts import errors
from artifacts.aliases import aliases as alias_verbs
from artifacts.aliases import excerpts, rollbacks
from artifacts.models import AliasChange, Artifact
from web import rendering, tables
from web.aliases import view_models
from web.artifacts.tab_contexts import base_context

ALIASES_PER_PAGE = 50
CHANGES_PER_PAGE = 30
_LAST_CHANGES = AliasChange.objects.of(OuterRef("artifact"), OuterRef("alias"))
_ORDERINGS = {
    "alias": "sort_key",
    "version": "version__number",
    # How many versions up, or down; what was created has moved nowhere.
    "change": Subquery(_LAST_CHANGES.annotate(moved=F("to_number") - F("from_number")).values("moved")[:1]),
    "by": Subquery(_LAST_CHANGES.values("changed_by_name")[:1]),
    "created": "created_at",
    "updated": "updated_at",
}
_COLUMNS = (
    ("alias", "Alias", ""),
    ("version", "Points to", ""),
    ("change", "Last change", "wide"),
    ("by", "Changed by", "medium"),
    ("created", "Created", "number tight wide"),
    ("updated", "Updated", "number tight medium"),
)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A change, whether the version that it moved the alias to still exists, and whether the alias is at it now."""

    change: AliasChange
    version_exists: bool
    is_current: bool

    @property
    def jump(self) -> str:
        return view_models.distance(self.change.from_number, self.change.to_number)


def aliases(request: HttpRequest, artifact: Artifact, query: QueryDict) -> dict[str, Any]:
    """Of an artifact of `get_artifact_for_display`, the page of its aliases that the query string asks for."""
    viewer = view_models.Viewer(Actor.from_page(request), artifact)
    context = base_context(artifact, "aliases", viewer.rules)
    view = tables.chosen(query, (), _ORDERINGS)
    rows = tables.sort(artifact.alias_set.for_display(), view, _ORDERINGS)
    page = rendering.paginate(query, rows, ALIASES_PER_PAGE)
    if not view.sort:
        page.object_list = excerpts.page(artifact, viewer.rules, max(0, page.start_index() - 1), page.end_index())
    pending = view_models.pending_proposals(viewer)
    return context | {
        "page": page,
        "sort": view.sort,
        "columns": _COLUMNS,
        "alias_rows": view_models.alias_rows(viewer, page, pending) if page.paginator.count else [],
        "pending_proposals": pending,
        "rules": viewer.visible_rules,
    }


def alias_history(request: HttpRequest, artifact: Artifact, alias: str, query: QueryDict) -> dict[str, Any]:
    """The changes before the one whose number the query string says as `before`, the last first.

    Raises `AliasNotFound` for an alias that never was.
    """
    return _history(view_models.Viewer(Actor.from_page(request), artifact), alias, query)


def alias_history_page(request: HttpRequest, artifact: Artifact, alias: str, query: QueryDict) -> dict[str, Any]:
    """The same with what stands around it on a page of its own."""
    viewer = view_models.Viewer(Actor.from_page(request), artifact)
    return base_context(artifact, "timeline", viewer.rules) | _history(viewer, alias, query)


def _history(viewer: view_models.Viewer, alias: str, query: QueryDict) -> dict[str, Any]:
    artifact = viewer.artifact
    row = alias_verbs.find(artifact, alias)
    changes = AliasChange.objects.of(artifact, alias).select_related("proposal__proposed_by", "proposal__decided_by")
    before = query.get("before", "")
    if before.isascii() and before.isdigit() and len(before) < 10:
        changes = changes.filter(number__lt=int(before))
    rows = list(changes[: CHANGES_PER_PAGE + 1])
    if not (row or rows or before):
        raise errors.AliasNotFound(f"Artifact {artifact.name!r} never had an alias {alias!r}.")
    ids = {change.to_version_id for change in rows if change.to_version_id}
    existing = set(artifact.versions.finalized().filter(pk__in=ids).values_list("pk", flat=True))
    current = row.version_id if row else None
    return {
        "artifact": artifact,
        "project": artifact.project,
        "alias": alias,
        "row": row,
        "protected_by": viewer.protected_by(alias),
        "may_move": viewer.may_move(alias),
        "rollback_to": rollbacks.of_alias(artifact, alias),
        "entries": [
            TimelineEntry(change, change.to_version_id in existing, change.to_version_id == current)
            for change in rows[:CHANGES_PER_PAGE]
        ],
        "older": rows[CHANGES_PER_PAGE - 1].number if len(rows) > CHANGES_PER_PAGE else None,
        "active_nav": "artifacts",
    } | permissions.template_flags(viewer.role)
