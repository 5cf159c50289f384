"""The cookie by which a browser is known again from which somebody has signed in before.

It lets nobody in. It only keeps those who guess at a name from slowing down the person whose name it is.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.models import User

COOKIE = "device"
_SALT = "accounts.known_devices"
_LIFE = timedelta(days=365)


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Have the browser known as one of this user's, unless it is already."""
    if not read(request, user.username):
        response.set_signed_cookie(
            COOKIE,
            f"{secrets.token_urlsafe(16)}:{user.username}",
            salt=_SALT,
            max_age=_LIFE,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def read(request: HttpRequest, username: str) -> str:
    """The browser's own random name, or `""` if it is not known as one of this user's."""
    device, _, owner = (request.get_signed_cookie(COOKIE, "", salt=_SALT, max_age=_LIFE) or "").partition(":")
    return device if owner == username else ""
