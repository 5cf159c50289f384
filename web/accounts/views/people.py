"""The page of a person, for whoever may see anything of them."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from artifacts import people
from notifications import event_links
from web import rendering

MAX_EVENTS = 20
MAX_TEAMS = 50


@login_required
@require_safe
def person(request: HttpRequest, username: str) -> HttpResponse:
    row = get_object_or_404(people.visible_to(request.user), username=username)
    events = people.recent_activity(request.user, row, MAX_EVENTS)
    urls = event_links.current_urls(events, request.user)
    context = {
        "person": row,
        "teams": people.teams_in_common(request.user, row)[:MAX_TEAMS],
        "activity": [(event, urls[event.pk]) for event in events],
        "active_nav": "teams",
    }
    return rendering.render_page(request, "accounts/person.html", context)
