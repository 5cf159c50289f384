"""API keys: make one, take it back."""

from datetime import datetime

from django.utils import timezone

from accounts import errors
from accounts.models import ApiKey, Scope, User


def create(user: User, name: str, scope: Scope = Scope.WRITE, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key for the user and its value, which nobody can ask for again."""
    if expires_at is not None and expires_at <= timezone.now():
        raise errors.Invalid("The expiry date has already passed.")
    return ApiKey.objects.issue(user=user, name=name, scope=scope, expiry=expires_at)


def revoke(user: User, key: ApiKey) -> None:
    """End the key at once. People revoke their own keys, the operator anybody's."""
    if key.user_id != user.pk and not user.is_operating:
        raise errors.Denied("This key belongs to another user.")
    key.delete()
