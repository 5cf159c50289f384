"""A hierarchy: its records as a tree that opens a level at a time, or those that match a filter as a table."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from accounts.actor import Actor
from hierarchies import access, trees
from hierarchies.models import Hierarchy, Operation, Record
from wanllmdb.records.typed_data import SCHEMAS
from web import rendering
from web.hierarchies import contexts, rows, snippets
from web.hierarchies.forms import RecordFilter, TreePosition
from web.hierarchies.lookups import get_hierarchy, login_unless_public

PAGE_SIZE = 50
# Of the labels in the head of the page.
MAX_LABELS = 8


class Branch(NamedTuple):
    """Some of the records directly below one, or of the roots, and where the next of them are; empty for the last."""

    rows: list[Record]
    next_url: str = ""
    next_branch_url: str = ""

    @property
    def page_size(self) -> int:
        return PAGE_SIZE


@login_unless_public
@require_safe
def hierarchy_page(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, **url_kwargs)
    form = RecordFilter(hierarchy, request.GET)
    level_labels, more_levels = rows.level_labels(hierarchy, MAX_LABELS)
    context = contexts.hierarchy_context(hierarchy) | {
        "filters": form.values(),
        "query": form.query,
        "levels": [(level, hierarchy.label_of(level)) for level in hierarchy.levels],
        "level_labels": level_labels,
        "more_levels": more_levels,
        "known_types": SCHEMAS,
        "tree_url": hierarchy.get_absolute_url(),
        "snippets": snippets.of_hierarchy(hierarchy, request.build_absolute_uri("/").rstrip("/")),
    }
    if form.query["fault"]:
        return rendering.render_page(request, "hierarchies/hierarchy.html", context, status=422)
    if form.is_filter or not hierarchy.is_on(Operation.TREE):
        access.require(Actor.from_page(request), hierarchy, Operation.LIST)
        context["is_filtered"] = form.is_filter
        context |= contexts.record_table(request.GET, hierarchy, form.narrow(hierarchy.records.all()))
    else:
        context |= _tree(request, hierarchy)
    return rendering.render_page(request, "hierarchies/hierarchy.html", context)


@login_unless_public
@require_safe
def branch(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """The records directly below one, or more of them: what the tree asks for where it is opened."""
    hierarchy = get_hierarchy(request, **url_kwargs)
    access.require(Actor.from_page(request), hierarchy, Operation.TREE)
    position = TreePosition(request.GET).values()
    if not rendering.is_partial(request):
        return redirect(_url(hierarchy, "hierarchy", at=position["parent"], after=position["after"]))
    context = {"hierarchy": hierarchy, "branch": _branch(hierarchy, position["parent"], position["after"])}
    return rendering.render_page(request, "hierarchies/branch.html", context)


def _tree(request: HttpRequest, hierarchy: Hierarchy) -> dict[str, Any]:
    """The roots; or a record with those directly below it, and the path to it."""
    position = TreePosition(request.GET).values()
    if not position["at"]:
        return {"branch": _branch(hierarchy, "", position["after"]), "after": position["after"]}
    root = get_object_or_404(hierarchy.records, pk=position["at"])
    return {
        "branch": Branch(rows.prepare_nodes([root], hierarchy)),
        "root": root,
        "inner": _branch(hierarchy, root.pk, position["after"]),
        "ancestors": rows.prepare(trees.ancestors(root), hierarchy),
        "after": position["after"],
    }


def _branch(hierarchy: Hierarchy, parent: str, after: str) -> Branch:
    found = list(rows.children(hierarchy, parent or None, after)[: PAGE_SIZE + 1])
    prepared = rows.prepare_nodes(found[:PAGE_SIZE], hierarchy)
    if len(found) <= PAGE_SIZE:
        return Branch(prepared)
    last = prepared[-1].pk
    return Branch(
        prepared,
        _url(hierarchy, "hierarchy", at=parent, after=last),
        _url(hierarchy, "record-branch", parent=parent, after=last),
    )


def _url(hierarchy: Hierarchy, name: str, **fields: str) -> str:
    query = urlencode({name: value for name, value in fields.items() if value})
    return reverse(name, args=hierarchy.url_args) + (f"?{query}" if query else "")
