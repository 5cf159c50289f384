"""Sign-in by API key: `Authorization: Bearer <key>`, or `Token <key>`."""

import re
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, User

# Anything else is no key of ours and must not reach a query: bytes that are no text, NUL, a novel.
_KEY_FORM = re.compile(r"[A-Za-z0-9_]{1,256}")
_KNOWN_AT_MOST = 10_000
# Keys by their digest.
_known: dict[str, ApiKey] = {}


class ApiKeyAuthentication(TokenAuthentication):
    """One query a request. knox's own would also look through the user's other keys to delete expired ones."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        value = _value(request.META)
        return None if value is None else self.authenticate_credentials(value)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def authenticate_credentials(self, value: str) -> tuple[User, ApiKey]:
        key = _find(value)
        if key.is_expired:
            raise AuthenticationFailed(f"The API key '{key.name}' expired at {key.expiry:%Y-%m-%d %H:%M} UTC.")
        if not key.user.is_active:
            raise AuthenticationFailed("This account is deactivated.")
        key.note_use()
        return key.user, key


def cached_key(meta: Mapping[str, Any]) -> ApiKey | None:
    """The key of a request, if this process has let it in before: whose it is stays so. `meta` is what WSGI tells.

    Whether it still counts is for the caller to ask, with `ApiKey.objects.counting` in the very query that it is for.
    """
    value = _value(meta)
    return _known.get(hash_token(value)) if value and _KEY_FORM.fullmatch(value) else None


def _value(meta: Mapping[str, Any]) -> str | None:
    scheme, _, value = meta.get("HTTP_AUTHORIZATION", "").partition(" ")
    return value.strip() if scheme.lower() in ("bearer", "token") else None


def _find(value: str) -> ApiKey:
    if _KEY_FORM.fullmatch(value):
        digest = hash_token(value)
        for key in ApiKey.alike(value):
            if compare_digest(digest, key.digest):
                _remember(key)
                return key
    raise AuthenticationFailed("This API key is not valid.")


def _remember(key: ApiKey) -> None:
    if len(_known) >= _KNOWN_AT_MOST:
        _known.clear()
    _known[key.digest] = key
