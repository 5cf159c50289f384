"""What every page knows of notifications."""

from collections.abc import Callable
from functools import partial

from django.http import HttpRequest

from notifications import inbox


def unread(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """How many items wait in the reader's inbox; asked for only where it is shown."""
    user = getattr(request, "user", None)
    return {"unread": partial(inbox.unread, user)} if user is not None and user.is_authenticated else {}
