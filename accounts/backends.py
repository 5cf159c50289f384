"""Sign-in by password, on the pages and in Django admin."""

import logging
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts import errors, known_devices, login_throttle
from accounts.models import User
from core.client_ip import client_ip
from core.metrics import SIGN_INS

logger = logging.getLogger(__name__)


class PasswordBackend(ModelBackend):
    """Django's own, which takes equally long for unknown usernames, and slows down who guesses."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **rest: Any
    ) -> User | None:
        """The user, or None. Raises `TooManySignIns`."""
        if username is None or password is None:
            return None
        meta = request.META if request else {}
        device = known_devices.read(request, username) if request else ""
        try:
            attempt = login_throttle.begin(meta, username, device)
        except errors.TooManySignIns:
            SIGN_INS.labels("delayed").inc()
            raise
        user = super().authenticate(request, username=username, password=password, **rest)
        SIGN_INS.labels("failed" if user is None else "succeeded").inc()
        if user is None:
            # Without the name: people type their passwords into the wrong field.
            logger.info("A sign-in failed from %s.", client_ip(meta) or "an unknown address")
        else:
            attempt.succeed()
        return user

    def user_can_authenticate(self, user: User) -> bool:
        """Service accounts have API keys alone, also if somebody gave them a password."""
        return super().user_can_authenticate(user) and not user.is_service_account
