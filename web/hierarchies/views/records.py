"""One record: its page, and making, changing, moving and deleting it."""

import json
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from accounts.models import Role
from hierarchies import access, records, trees
from hierarchies.models import Hierarchy, Operation, Record, RecordPayload
from hierarchies.record_specs import RecordSpec
from wanllmdb.records.typed_data import SCHEMAS
from web import rendering
from web.hierarchies import contexts, data_tree, downloads, frames, references, rows, snippets, typed_cards, whole_data
from web.hierarchies.forms import DeleteRecordForm, MoveForm, ParentFilter, RecordForm, TreePosition
from web.hierarchies.lookups import get_hierarchy, get_record, login_unless_public
from web.rendering import post_data

MAX_PARENTS = 20


@login_unless_public
@require_safe
def record_page(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    record = get_record(request, **url_kwargs)
    hierarchy = record.hierarchy
    access.require(Actor.from_page(request), hierarchy, Operation.READ)
    rows.prepare([record], hierarchy)
    context = contexts.hierarchy_context(hierarchy) | {"record": record}
    if not hierarchy.is_on(Operation.LIST):
        context["is_list_off"] = True
    else:
        context |= contexts.record_table(request.GET, hierarchy, rows.children(hierarchy, record.pk))
    if not rendering.is_partial(request):
        context |= _details(request, record)
    return rendering.render_page(request, "hierarchies/record.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record_new(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """A root, or a record below the `parent` of the query string."""
    hierarchy = get_hierarchy(request, role=Role.EDITOR, **url_kwargs)
    parent_id = TreePosition(request.GET).values()["parent"] or None
    parent = get_object_or_404(hierarchy.records, pk=parent_id) if parent_id else None
    actor = Actor.from_page(request)
    access.require(actor, hierarchy, Operation.CREATE)
    form = RecordForm(post_data(request))
    if form.is_valid():
        spec = RecordSpec(**form.cleaned_data, parent_id=parent_id)
        if made := form.attempt(records.create, actor, hierarchy, spec):
            made.hierarchy = hierarchy
            return rendering.redirect_with_message(request, "Record created.", made)
    label = hierarchy.label_of(parent.level + 1 if parent else 0)
    place = f"{label}, below {rows.prepare([parent], hierarchy)[0].title}" if parent else label
    context = {"heading": "New record", "place": place, "submit_label": "Create", "back": _url(parent or hierarchy)}
    return _render_form(request, hierarchy, form, **context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record_edit(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    record = get_record(request, role=Role.EDITOR, **url_kwargs)
    actor = Actor.from_page(request)
    access.require(actor, record.hierarchy, Operation.UPDATE)
    form = RecordForm(post_data(request), initial=RecordForm.initial_of(record))
    if record.has_stored_data:
        form.keep_data()
    if form.is_valid() and form.attempt(records.update, actor, record, **form.cleaned_data):
        return rendering.redirect_with_message(request, "Saved.", record)
    title = rows.prepare([record], record.hierarchy)[0].title
    context = {"record": record, "heading": f"Edit {title}", "submit_label": "Save", "back": _url(record)}
    return _render_form(request, record.hierarchy, form, **context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record_move(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """Under another record, which is looked for with `q`, or to the top level."""
    record = get_record(request, role=Role.EDITOR, **url_kwargs)
    hierarchy, actor = record.hierarchy, Actor.from_page(request)
    access.require(actor, hierarchy, Operation.UPDATE)
    rows.prepare([record], hierarchy)
    form = MoveForm(hierarchy, post_data(request))
    if form.is_valid() and form.attempt(records.move, actor, record, form.cleaned_data["parent"]):
        return rendering.redirect_with_message(request, f"{record.title} moved.", record)
    search = ParentFilter(record, request.GET)
    found = list(search.parents()[: MAX_PARENTS + 1])
    context = contexts.hierarchy_context(hierarchy) | {
        "record": record,
        "form": form,
        "heading": f"Move {record.title}",
        "query": search.query,
        "parents": rows.prepare(found[:MAX_PARENTS], hierarchy),
        "has_more": len(found) > MAX_PARENTS,
        "chosen": form.data.get("parent", ""),
        "back": _url(record),
    }
    status = 422 if form.is_bound else 200
    return rendering.render_page(request, "hierarchies/record_move.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def record_delete(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    record = get_record(request, role=Role.EDITOR, **url_kwargs)
    hierarchy, actor = record.hierarchy, Actor.from_page(request)
    access.require(actor, hierarchy, Operation.DELETE)
    rows.prepare_nodes([record], hierarchy)
    form = DeleteRecordForm(record.child_count_text if record.child_count else "", post_data(request))
    if form.is_valid() and form.delete(actor, record):
        parent = record.parent_id and Record(pk=record.parent_id, hierarchy=hierarchy)
        return rendering.redirect_with_message(request, f"{record.title} deleted.", _url(parent or hierarchy))
    message = "Its data will be deleted. This action cannot be undone."
    options = {"submit_label": "Delete", "back": _url(record), "danger": True}
    return rendering.render_form(request, form, f"Delete {record.title}?", message, **options)


def _details(request: HttpRequest, record: Record) -> dict[str, Any]:
    """What the page has besides the table of the records below."""
    base_url = request.build_absolute_uri("/").rstrip("/")
    data, is_whole = whole_data.read(record)
    # Long data has none to copy: it is downloaded.
    text = "" if record.has_stored_data else json.dumps(data, indent=2, ensure_ascii=False)
    return {
        "ancestors": rows.prepare(trees.ancestors(record), record.hierarchy),
        "card": typed_cards.of(record.type, data),
        "frames": frames.find(data),
        "payloads": _payloads(record),
        "data_rows": data_tree.rows(data),
        "data_text": text,
        "is_whole": is_whole,
        "references": references.of(request.user, record),
        "snippets": snippets.of_record(record, base_url),
        "tree_url": f"{reverse('hierarchy', args=record.hierarchy.url_args)}?at={record.pk}",
    }


def _payloads(record: Record) -> list[RecordPayload]:
    payloads = list(record.payloads.all())
    for payload in payloads:
        payload.record = record
        payload.downloads = downloads.of(payload)
    return payloads


def _render_form(request: HttpRequest, hierarchy: Hierarchy, form: RecordForm, **context: Any) -> HttpResponse:
    context |= contexts.hierarchy_context(hierarchy) | {"form": form, "known_types": SCHEMAS, "is_inside": True}
    status = 422 if form.is_bound else 200
    return rendering.render_page(request, "hierarchies/record_form.html", context, status=status)


def _url(thing: Hierarchy | Record) -> str:
    return thing.get_absolute_url()
