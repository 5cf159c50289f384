"""Authentication by API key: `Authorization: Bearer <key>`, or `Token <key>`."""

from collections.abc import Mapping
from typing import Any

from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import keys
from accounts.models import ApiKey, User


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
    if key := keys.find_active(value):
        return key
    key = keys.find(value)
    if key and key.is_expired:
        raise AuthenticationFailed(f"The API key '{key.name}' expired at {key.expiry:%Y-%m-%d %H:%M} UTC.")
    if key and not key.user.is_active:
        raise AuthenticationFailed("This account is deactivated.")
    raise AuthenticationFailed("This API key is not valid.")
