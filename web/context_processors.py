"""Context of every page: how it is to be shown, parts of the system that are away, and the number of unread items."""

from collections.abc import Callable
from functools import cache, partial

from django.http import HttpRequest

from artifacts import health
from notifications import inbox
from web import display


def display_settings(request: HttpRequest) -> dict[str, display.Display]:
    """The theme, times and shortcuts that the reader has chosen."""
    return {"display": display.of(request)}


def health_problems(request: HttpRequest) -> dict[str, Callable[[], list[str]]]:
    """The parts of the system that are away; asked for only where it is shown."""
    return {"health_problems": health.problems}


def unread_count(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """How many items of the reader's inbox are unread or wait for an answer; asked for only where it is shown, once."""
    user = getattr(request, "user", None)
    return {"unread_count": cache(partial(inbox.waiting, user))} if user is not None and user.is_authenticated else {}
