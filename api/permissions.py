"""Access to the API as such. `visible_to` and the verbs decide about objects and actions."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import errors
from accounts.models import ApiKey, Scope


class SignedIn(BasePermission):
    """Signed-in users; with a key of scope `read` only for safe methods."""

    def has_permission(self, request: Request, view: Any) -> bool:
        key = request.auth
        if isinstance(key, ApiKey) and key.scope == Scope.READ and request.method not in SAFE_METHODS:
            raise errors.ReadOnlyKey(f"The key '{key.name}' is read-only: use a key with read & write access.")
        return bool(request.user and request.user.is_authenticated)
