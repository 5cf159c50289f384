"""Runs: the list of a project, and one of them, which follows the run while it lives."""

import hashlib

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts.aliases import excerpts
from artifacts.lineage import usages
from artifacts.models import ArtifactVersion
from artifacts.selection import delete_runs, tag_runs
from core import long_values
from projects import runs
from projects.models import Run, State
from web import rendering, selection, tables
from web.projects import history_table
from web.projects.forms import RunEditForm, RunFilter
from web.projects.lookups import get_project, get_run
from web.rendering import post_data

PAGE_SIZE = 50
MAX_VERSIONS = 200
_FIELDS = ("config", "summary")
# Ids grow with time.
_ORDERINGS = {"name": "name", "state": "state", "job_type": "job_type", "started": "pk"}
_COLUMNS = (
    ("name", "Name", ""),
    ("state", "State", "tight"),
    ("job_type", "Job type", "medium"),
    ("", "Tags", "wide"),
    ("", "Duration", "number tight medium"),
    ("started", "Started", "number tight"),
)


@login_required
@require_safe
def run_list(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project)
    form = RunFilter(request.GET)
    filters = form.values()
    given = {name: value for name, value in filters.items() if value and name != "q"}
    view = _view(request)
    rows = Run.objects.filter(project=project).filter_by(**given)
    rows = tables.sort(form.narrow(request.user, "runs", rows, project=project), view, _ORDERINGS).select_related(
        "created_by"
    )
    is_filtered = any(filters.values())
    page = rendering.paginate(
        request.GET, long_values.defer(rows, ""), PAGE_SIZE, is_filtered=is_filtered and not view.is_partial
    )
    page.object_list = list(page)
    tables.fill(page.object_list, view)
    context = {
        "project": project,
        "page": page,
        "filters": filters,
        "query": form.query,
        "view": view,
        "sort": view.sort,
        "columns": _COLUMNS,
        "headers": tables.headers(view, request.GET),
        "picker_url": f"{reverse('run-columns', args=project.url_args)}?{request.GET.urlencode()}",
        "is_filtered": is_filtered,
        "states": State.choices,
    }
    context |= {"tab": "runs", "active_nav": "home"} | permissions.template_flags(project.role)
    status = 422 if form.query["fault"] else 200
    return rendering.render_page(request, "projects/run_list.html", context, status=status)


@login_required
@require_safe
def run_columns(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """Which columns of config and summary the table of runs has."""
    project = get_project(request, team, project)
    rows = long_values.defer(Run.objects.filter(project=project), "").order_by("-id")[:PAGE_SIZE]
    url = reverse("project-runs", args=project.url_args)
    return rendering.render_column_picker(request, tables.keys(list(rows), _FIELDS), _view(request), url)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tag_selected(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """Add tags to the runs that were ticked, or remove them."""
    project = get_project(request, team, project, role=Role.EDITOR)
    back = reverse("project-runs", args=project.url_args)
    items = selection.items(request, Run.objects.filter(project=project).for_display().order_by("-id"))
    if not items:
        return selection.nothing_selected(request, back)
    form = selection.TagsForm(post_data(request))
    if form.is_valid():
        return selection.respond(
            request, tag_runs(Actor.from_page(request), items, **form.cleaned_data), "tagged", back
        )
    rows = [selection.Row(item, ", ".join(item.tags) or "no tags") for item in items]
    heading = f"Tag {len(items)} run{pluralize(len(items))}"
    return selection.render_confirmation(request, form, rows, heading, back, message="Tags now:", submit_label="Save")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete_selected(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project, role=Role.EDITOR)
    back = reverse("project-runs", args=project.url_args)
    items = selection.items(request, Run.objects.filter(project=project).for_display().order_by("-id"))
    if not items:
        return selection.nothing_selected(request, back)
    form = selection.NoForm(post_data(request))
    if form.is_valid():
        return selection.respond(request, delete_runs(Actor.from_page(request), items), "deleted", back)
    rows = [selection.Row(item, f"{item.title} · {item.get_state_display()}") for item in items]
    heading = f"Delete {len(items)} run{pluralize(len(items))}?"
    message = (
        "Deletes their config, summary, history and files, and the record of what they used. The versions that they "
        "logged stay. This action cannot be undone."
    )
    context = {"message": message, "submit_label": "Delete", "danger": True}
    return selection.render_confirmation(request, form, rows, heading, back, **context)


@login_required
@require_safe
def run_page(request: HttpRequest, team: str, project: str, name: str) -> HttpResponse:
    """While the run is active, the page polls with the fingerprint that it has `seen`: 204 where nothing is new."""
    run = get_run(request, team, project, name)
    visible = ArtifactVersion.objects.visible_to(request.user).finalized().for_display().order_by("-id")
    visible = long_values.defer(visible, "").prefetch_related(None)
    logged = list(visible.filter(run=run)[:MAX_VERSIONS])
    used = list(usages.versions_used(run, visible)[:MAX_VERSIONS])
    excerpts.attach(version.artifact for version in (*logged, *used))
    fingerprint = _fingerprint(run, [*logged, *used])
    if request.GET.get("seen") == fingerprint:
        return HttpResponse(status=204)
    context = {
        "run": run,
        "project": run.project,
        "tab": "overview",
        "logged": logged,
        "used": used,
        "history": history_table.latest(run),
        # Clients keep their own values under such names.
        "summary": {name: value for name, value in run.summary.items() if not name.startswith("_")},
        "fingerprint": fingerprint,
        "active_nav": "home",
        "is_running": run.state == State.RUNNING,
    } | permissions.template_flags(run.role)
    return rendering.render_page(request, "projects/run.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    run = get_run(request, role=Role.EDITOR, **url_kwargs)
    form = RunEditForm(post_data(request), initial=RunEditForm.initial_of(run))
    if form.is_valid():
        runs.update(Actor.from_page(request), run, **form.changes())
        return rendering.redirect_with_message(request, "Saved.", run)
    return rendering.render_form(request, form, f"Edit {run.title}", submit_label="Save", back=run)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    run = get_run(request, role=Role.EDITOR, **url_kwargs)
    if request.method == "POST":
        runs.delete(Actor.from_page(request), run)
        return rendering.redirect_with_message(
            request, f"Run {run.title} deleted.", "project-runs", *run.project.url_args
        )
    message = (
        "Deletes its config, summary, history and files, and the record of what it used. The versions that it logged "
        "stay. This action cannot be undone."
    )
    options = {"submit_label": "Delete", "back": run, "danger": True}
    return rendering.render_form(request, None, f"Delete run {run.title}?", message, **options)


def _view(request: HttpRequest) -> tables.View:
    return tables.chosen(request.GET, _FIELDS, _ORDERINGS, "-started")


def _fingerprint(run: Run, versions: list[ArtifactVersion]) -> str:
    """What may change on the page while it is open."""
    state = [run.state, run.summary, run.history_row_count, run.notes, run.tags, run.display_name]
    state += [run.exit_code, run.error]
    names = [
        (str(version.pk), version.artifact.alias_excerpt, getattr(version, "requested_as", None))
        for version in versions
    ]
    return hashlib.sha256(repr([state, names]).encode()).hexdigest()[:16]
