"""A run, on a page that follows it while it lives."""

import hashlib
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.actor import Actor
from accounts.models import Role
from artifacts.aliases import excerpts
from artifacts.lineage import usages
from artifacts.models import ArtifactVersion
from core import long_values
from projects import runs
from projects.models import Run
from web import rendering
from web.projects.lookups import get_run
from web.rendering import post_data
from web.runs import history_table, tabs
from web.runs.forms import RunEditForm

MAX_VERSIONS = 200


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
    context = tabs.context(run, "overview")
    fingerprint = _fingerprint(run, [*logged, *used], context["tabs"])
    if request.GET.get("seen") == fingerprint:
        return HttpResponse(status=204)
    context |= {
        "logged": logged,
        "used": used,
        "history": history_table.latest(run),
        "summary": {name: value for name, value in run.summary.items() if _is_shown(name, value)},
        "fingerprint": fingerprint,
    }
    return rendering.render_page(request, "runs/overview.html", context)


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
def stop(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    run = get_run(request, role=Role.EDITOR, **url_kwargs)
    if request.method == "POST":
        runs.stop(Actor.from_page(request), run)
        return rendering.redirect_with_message(request, "The program was asked to stop.", run)
    message = (
        "Its program learns it when it sends something next, as a rule within seconds, and is interrupted as by "
        "Ctrl-C. What it logged stays."
    )
    return rendering.render_form(request, None, f"Stop run {run.title}?", message, submit_label="Stop", back=run)


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


def _is_shown(name: str, value: Any) -> bool:
    """Not what clients keep for themselves, nor the records of media, which have a tab of their own."""
    return not name.startswith("_") and not (isinstance(value, dict) and "_type" in value)


def _fingerprint(run: Run, versions: list[ArtifactVersion], shown_tabs: list[tabs.Tab]) -> str:
    """What may change on the page while it is open."""
    state = [run.state, run.summary, run.history_row_count, run.notes, run.tags, run.display_name]
    state += [run.exit_code, run.error, run.stop_requested]
    names = [
        (str(version.pk), version.artifact.alias_excerpt, getattr(version, "requested_as", None))
        for version in versions
    ]
    return hashlib.sha256(repr([state, names, [tab.name for tab in shown_tabs]]).encode()).hexdigest()[:16]
