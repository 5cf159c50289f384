"""Runs: the list of a project, and one of them, which follows the run while it lives."""

import hashlib

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts import permissions
from artifacts.models import ArtifactVersion
from projects.models import Run, State
from web import rendering
from web.projects.forms import RunFilter
from web.projects.lookups import get_project, get_run

PAGE_SIZE = 50
VERSIONS_SHOWN = 200


@login_required
@require_safe
def run_list(request: HttpRequest, team: str, project: str) -> HttpResponse:
    found = get_project(request, team, project)
    asked = RunFilter(request.GET).values()
    given = {name: value for name, value in asked.items() if value}
    runs = Run.objects.filter(project=found).matching(**given).select_related("created_by")
    page = rendering.paginate(request, runs, PAGE_SIZE)
    context = {"project": found, "page": page, "asked": asked, "is_filtered": bool(given), "states": State.choices}
    context |= {"tab": "runs", "place": "home"} | permissions.template_flags(found.role)
    return rendering.render_page(request, "projects/run_list.html", context)


@login_required
@require_safe
def run_page(request: HttpRequest, team: str, project: str, name: str) -> HttpResponse:
    """A page that asks again while the run lives says what it has `seen`; if that is all there is, it gets nothing."""
    run = get_run(request, team, project, name)
    visible = ArtifactVersion.objects.visible_to(request.user).finalized().for_display().order_by("-id")
    logged = list(visible.filter(run=run)[:VERSIONS_SHOWN])
    used = list(visible.filter(usages__run=run)[:VERSIONS_SHOWN])
    seen = _fingerprint(run, [*logged, *used])
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    context = {"run": run, "project": run.project, "logged": logged, "used": used, "seen": seen, "place": "home"}
    context["lives"] = run.state == State.RUNNING
    return rendering.render_page(request, "projects/run.html", context)


def _fingerprint(run: Run, versions: list[ArtifactVersion]) -> str:
    """What may change on the page while it is open."""
    said = [run.state, run.summary, run.notes, run.tags, run.display_name]
    names = [(str(version.pk), [alias.alias for alias in version.aliases.all()]) for version in versions]
    return hashlib.sha256(repr([said, names]).encode()).hexdigest()[:16]
