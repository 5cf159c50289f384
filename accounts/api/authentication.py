"""Sign-in by API key: `Authorization: Bearer <key>`, or `Token <key>`."""

import re
from hmac import compare_digest

from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiKey, User

# Anything else is no key of ours and must not reach a query: bytes that are no text, NUL.
_KEY_FORM = re.compile(rb"[A-Za-z0-9_]{1,256}")


class ApiKeyAuthentication(TokenAuthentication):
    """One query a request. knox's own would also look through the user's other keys to delete expired ones."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        scheme, _, value = get_authorization_header(request).partition(b" ")
        if scheme.lower() not in (b"bearer", b"token"):
            return None
        return self.authenticate_credentials(value.strip())

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def authenticate_credentials(self, value: bytes) -> tuple[User, ApiKey]:
        key = _find(value)
        if key.is_expired:
            raise AuthenticationFailed(f"The API key '{key.name}' expired at {key.expiry:%Y-%m-%d %H:%M} UTC.")
        if not key.user.is_active:
            raise AuthenticationFailed("This account is deactivated.")
        key.note_use()
        return key.user, key


def _find(value: bytes) -> ApiKey:
    if _KEY_FORM.fullmatch(value):
        text = value.decode("ascii")
        digest = hash_token(text)
        for key in ApiKey.objects.alike(text):
            if compare_digest(digest, key.digest):
                return key
    raise AuthenticationFailed("This API key is not valid.")
