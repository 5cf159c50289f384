"""The reader's inbox."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.actor import Actor
from accounts.models import Invitation
from core.cursors import decode_cursor, encode_cursor
from notifications import event_links, inbox, proposal_notices
from notifications.models import InboxItem
from web import rendering, tables

PAGE_SIZE = 50
# Ids grow with time.
_ORDERINGS = {"when": "pk"}


@login_required
@require_safe
def inbox_page(request: HttpRequest) -> HttpResponse:
    return _render_inbox(request)


@login_required
@require_safe
def item(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """On to the page of the event; who goes there has read the item."""
    row = get_object_or_404(InboxItem.objects.visible_to(request.user).for_display(), pk=notice_id)
    inbox.mark_read(Actor.from_page(request), [row.pk])
    return redirect(event_links.current_url(row.event, request.user))


@login_required
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark as read the item that the form names, or all. The query string has the order of the inbox."""
    pk = request.POST.get("item")
    ids = None if pk is None else [decode_cursor(encode_cursor(pk), InboxItem, "id")]
    inbox.mark_read(Actor.from_page(request), ids)
    if rendering.is_partial(request):
        return _render_inbox(request)
    return redirect(_sorted_url(request, "inbox"))


def _render_inbox(request: HttpRequest) -> HttpResponse:
    view = tables.chosen(request.GET, (), _ORDERINGS, "-when")
    field, side = ("before", "pk__lt") if view.sort == "-when" else ("after", "pk__gt")
    rows = tables.sort(InboxItem.objects.visible_to(request.user).for_display(), view, _ORDERINGS)
    if cursor := request.GET.get(field):
        rows = rows.filter(**{side: decode_cursor(cursor, InboxItem, "id")})
    items = list(rows[: PAGE_SIZE + 1])
    next_cursor = encode_cursor(items[PAGE_SIZE - 1].pk) if len(items) > PAGE_SIZE else None
    invitations = Invitation.objects.pending_for(request.user).select_related("team", "created_by").order_by("-id")
    context = {
        "items": proposal_notices.attach(items[:PAGE_SIZE]),
        "older": next_cursor if field == "before" else None,
        "newer": next_cursor if field == "after" else None,
        "sort": view.sort,
        "read_url": _sorted_url(request, "inbox-read"),
        "invitations": invitations[:PAGE_SIZE],
        "tab": "inbox",
        "active_nav": "inbox",
    }
    return rendering.render_page(request, "notifications/inbox.html", context)


def _sorted_url(request: HttpRequest, name: str) -> str:
    """The URL of that name, with the order that the request asks for."""
    sort = tables.chosen(request.GET, (), _ORDERINGS).sort
    return f"{reverse(name)}?sort={sort}" if sort else reverse(name)
