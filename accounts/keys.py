"""API keys: make one, take it back."""

from datetime import datetime

from django.utils import timezone

from accounts.actor import Actor
from accounts.models import ApiKey, Scope
from core import errors


def create(
    actor: Actor, name: str, scope: Scope = Scope.WRITE, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key for the user and its value, which nobody can ask for again."""
    if expires_at is not None and expires_at <= timezone.now():
        raise errors.Invalid("The expiry date has already passed.")
    return ApiKey.objects.issue(user=actor.user, name=name, scope=scope, expiry=expires_at)


def revoke(actor: Actor, key: ApiKey) -> None:
    """End the key at once. People revoke their own keys, the operator anybody's."""
    if key.user_id != actor.user.pk and not actor.is_staff:
        raise errors.Denied("This key belongs to another user.")
    key.delete()
