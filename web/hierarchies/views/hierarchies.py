"""The hierarchies of a project: their list, and making, changing and deleting one."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models.functions import Left, Lower
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from core.long_values import EXCERPT_LENGTH
from hierarchies import hierarchies
from hierarchies.models import Hierarchy
from web import rendering, tables
from web.forms import ConfirmNameForm
from web.hierarchies.forms import HierarchyForm
from web.hierarchies.lookups import get_hierarchy
from web.hierarchies.rows import level_labels
from web.projects.lookups import get_project
from web.rendering import post_data

PAGE_SIZE = 50
# Of the labels that a row shows.
MAX_LABELS = 4
_ORDERINGS = {"name": Lower("name"), "records": "record_count", "updated": "updated_at"}
_COLUMNS = (
    ("name", "Hierarchy", ""),
    ("", "Levels", "medium"),
    ("records", "Records", "number tight"),
    ("", "Access", "tight medium"),
    ("updated", "Updated", "number tight"),
)


@login_required
@require_safe
def hierarchy_list(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project)
    view = tables.chosen(request.GET, (), _ORDERINGS, "name")
    rows = Hierarchy.objects.filter(project=project).annotate(excerpt=Left("description", EXCERPT_LENGTH))
    page = rendering.paginate(request.GET, tables.sort(rows.defer("description"), view, _ORDERINGS), PAGE_SIZE)
    page.object_list = list(page)
    for hierarchy in page.object_list:
        hierarchy.project = project
        hierarchy.first_labels, hierarchy.more_labels = level_labels(hierarchy, MAX_LABELS)
    context = {
        "project": project,
        "page": page,
        "sort": view.sort,
        "columns": _COLUMNS,
        "tab": "records",
        "active_nav": "home",
    } | permissions.template_flags(project.role)
    return rendering.render_page(request, "hierarchies/hierarchy_list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def hierarchy_new(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project, role=Role.EDITOR)
    form = HierarchyForm(post_data(request))
    if project.role != Role.ADMIN:
        form.keep_access()
    if form.is_valid():
        made = form.attempt(hierarchies.create, Actor.from_page(request), project, **form.arguments)
        if made:
            return rendering.redirect_with_message(request, f"Hierarchy {made.name} created.", made)
    back = reverse("project-records", args=project.url_args)
    return _render_form(request, form, "New hierarchy", submit_label="Create", back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def hierarchy_edit(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.EDITOR, **url_kwargs)
    heading, back = f"Edit {hierarchy.name}", hierarchy.get_absolute_url()
    form = HierarchyForm(post_data(request), initial=HierarchyForm.initial_of(hierarchy))
    if hierarchy.role != Role.ADMIN:
        form.keep_access()
    if form.is_valid():
        changed = form.attempt(hierarchies.update, Actor.from_page(request), hierarchy, **form.arguments)
        if changed:
            return rendering.redirect_with_message(request, "Saved.", changed)
    return _render_form(request, form, heading, submit_label="Save", back=back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def hierarchy_delete(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    hierarchy = get_hierarchy(request, role=Role.EDITOR, **url_kwargs)
    form = ConfirmNameForm(hierarchy.name, post_data(request))
    form.fields["name"].label = "Type the name to confirm"
    back = reverse("project-records", args=hierarchy.project.url_args)
    if form.is_valid():
        hierarchies.delete(Actor.from_page(request), hierarchy)
        return rendering.redirect_with_message(request, f"Hierarchy {hierarchy.name} deleted.", back)
    message = (
        f"Its records, {hierarchy.record_count:,} of them, will be deleted with all their data. "
        "This action cannot be undone."
    )
    options = {"submit_label": "Delete", "back": hierarchy, "danger": True}
    return rendering.render_form(request, form, f"Delete hierarchy {hierarchy.name}?", message, **options)


def _render_form(request: HttpRequest, form: HierarchyForm, heading: str, **context: Any) -> HttpResponse:
    context |= {"form": form, "heading": heading, "active_nav": "home"}
    status = 422 if form.is_bound else 200
    return rendering.render_page(request, "hierarchies/hierarchy_form.html", context, status=status)
