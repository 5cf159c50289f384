"""The reader's inbox."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import Actor
from artifacts.models import Artifact
from core.cursors import decode_cursor, encode_cursor
from events.models import Event
from notifications import inbox
from notifications.models import InboxItem
from web import rendering

PAGE_SIZE = 50


@login_required
@require_safe
def inbox_page(request: HttpRequest) -> HttpResponse:
    return _answer(request)


@login_required
@require_safe
def notice(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """On to what the item tells of; who goes there has read it."""
    found = get_object_or_404(InboxItem.objects.visible_to(request.user).for_display(), pk=notice_id)
    inbox.mark_read(Actor.from_page(request), [found.pk])
    return redirect(_current_url(request, found.event))


@login_required
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark as read the item that the form names, or all."""
    named = request.POST.get("item")
    ids = None if named is None else [decode_cursor(encode_cursor(named), InboxItem, "id")]
    inbox.mark_read(Actor.from_page(request), ids)
    return _answer(request) if rendering.is_partial(request) else redirect(reverse("inbox"))


def _current_url(request: HttpRequest, event: Event) -> str:
    """Where it is to be seen by now: an artifact may have another name since, or be gone."""
    if event.artifact_id is None:
        return event.get_absolute_url()
    artifact = (
        Artifact.objects.visible_to(request.user).select_related("project__team").filter(pk=event.artifact_id).first()
    )
    if artifact is None:
        return event.project.get_absolute_url()
    return reverse("artifact-aliases" if event.alias else "artifact", args=artifact.url_args)


def _answer(request: HttpRequest) -> HttpResponse:
    rows = InboxItem.objects.visible_to(request.user).for_display().order_by("-id")
    if before := request.GET.get("before"):
        rows = rows.filter(pk__lt=decode_cursor(before, InboxItem, "id"))
    found = list(rows[: PAGE_SIZE + 1])
    older = encode_cursor(found[PAGE_SIZE - 1].pk) if len(found) > PAGE_SIZE else None
    context = {"items": found[:PAGE_SIZE], "older": older, "tab": "inbox", "place": "inbox"}
    return rendering.render_page(request, "notifications/inbox.html", context)
