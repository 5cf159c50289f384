"""The verbs of API keys: create, revoke. Of a key only its first characters and a hash are kept."""

import re
from datetime import datetime
from hmac import compare_digest
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from knox.crypto import hash_token
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from accounts import errors, permissions
from accounts.actor import Actor
from accounts.models import ApiKey, Role, Scope, User
from core import row_limits
from core.compiled_queries import CompiledQuery
from core.metrics import REFUSED_KEYS

# Anything else cannot be a key and must not reach a query: invalid text, NUL, very long values.
_FORM = re.compile(r"[A-Za-z0-9_-]{1,256}")
# By what it begins with.
_ACTIVE = CompiledQuery(lambda prefix: ApiKey.objects.active().filter(token_key=prefix).select_related("user"), str)
_ALL = CompiledQuery(lambda prefix: ApiKey.objects.filter(token_key=prefix).select_related("user"), str)


@transaction.atomic
def create(
    actor: Actor,
    name: str,
    scope: Scope = Scope.WRITE,
    expires_at: datetime | None = None,
    *,
    account: User | None = None,
) -> tuple[ApiKey, str]:
    """A new key for the user and its value, which cannot be read again. Raises `Invalid`, `TooManyKeys`.

    With `account`, a key for that service account of a team whose admin the user is.
    """
    owner = account or actor.user
    _require_control(actor, owner)
    if expires_at is not None and expires_at <= timezone.now():
        raise errors.Invalid("The expiry date has already passed.")
    limit = settings.KEYS_A_PERSON
    who = "You have" if account is None else f"'{account.username}' has"
    refusal = errors.TooManyKeys(f"{who} {limit} API keys, which is the limit: revoke those that are not used.")
    row_limits.require_room(owner, owner.api_keys.all(), limit, refusal)
    return issue(user=owner, name=name, scope=scope, expiry=expires_at)


def issue(**columns: Any) -> tuple[ApiKey, str]:
    """A new key and its value, of which only a hash and the first characters are kept."""
    digest, value = get_digest_token()
    return ApiKey.objects.create(digest=digest, token_key=value[: CONSTANTS.TOKEN_KEY_LENGTH], **columns), value


def revoke(actor: Actor, key: ApiKey) -> None:
    """Revoke the key at once. Users revoke their own keys, admins of a team those of its service accounts, and staff
    those of anybody."""
    _require_control(actor, key.user)
    key.delete()


def _require_control(actor: Actor, owner: User) -> None:
    """Raise `Denied` unless the actor creates and revokes the keys of this user."""
    if actor.is_staff:
        return
    if owner.is_service_account:
        permissions.require(actor, owner.default_team, Role.ADMIN)
    elif owner.pk != actor.user.pk:
        raise errors.Denied("This key belongs to another user.")


def find_active(value: str) -> ApiKey | None:
    """The key of this value, with its user, if it may be used."""
    key = _with_value(_ACTIVE, value)
    if key is None:
        REFUSED_KEYS.inc()
    return key


def find(value: str) -> ApiKey | None:
    """The key of this value, with its user, whether it may be used or not."""
    return _with_value(_ALL, value)


def _with_value(rows: CompiledQuery[ApiKey], value: str) -> ApiKey | None:
    if not _FORM.fullmatch(value):
        return None
    digest = hash_token(value)
    found = rows.all(value[: CONSTANTS.TOKEN_KEY_LENGTH])
    return next((key for key in found if compare_digest(digest, key.digest)), None)
