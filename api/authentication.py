"""Authentication by API key: `Authorization: Bearer <key>`, or `Token <key>`."""

import re
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, User
from core.compiled_queries import CompiledQuery
from core.metrics import REFUSED_KEYS

# Anything else cannot be a key and must not reach a query: invalid text, NUL, very long values.
_KEY_FORM = re.compile(r"[A-Za-z0-9_]{1,256}")
# By what it begins with.
_ACTIVE = CompiledQuery(lambda prefix: ApiKey.objects.active().filter(token_key=prefix).select_related("user"), str)
_ALL = CompiledQuery(lambda prefix: ApiKey.objects.filter(token_key=prefix).select_related("user"), str)


class ApiKeyAuthentication(TokenAuthentication):
    """One query for each request. knox's class would also query the user's other keys to delete expired ones."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        value = read_key(request.META)
        return None if value is None else self.authenticate_credentials(value)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def authenticate_credentials(self, value: str) -> tuple[User, ApiKey]:
        key = find_key(value)
        key.record_use()
        return key.user, key


def read_key(meta: Mapping[str, Any]) -> str | None:
    """The value of the key that a request bears. `meta` is the WSGI environment."""
    scheme, _, value = meta.get("HTTP_AUTHORIZATION", "").partition(" ")
    return value.strip() if scheme.lower() in ("bearer", "token") else None


def find_key(value: str) -> ApiKey:
    """The active key of this value, with its user. Raises `AuthenticationFailed`, which says what is wrong with it."""
    if key := _with_value(_ACTIVE, value):
        return key
    REFUSED_KEYS.inc()
    key = _with_value(_ALL, value)
    if key and key.is_expired:
        raise AuthenticationFailed(f"The API key '{key.name}' expired at {key.expiry:%Y-%m-%d %H:%M} UTC.")
    if key and not key.user.is_active:
        raise AuthenticationFailed("This account is deactivated.")
    raise AuthenticationFailed("This API key is not valid.")


def _with_value(keys: CompiledQuery[ApiKey], value: str) -> ApiKey | None:
    if not _KEY_FORM.fullmatch(value):
        return None
    digest = hash_token(value)
    return next(
        (key for key in keys.all(value[: CONSTANTS.TOKEN_KEY_LENGTH]) if compare_digest(digest, key.digest)), None
    )
