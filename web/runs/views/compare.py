"""Runs that were ticked, side by side."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from core import long_values
from projects.models import Project, Run
from web import rendering, selection, tables
from web.projects.lookups import get_project
from web.runs import comparison, comparison_charts, line_chart, parallel_coordinates
from web.runs.comparison import MAX_COMPARED
from web.runs.parallel_coordinates import MAX_AXES
from web.runs.run_table import FIELDS
from web.tables import Column

# Axes that nobody has chosen.
_CONFIG_AXES, _SUMMARY_AXES = 5, 1


@login_required
@require_safe
def compare(request: HttpRequest, team: str, project: str) -> HttpResponse:
    """Config and summary of up to `MAX_COMPARED` runs, and a line of each through the values of chosen keys."""
    project = get_project(request, team, project)
    selected = _selected(request, project)
    if len(selected) < 2:
        back = reverse("project-runs", args=project.url_args)
        return selection.nothing_selected(request, back, "Select at least two runs to compare.")
    runs = selected[:MAX_COMPARED]
    long_values.load(runs)
    differing_only = request.GET.get("differing") == "on"
    axes = _axes(request.GET) or _default_axes(runs)
    context = {
        "project": project,
        "runs": [(run, line_chart.style(index), _url_without(request.GET, run)) for index, run in enumerate(runs)],
        "left_out": len(selected) - len(runs),
        # What the forms of the page send on.
        "kept": list(request.GET.lists()),
        "differing_only": differing_only,
        "charts": comparison_charts.of(runs, request.GET),
        "facts": comparison.facts(runs, differing_only=differing_only),
        "values": [comparison.values(runs, field, differing_only=differing_only) for field in FIELDS],
        "picture": _picture(runs, axes),
        "offered_axes": _offered_axes(runs, axes),
        "max_axes": MAX_AXES,
        "tab": "runs",
        "active_nav": "home",
    }
    return rendering.render_page(request, "runs/compare.html", context)


def _selected(request: HttpRequest, project: Project) -> list[Run]:
    """The runs that were ticked, newest first, without long values."""
    rows = Run.objects.filter(project=project, pk__in=selection.ids(request)).select_related("created_by")
    found = list(rows.defer(*Run.LONG_VALUES, "system_metrics").order_by("-id"))
    for run in found:
        run.project = project
    return found


def _axes(query: QueryDict) -> list[Column]:
    names = dict.fromkeys(name for name in query.getlist("axis") if tables.is_column(name, FIELDS))
    return [Column(name) for name in list(names)[:MAX_AXES]]


def _default_axes(runs: list[Run]) -> list[Column]:
    """The first keys of the config that differ, and the first of the summary."""
    config = comparison.differing_keys(runs, "config")[:_CONFIG_AXES]
    summary = comparison.differing_keys(runs, "summary")[:_SUMMARY_AXES]
    names = [*(f"config.{key}" for key in config), *(f"summary.{key}" for key in summary)]
    return [Column(name) for name in names if tables.is_column(name, FIELDS)]


def _picture(runs: list[Run], axes: list[Column]) -> parallel_coordinates.ParallelCoordinates | None:
    if len(axes) < 2:
        return None
    styles = [line_chart.style(index) for index in range(len(runs))]
    return parallel_coordinates.draw(runs, axes, [run.title for run in runs], styles)


def _offered_axes(runs: list[Run], chosen: list[Column]) -> list[tuple[str, bool]]:
    """Keys of these runs, those first that are axes."""
    names = [column.name for column in chosen]
    offered = [key for key in tables.keys_of(runs, FIELDS) if not key.startswith("summary._")]
    return [(name, name in names) for name in dict.fromkeys([*names, *offered])]


def _url_without(query: QueryDict, run: Run) -> str:
    """Of the same comparison without the run."""
    others = query.copy()
    others.setlist("item", [item for item in query.getlist("item") if item != str(run.pk)])
    return f"?{others.urlencode()}"
