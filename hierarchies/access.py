"""Who may do what in a hierarchy. What somebody may see of them is `Hierarchy.objects.visible_to`."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role, User
from hierarchies import errors
from hierarchies.models import Access, Hierarchy, Operation

WRITES = frozenset({Operation.CREATE, Operation.UPDATE, Operation.DELETE, Operation.IMPORT})


def require(actor: Actor, hierarchy: Hierarchy, operation: str) -> None:
    """Raise `OperationDisabled` where the hierarchy has it switched off, `Denied` where the actor may not write.

    To read is for everybody who has found the hierarchy among those that are visible to them. Staff in Django admin
    may do what is switched off, too.
    """
    if not hierarchy.is_on(operation) and not actor.is_staff:
        raise errors.OperationDisabled(
            f"The operation {str(operation)!r} is switched off in the hierarchy {hierarchy.name!r}."
        )
    if operation in WRITES and not is_open_to(actor, hierarchy):
        if actor.user is not None and not actor.user.is_authenticated:
            raise errors.Denied(f"Sign in, or send an API key, to change records of {hierarchy.name!r}.")
        permissions.require(actor, hierarchy.project.team, Role.EDITOR)


def person(actor: Actor) -> User | None:
    """The user that rows name; None for somebody who has not signed in."""
    return actor.user if actor.user is not None and actor.user.is_authenticated else None


def is_open_to(actor: Actor, hierarchy: Hierarchy) -> bool:
    """Whether everybody on this machine may write, and the actor is on it. A server for others is open to nobody."""
    if hierarchy.access != Access.OPEN or actor.ip is None:
        return False
    host = urlsplit(settings.BASE_URL).hostname or ""
    return is_loopback(host) and is_loopback(actor.ip)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
