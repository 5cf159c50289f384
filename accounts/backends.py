"""Sign-in by password, on the pages and in Django admin."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts import login_throttle
from accounts.models import User


class PasswordBackend(ModelBackend):
    """Django's own, which takes equally long for unknown usernames, with a limit on failed attempts."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **rest: Any
    ) -> User | None:
        if username is None or password is None or login_throttle.is_locked_out(request, username):
            return None
        user = super().authenticate(request, username=username, password=password, **rest)
        if user is None:
            login_throttle.record_failure(request, username)
        return user
