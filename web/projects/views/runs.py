"""Runs: the list of a project, and one of them, which follows the run while it lives."""

import hashlib

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts import permissions
from artifacts.aliases import excerpts
from artifacts.models import ArtifactVersion
from core import long_values
from projects.models import Run, State
from web import rendering
from web.projects import history_table
from web.projects.forms import RunFilter
from web.projects.lookups import get_project, get_run

PAGE_SIZE = 50
MAX_VERSIONS = 200


@login_required
@require_safe
def run_list(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project)
    filters = RunFilter(request.GET).values()
    given = {name: value for name, value in filters.items() if value}
    runs = Run.objects.filter(project=project).filter_by(**given).select_related("created_by")
    page = rendering.paginate(request.GET, long_values.defer(runs, ""), PAGE_SIZE)
    context = {
        "project": project,
        "page": page,
        "filters": filters,
        "is_filtered": bool(given),
        "states": State.choices,
    }
    context |= {"tab": "runs", "active_nav": "home"} | permissions.template_flags(project.role)
    return rendering.render_page(request, "projects/run_list.html", context)


@login_required
@require_safe
def run_page(request: HttpRequest, team: str, project: str, name: str) -> HttpResponse:
    """While the run is active, the page polls with the fingerprint that it has `seen`: 204 where nothing is new."""
    run = get_run(request, team, project, name)
    visible = ArtifactVersion.objects.visible_to(request.user).finalized().for_display().order_by("-id")
    visible = long_values.defer(visible, "").prefetch_related(None)
    logged = list(visible.filter(run=run)[:MAX_VERSIONS])
    used = list(visible.filter(usages__run=run)[:MAX_VERSIONS])
    excerpts.attach(version.artifact for version in (*logged, *used))
    fingerprint = _fingerprint(run, [*logged, *used])
    if request.GET.get("seen") == fingerprint:
        return HttpResponse(status=204)
    context = {
        "run": run,
        "project": run.project,
        "logged": logged,
        "used": used,
        "history": history_table.latest(run),
        "fingerprint": fingerprint,
        "active_nav": "home",
    }
    context["is_running"] = run.state == State.RUNNING
    return rendering.render_page(request, "projects/run.html", context)


def _fingerprint(run: Run, versions: list[ArtifactVersion]) -> str:
    """What may change on the page while it is open."""
    state = [run.state, run.summary, run.history_row_count, run.notes, run.tags, run.display_name]
    names = [(str(version.pk), version.artifact.alias_excerpt) for version in versions]
    return hashlib.sha256(repr([state, names]).encode()).hexdigest()[:16]
