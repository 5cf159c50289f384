"""Access to the API of one hierarchy: who signed in, and visitors where it is public or open."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts import errors as account_errors
from accounts.actor import Actor
from accounts.models import ApiKey, Scope
from api.hierarchies.lookups import find_hierarchy
from hierarchies import access, errors


class MayEnter(BasePermission):
    """Finds the hierarchy of the URL, as `hierarchy` of the view.

    Visitors get into one that is public, to read; into one that is open, to write too, from this machine. Of others
    they learn only that they have to sign in. A key of scope `read` reads, by POST as well.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        key = request.auth
        is_read = request.method in SAFE_METHODS or view.only_reads
        if isinstance(key, ApiKey) and key.scope == Scope.READ and not is_read:
            raise account_errors.ReadOnlyKey(f"The key '{key.name}' is read-only: use a key with read & write access.")
        names = view.kwargs
        found = find_hierarchy(request.user, names["team"], names["project"], names["hierarchy"])
        if request.user.is_authenticated:
            if found is None:
                full_name = "/".join(names[part] for part in ("team", "project", "hierarchy"))
                raise errors.HierarchyNotFound(f"Hierarchy '{full_name}' not found, or you don't have access.")
        elif found is None or not (
            is_read or (access.is_open_to(Actor.from_api(request), found) and _is_local(request))
        ):
            return False
        view.hierarchy = found
        return True


def _is_local(request: Request) -> bool:
    """Whether the request was sent to this machine by a name of its own, and by no page of another site."""
    host = urlsplit(f"//{request.get_host()}").hostname or ""
    origin = request.headers.get("Origin")
    return (
        access.is_loopback(host)
        and (origin is None or origin in settings.PAGE_ORIGINS)
        and request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    )
