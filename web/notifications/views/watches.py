"""What the reader watches, and beginning and ending that."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actor import Actor
from accounts.models import Team
from artifacts.models import Artifact
from core import mail
from notifications import digests, watches
from notifications.models import Watch
from projects.models import Project
from web import rendering, tables
from web.accounts.lookups import get_team
from web.artifacts.lookups import get_artifact
from web.notifications.forms import WatchForm
from web.projects.lookups import get_project

PAGE_SIZE = 50
# Ids grow with time.
_ORDERINGS = {"target": "target_name", "aliases": "pattern", "email": "by_email", "since": "pk"}
_COLUMNS = (
    ("target", "Target", ""),
    ("aliases", "Aliases", "tight"),
    ("email", "E-mail", "tight medium"),
    ("since", "Since", "number tight medium"),
)


@login_required
@require_safe
def watch_list(request: HttpRequest) -> HttpResponse:
    view = tables.chosen(request.GET, (), _ORDERINGS, "-since")
    rows = Watch.objects.visible_to(request.user).for_display().with_target_name()
    page = rendering.paginate(request.GET, tables.sort(rows, view, _ORDERINGS), PAGE_SIZE)
    context = {"page": page, "tab": "watches", "active_nav": "inbox", "digest": digests.frequency_of(request.user)}
    context |= {"sort": view.sort, "columns": _COLUMNS}
    return rendering.render_page(request, "notifications/watches.html", context)


@login_required
@require_POST
def watch_end(request: HttpRequest, watch_id: UUID) -> HttpResponse:
    watch = get_object_or_404(Watch.objects.visible_to(request.user).for_display(), pk=watch_id)
    watches.unwatch(Actor.from_page(request), watch)
    return rendering.redirect_with_message(
        request,
        f"You are no longer watching {watch.full_name}.",
        rendering.safe_return_url(request, reverse("watches")),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def team_watch(request: HttpRequest, team: str) -> HttpResponse:
    row = get_team(request, team)
    back = rendering.safe_return_url(request, row.get_absolute_url())
    return _render_form(request, row, None, f"team {row.name}", back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def project_watch(request: HttpRequest, team: str, project: str) -> HttpResponse:
    project = get_project(request, team, project)
    back = project.get_absolute_url()
    return _render_form(request, project, None, project.full_name, rendering.safe_return_url(request, back))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def artifact_watch(request: HttpRequest, **url_kwargs: str) -> HttpResponse:
    artifact = get_artifact(request, **url_kwargs)
    back = artifact.get_absolute_url()
    return _render_form(
        request,
        artifact.project,
        artifact,
        artifact.full_name,
        rendering.safe_return_url(request, back),
    )


def _render_form(
    request: HttpRequest, scope: Team | Project, artifact: Artifact | None, full_name: str, back: str
) -> HttpResponse:
    watch = Watch.objects.filter(user=request.user, **watches.target(scope, artifact)).first()
    form = WatchForm(request.POST or None, initial=WatchForm.initial_of(watch))
    if form.is_valid():
        watches.watch(Actor.from_page(request), scope, artifact, **form.cleaned_data)
        return rendering.redirect_with_message(request, f"You are watching {full_name}.", back)
    context = {"form": form, "watch": watch, "full_name": full_name, "back": back}
    context |= {"is_team": isinstance(scope, Team), "sends_mail": mail.is_configured()}
    return rendering.render_page(request, "notifications/watch.html", context, status=422 if form.is_bound else 200)
