"""The runs of a project, and what is done with those that were ticked."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts.content import downloads
from artifacts.selection import delete_runs, tag_runs
from core import errors, long_values
from projects.models import Project, Run, State
from web import rendering, selection, tables
from web.projects.lookups import get_project
from web.rendering import post_data
from web.runs import run_csv, run_groups, run_table
from web.runs.comparison import MAX_COMPARED
from web.runs.run_table import RunTable

PAGE_SIZE = 50
# What is grouped by is offered from the config of so many runs, the newest.
_OFFERED_OF = 50


@login_required
@require_safe
def run_list(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """The runs, or the groups that they are in."""
    project = get_project(request, team, project)
    table = run_table.of(request.user, project, request.GET)
    query = request.GET.urlencode()
    context = {
        "project": project,
        "table": table,
        "filters": table.filters,
        "query": table.form.query,
        "view": table.view,
        "headers": tables.headers(table.view, request.GET),
        "picker_url": f"{reverse('run-columns', args=project.url_args)}?{query}",
        "grouping_url": f"{reverse('run-grouping', args=project.url_args)}?{query}",
        "csv_url": f"{reverse('runs-csv', args=project.url_args)}?{query}",
        "is_filtered": table.is_filtered,
        "states": State.choices,
        "compare_ticks": f"2-{MAX_COMPARED}",
    }
    context |= _groups(table) if table.group_by else _runs(table)
    context |= {"tab": "runs", "active_nav": "home"} | permissions.template_flags(project.role)
    status = 422 if table.form.query["fault"] else 200
    return rendering.render_page(request, "runs/list.html", context, status=status)


def _runs(table: RunTable) -> dict[str, Any]:
    rows = long_values.defer(table.sorted().with_client().select_related("created_by"), "")
    is_filtered = table.is_filtered and not table.view.is_partial
    page = rendering.paginate(table.query, rows, PAGE_SIZE, is_filtered=is_filtered)
    page.object_list = list(page)
    tables.fill(page.object_list, table.view)
    return {
        "page": page,
        "sort": table.view.sort,
        "columns": run_table.COLUMNS,
        "has_mixed_types": table.has_mixed_types(),
        "is_beyond_search": _is_beyond_search(page.object_list, table.view),
    }


def _is_beyond_search(runs: list[Run], view: tables.View) -> bool:
    """Whether a run has a value in the column that sorts the table, which the search does not know of."""
    column = next((column for column in view.columns if column.name == view.sort_column), None)
    return column is not None and any(
        run.sort_text is None and column.of(run) is not tables.ABSENT and column.of(run) not in ({}, []) for run in runs
    )


def _groups(table: RunTable) -> dict[str, Any]:
    """All groups are counted, and of those on the page the numbers of the columns that are shown."""
    view = run_groups.view(table.query)
    grouping = run_groups.group(table.rows, table.group_by)
    sorted_by = run_groups.with_sorting([], view.sort)
    found = run_groups.statistics(grouping, table.project, sorted_by)
    values = run_groups.order(grouping, view.sort, found)
    page = rendering.paginate_list(table.query, values, PAGE_SIZE, run_groups.PREFIX)
    columns = [column for column in table.view.columns if column not in sorted_by]
    found |= run_groups.statistics(grouping, table.project, columns, page.object_list)
    page.object_list = run_groups.fill(grouping, page.object_list, table.view.columns, found)
    columns = [("value", run_groups.title(table.group_by), ""), ("runs", "Runs", "number tight")]
    columns += [(column.name, column.title, "number") for column in table.view.columns]
    return {
        "page": page,
        "sort": view.sort,
        "columns": columns,
        "grouping": grouping,
        "table_prefix": run_groups.PREFIX,
        "group_title": run_groups.title(table.group_by),
    }


@login_required
@require_safe
def runs_csv(request: HttpRequest, team: str, project: str) -> StreamingHttpResponse:
    """All rows of the table, or its groups. Refused where too many downloads pass through this server."""
    project = get_project(request, team, project)
    table = run_table.of(request.user, project, request.GET)
    if table.form.query["fault"]:
        raise errors.Invalid(table.form.query["fault"])
    person = str(request.user.pk)
    downloads.require_slot(person)
    chunks = downloads.stream(person, run_csv.chunks(table))
    response = StreamingHttpResponse(chunks, content_type="text/csv; charset=utf-8")
    response["Cache-Control"] = "private, no-store"
    name = f"{project.name}-{'groups' if table.group_by else 'runs'}.csv"
    response["Content-Disposition"] = content_disposition_header(True, name)
    return response


@login_required
@require_safe
def columns(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """Which columns of config and summary the table of runs has."""
    project = get_project(request, team, project)
    url = reverse("project-runs", args=project.url_args)
    keys = tables.keys(_newest(project), run_table.FIELDS)
    return rendering.render_column_picker(request, keys, run_table.view(request.GET), url)


@login_required
@require_safe
def grouping(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """By what the table of runs is grouped: a column, or a key of their config."""
    project = get_project(request, team, project)
    chosen = run_groups.clean_key(request.GET.get("group_by", ""))
    keys = dict.fromkeys([*run_groups.COLUMNS, *filter(None, [chosen]), *tables.keys(_newest(project), ("config",))])
    left_out = ("group_by", "other_key", "page", f"{run_groups.PREFIX}page", f"{run_groups.PREFIX}sort")
    context = {
        "offered": [(key, run_groups.title(key), key == chosen) for key in keys],
        "chosen": chosen,
        "kept": [(name, value) for name, values in request.GET.lists() if name not in left_out for value in values],
        "list_url": reverse("project-runs", args=project.url_args),
    }
    return rendering.render_page(request, "runs/grouping.html", context)


def _newest(project: Project) -> list[Run]:
    return list(long_values.defer(Run.objects.filter(project=project), "").order_by("-id")[:_OFFERED_OF])


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
