"""How a reader wants pages to be shown: colours, times, shortcuts. A cookie says it, of visitors as of users."""

from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "display"
_COOKIE_AGE_SECONDS = 365 * 24 * 3600
# No value is that of two fields, so that the cookie needs no names of them.
CHOICES = {
    "theme": {"system": "System", "light": "Light", "dark": "Dark"},
    "times": {"relative": "Relative: 3 h ago", "absolute": "Absolute: 2026-01-31 09:30 (UTC)"},
    "shortcuts": {"on": "On", "off": "Off"},
}


class Display(NamedTuple):
    """Each is one of its `CHOICES`, and the first of them where nothing else was chosen."""

    theme: str = "system"
    times: str = "relative"
    shortcuts: str = "on"

    @property
    def themes(self) -> list[tuple[str, str]]:
        """Each with its label, for a switch."""
        return list(CHOICES["theme"].items())


def of(request: HttpRequest) -> Display:
    """What the cookie says; words that are none of ours count for nothing."""
    chosen = request.COOKIES.get(COOKIE, "")[:100].split(".")
    return Display(**{name: word for name, values in CHOICES.items() for word in chosen if word in values})


def remember(response: HttpResponse, display: Display) -> HttpResponse:
    """The response, with the cookie for the browser to keep."""
    response.set_cookie(
        COOKIE,
        ".".join(display),
        max_age=_COOKIE_AGE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response
