"""What every page knows: parts of the system that are away, and what waits in the inbox."""

from collections.abc import Callable
from functools import partial

from django.http import HttpRequest

from artifacts import health
from notifications import inbox


def health_problems(request: HttpRequest) -> dict[str, Callable[[], list[str]]]:
    """The parts of the system that are away; asked for only where it is shown."""
    return {"trouble": health.problems}


def unread_count(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """How many items wait in the reader's inbox; asked for only where it is shown."""
    user = getattr(request, "user", None)
    return {"unread": partial(inbox.unread, user)} if user is not None and user.is_authenticated else {}
