"""What is set up for a hierarchy beside its labels: retention with its archives, indexes, and how much there is."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from accounts.models import Role
from hierarchies import archives, data_indexes, restoration, retention_rules, totals
from hierarchies.models import Hierarchy, RecordArchive, RetentionRule
from web import rendering
from web.hierarchies import contexts
from web.hierarchies.lookups import get_hierarchy
from web.hierarchies.settings_forms import DataIndexForm, RetentionRuleForm
from web.rendering import post_data

MAX_ARCHIVES = 20


@login_required
@require_safe
def settings_page(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    """For members of the team; what they may change is for its admins."""
    hierarchy = get_hierarchy(request, role=Role.VIEWER, **url_kwargs)
    context = _context(hierarchy)
    context |= {
        "totals": totals.of(hierarchy),
        "rules": _rules(hierarchy),
        "indexes": hierarchy.data_indexes.order_by("path", "id"),
        "archives": list(hierarchy.archives.order_by("-id")[: MAX_ARCHIVES + 1]) if context["may_manage"] else [],
        "max_archives": MAX_ARCHIVES,
    }
    return rendering.render_page(request, "hierarchies/settings.html", context)


@login_required
@require_safe
def retention_preview(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.EDITOR, **url_kwargs)
    plan = retention_rules.preview(Actor.from_page(request), hierarchy)
    return rendering.render_page(request, "hierarchies/retention_preview.html", _context(hierarchy) | {"plan": plan})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def retention_apply(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.ADMIN, **url_kwargs)
    if request.method == "POST":
        retention_rules.apply_soon(Actor.from_page(request), hierarchy)
        return _done(request, hierarchy, "A worker applies the rules now.")
    message = "A worker deletes now what goes by the rules, as the preview says, instead of within the hour."
    return _ask(request, hierarchy, "Apply retention now?", message, submit_label="Apply")


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rule_new(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.ADMIN, **url_kwargs)
    form = RetentionRuleForm(hierarchy, post_data(request))
    if form.is_valid() and form.attempt(
        retention_rules.create, Actor.from_page(request), hierarchy, **form.cleaned_data
    ):
        return _done(request, hierarchy, "Retention rule added. Workers apply it within the hour.")
    heading = f"New retention rule of {hierarchy.name}"
    return rendering.render_form(request, form, heading, submit_label="Add", back=_url(hierarchy))


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def rule_edit(request: HttpRequest, rule_id: UUID, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.ADMIN, **url_kwargs)
    rule = get_object_or_404(hierarchy.retention_rules, pk=rule_id)
    rule.hierarchy = hierarchy
    form = RetentionRuleForm(hierarchy, post_data(request), initial=RetentionRuleForm.initial_of(rule), rule=rule)
    if form.is_valid() and form.attempt(retention_rules.update, Actor.from_page(request), rule, **form.cleaned_data):
        return _done(request, hierarchy, "Saved.")
    where = "all other levels" if rule.level is None else f"level {rule.level} ({hierarchy.label_of(rule.level)})"
    heading = f"Retention of {where}"
    return rendering.render_form(request, form, heading, submit_label="Save", back=_url(hierarchy))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rule_delete(request: HttpRequest, rule_id: UUID, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.ADMIN, **url_kwargs)
    rule = get_object_or_404(hierarchy.retention_rules, pk=rule_id)
    rule.hierarchy = hierarchy
    if request.method == "POST":
        retention_rules.delete(Actor.from_page(request), rule)
        return _done(request, hierarchy, "Retention rule deleted.")
    message = "Nothing more is deleted by it. What it deleted stays deleted."
    return _ask(request, hierarchy, "Delete this retention rule?", message, submit_label="Delete", danger=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def archive_restore(request: HttpRequest, archive_id: UUID, **url_kwargs: str) -> HttpResponse:
    hierarchy, archive = _get_archive(request, archive_id, **url_kwargs)
    if request.method == "POST":
        result = restoration.restore(Actor.from_page(request), archive)
        skipped = f" {result.skipped:,} are there already." if result.skipped else ""
        return _done(request, hierarchy, f"{result.restored:,} of {archive.record_count:,} records restored.{skipped}")
    message = (
        "Its records come back under the parents that they had, with their ids, times and payloads. By the same rules "
        "they would go again: change those first."
    )
    return _ask(request, hierarchy, f"Restore {archive}?", message, submit_label="Restore")


@login_required
@require_safe
def archive_download(request: HttpRequest, archive_id: UUID, **url_kwargs: str) -> HttpResponse:
    _, archive = _get_archive(request, archive_id, **url_kwargs)
    return redirect(archives.url(Actor.from_page(request), archive))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def archive_delete(request: HttpRequest, archive_id: UUID, **url_kwargs: str) -> HttpResponse:
    hierarchy, archive = _get_archive(request, archive_id, **url_kwargs)
    if request.method == "POST":
        archives.delete(Actor.from_page(request), archive)
        return _done(request, hierarchy, "Archive deleted.")
    message = "What is in it can no longer be restored. This action cannot be undone."
    heading = f"Delete the archive of {archive}?"
    return _ask(request, hierarchy, heading, message, submit_label="Delete", danger=True)


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def index_new(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.ADMIN, **url_kwargs)
    form = DataIndexForm(post_data(request))
    if form.is_valid() and form.attempt(
        data_indexes.create, Actor.from_page(request), hierarchy, form.cleaned_data["path"]
    ):
        return _done(request, hierarchy, "A worker builds the index.")
    heading = f"New index on data of {hierarchy.name}"
    return rendering.render_form(request, form, heading, submit_label="Add", back=_url(hierarchy))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def index_delete(request: HttpRequest, index_id: UUID, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.ADMIN, **url_kwargs)
    index = get_object_or_404(hierarchy.data_indexes, pk=index_id)
    index.hierarchy = hierarchy
    if request.method == "POST":
        data_indexes.delete(Actor.from_page(request), index)
        return _done(request, hierarchy, f"Index on {index.path} deleted.")
    message = "Filters on it go on to work, and take longer where there are many records."
    return _ask(request, hierarchy, f"Delete the index on {index.path}?", message, submit_label="Delete", danger=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def index_retry(request: HttpRequest, index_id: UUID, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.ADMIN, **url_kwargs)
    index = get_object_or_404(hierarchy.data_indexes, pk=index_id)
    index.hierarchy = hierarchy
    if request.method == "POST":
        data_indexes.retry(Actor.from_page(request), index)
        return _done(request, hierarchy, "A worker builds the index.")
    message = f"The last time: {index.error}" if index.error else ""
    return _ask(request, hierarchy, f"Build the index on {index.path} again?", message, submit_label="Build")


def _context(hierarchy: Hierarchy) -> dict[str, Any]:
    return contexts.hierarchy_context(hierarchy) | {"is_inside": True}


def _rules(hierarchy: Hierarchy) -> list[tuple[str, RetentionRule]]:
    """Each with what its level is called, the one of all others last."""
    rules = sorted(hierarchy.retention_rules.all(), key=lambda rule: (rule.level is None, rule.level or 0))
    names = ["All other levels" if rule.level is None else hierarchy.label_of(rule.level) for rule in rules]
    return list(zip(names, rules, strict=True))


def _get_archive(request: HttpRequest, archive_id: UUID, **url_kwargs: str) -> tuple[Hierarchy, RecordArchive]:
    hierarchy = get_hierarchy(request, role=Role.ADMIN, **url_kwargs)
    archive = get_object_or_404(hierarchy.archives.select_related("blob_hold__blob__object"), pk=archive_id)
    archive.hierarchy = hierarchy
    return hierarchy, archive


def _ask(request: HttpRequest, hierarchy: Hierarchy, heading: str, message: str, **options: Any) -> HttpResponse:
    return rendering.render_form(request, None, heading, message, back=_url(hierarchy), **options)


def _done(request: HttpRequest, hierarchy: Hierarchy, message: str) -> HttpResponse:
    return rendering.redirect_with_message(request, message, _url(hierarchy))


def _url(hierarchy: Hierarchy) -> str:
    return reverse("hierarchy-settings", args=hierarchy.url_args)
