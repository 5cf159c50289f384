"""The verbs of service accounts: users that belong to one team, for programs.

They have no password and no personal team, and are never admins. Admins of the team create their API keys, which
`keys` does, and revoke them. `teams.remove_member` ends one.
"""

from itertools import chain, count

from django.db import transaction
from django.utils.text import slugify

from accounts import errors, permissions, users
from accounts.actor import Actor
from accounts.models import ApiKey, Membership, Role, Team, User
from core import row_limits

# Of one team.
MOST = 100


@transaction.atomic
def create(actor: Actor, team: Team, username: str, role: Role = Role.EDITOR, description: str = "") -> Membership:
    """A new service account as a member of the team. Its description is shown as its full name, up to 150 characters;
    without a username it is named for the team and the description.

    Raises `Invalid`, `NameTaken`, `PersonalTeam`, `TooManyMembers`.
    """
    permissions.require(actor, team, Role.ADMIN)
    require_role(role)
    if team.is_personal:
        raise errors.PersonalTeam("A personal team has no service accounts: create a team for them.")
    refusal = errors.TooManyMembers(f"Team '{team.name}' has {MOST} service accounts, which is the limit: remove some.")
    row_limits.require_room(team, team.memberships.filter(user__is_service_account=True), MOST, refusal)
    account = users.create_service_account(username or _free_name(team, description), description)
    return team.memberships.create(user=account, role=role)


def _free_name(team: Team, description: str) -> str:
    """`acme-nightly-training`, or the first of `acme-nightly-training-2` … that nobody has."""
    name = f"{team.name}-{slugify(description) or 'service'}"[:56].rstrip("-_")
    taken = {one.lower() for one in User.objects.filter(username__istartswith=name).values_list("username", flat=True)}
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    return next(one for one in names if one.lower() not in taken)


def require_role(role: Role) -> None:
    """Raise `Invalid` for the role of an admin, who could let people in."""
    if role is Role.ADMIN:
        raise errors.Invalid("A service account is a viewer or an editor, never an admin.")


def deactivate(team: Team, username: str | None = None) -> None:
    """Revoke the keys of the team's service accounts, or of one, for good. Part of the verbs of `teams`."""
    accounts = User.objects.filter(is_service_account=True, memberships__team=team)
    found = list(accounts if username is None else accounts.filter(username=username))
    ApiKey.objects.filter(user__in=found).delete()
    User.objects.filter(pk__in=[account.pk for account in found]).update(is_active=False)
