"""The verbs of API keys: create, revoke. Of a key only its first characters and a hash are kept."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from accounts import errors
from accounts.actor import Actor
from accounts.models import ApiKey, Scope
from core import row_limits


@transaction.atomic
def create(
    actor: Actor, name: str, scope: Scope = Scope.WRITE, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key for the user and its value, which cannot be read again. Raises `Invalid`, `TooManyKeys`."""
    if expires_at is not None and expires_at <= timezone.now():
        raise errors.Invalid("The expiry date has already passed.")
    limit = settings.KEYS_A_PERSON
    refusal = errors.TooManyKeys(f"You have {limit} API keys, which is the limit: revoke those that are not used.")
    row_limits.require_room(actor.user, actor.user.api_keys.all(), limit, refusal)
    return issue(user=actor.user, name=name, scope=scope, expiry=expires_at)


def issue(**columns: Any) -> tuple[ApiKey, str]:
    """A new key and its value, of which only a hash and the first characters are kept."""
    digest, value = get_digest_token()
    return ApiKey.objects.create(digest=digest, token_key=value[: CONSTANTS.TOKEN_KEY_LENGTH], **columns), value


def revoke(actor: Actor, key: ApiKey) -> None:
    """Revoke the key at once. Users revoke their own keys, staff those of anybody."""
    if key.user_id != actor.user.pk and not actor.is_staff:
        raise errors.Denied("This key belongs to another user.")
    key.delete()
