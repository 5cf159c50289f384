"""The runs of a project, and what is done with those that were ticked."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts.selection import delete_runs, tag_runs
from core import long_values
from projects.models import Run, State
from web import rendering, selection, tables
from web.projects.lookups import get_project
from web.rendering import post_data
from web.runs.forms import RunFilter

PAGE_SIZE = 50
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
    return rendering.render_page(request, "runs/list.html", context, status=status)


@login_required
@require_safe
def columns(request: HttpRequest, team: str, project: str) -> HttpResponse:
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


def _view(request: HttpRequest) -> tables.View:
    return tables.chosen(request.GET, _FIELDS, _ORDERINGS, "-started")
