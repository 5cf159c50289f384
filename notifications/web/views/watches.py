"""What the reader watches, and beginning and ending that."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.web import pages
from notifications import watching
from notifications.models import Watch
from notifications.web.finding import find_artifact, find_project
from notifications.web.forms import WatchForm
from projects.models import Project

PAGE_SIZE = 50


@login_required
@require_safe
def watch_list(request: HttpRequest) -> HttpResponse:
    rows = Watch.objects.visible_to(request.user).for_display()
    page = pages.numbered(request, rows.order_by("-id"), PAGE_SIZE)
    return pages.answer(request, "notifications/watches.html", {"page": page, "tab": "watches", "place": "inbox"})


@login_required
@require_POST
def watch_end(request: HttpRequest, watch_id: UUID) -> HttpResponse:
    watch = get_object_or_404(Watch.objects.for_display(), user=request.user, pk=watch_id)
    watching.unwatch(request.user, watch)
    return pages.done(request, f"You are no longer watching {watch.place}.", pages.back(request, reverse("watches")))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def project_watch(request: HttpRequest, team: str, project: str) -> HttpResponse:
    found = find_project(request, team, project)
    back = pages.back(request, found.get_absolute_url())
    return _watch(request, found, None, found.full_name, back)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def artifact_watch(request: HttpRequest, **names: str) -> HttpResponse:
    found = find_artifact(request, **names)
    back = pages.back(request, found.get_absolute_url())
    return _watch(request, found.project, found, found.full_name, back)


def _watch(request: HttpRequest, project: Project, artifact: Any, place: str, back: str) -> HttpResponse:
    watch = Watch.objects.filter(user=request.user, project=project, artifact=artifact).first()
    form = WatchForm(request.POST or None, initial=WatchForm.shown(watch))
    if form.is_valid():
        watching.watch(request.user, project, artifact, **form.cleaned_data)
        return pages.done(request, f"You are watching {place}.", back)
    context = {"form": form, "watch": watch, "watched": place, "back": back}
    return pages.answer(request, "notifications/watch.html", context, status=422 if form.is_bound else 200)
