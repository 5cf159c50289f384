"""What accounts refuse: the kinds of `core.errors`, and the leaves that accounts add to them.

Denied           ReadOnlyKey
Missing          InvitationOver
Conflict         NameTaken, NameReserved, AlreadyMember, LastAdmin, PersonalTeam, TeamNotEmpty,
                 TooManyInvitations, TooManyKeys, TooManyMembers, TooManyTeams
TooMany          TooManySignIns
"""

from core.errors import (
    Busy,
    Conflict,
    Denied,
    Invalid,
    Missing,
    RegistryError,
    TooLarge,
    TooMany,
    Unavailable,
    check,
    refuse,
)

__all__ = [
    "AlreadyMember",
    "Busy",
    "Conflict",
    "Denied",
    "Invalid",
    "InvitationOver",
    "LastAdmin",
    "Missing",
    "NameReserved",
    "NameTaken",
    "PersonalTeam",
    "ReadOnlyKey",
    "RegistryError",
    "TeamNotEmpty",
    "TooLarge",
    "TooMany",
    "TooManyInvitations",
    "TooManyKeys",
    "TooManyMembers",
    "TooManySignIns",
    "TooManyTeams",
    "Unavailable",
    "check",
    "refuse",
]


class ReadOnlyKey(Denied):
    """An API key of scope `read` was used to write."""


class NameTaken(Conflict):
    """The name is taken."""


class NameReserved(Conflict):
    """Something else had the name until it was renamed or deleted; `reserved_until` says for how long it is kept."""


class AlreadyMember(Conflict):
    """The user is a member of the team already."""


class LastAdmin(Conflict):
    """The team would be left without an admin."""


class PersonalTeam(Conflict):
    """A personal team cannot be renamed or deleted, nor lose its user."""


class TeamNotEmpty(Conflict):
    """The team still has projects."""


class TooManyInvitations(Conflict):
    """The team has as many pending invitations as one may have."""


class TooManyKeys(Conflict):
    """The user has as many API keys as one may have."""


class TooManyMembers(Conflict):
    """The team has as many service accounts as one may have."""


class TooManyTeams(Conflict):
    """The user is in as many teams as one may create more of."""


class InvitationOver(Missing):
    """The invitation was used or revoked, or has expired."""

    title = "This invitation is no longer valid"


class TooManySignIns(TooMany):
    """So many sign-ins failed that the next one has to wait."""
