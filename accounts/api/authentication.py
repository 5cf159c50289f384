"""Sign-in by API key: `Authorization: Bearer <key>`, or `Token <key>`."""

import re
from hmac import compare_digest

from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, User

# Anything else is no key of ours and must not reach a query: bytes that are no text, NUL, a novel.
_KEY_FORM = re.compile(r"[A-Za-z0-9_]{1,256}")


class ApiKeyAuthentication(TokenAuthentication):
    """One query a request. knox's own would also look through the user's other keys to delete expired ones."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, value = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() not in ("bearer", "token"):
            return None
        return self.authenticate_credentials(value.strip())

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


def _find(value: str) -> ApiKey:
    if _KEY_FORM.fullmatch(value):
        digest = hash_token(value)
        for key in ApiKey.alike(value):
            if compare_digest(digest, key.digest):
                return key
    raise AuthenticationFailed("This API key is not valid.")
