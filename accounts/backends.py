"""Who may sign in by password, at whichever door: the pages' or the operator's desk."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts import login_throttle
from accounts.models import User


class PasswordBackend(ModelBackend):
    """Django's own, which takes as long for a name that nobody has; with a bound on guessing."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **rest: Any
    ) -> User | None:
        if username is None or password is None or login_throttle.is_locked_out(request, username):
            return None
        user = super().authenticate(request, username=username, password=password, **rest)
        if user is None:
            login_throttle.record_failure(request, username)
        return user
