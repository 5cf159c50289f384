"""The verbs of teams: create, change, delete; change the roles of members, remove them. `invitations` adds them.

Whatever depends on how many admins a team has runs under a lock on the team's row.
"""

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError
from django.dispatch import Signal

from accounts import errors, former_names, permissions, service_accounts
from accounts.actor import Actor
from accounts.former_names import Deleted
from accounts.models import SERVER, FormerName, Membership, Role, Team
from core import row_limits

# Sent with `actor` and `team` once it has its new name, in the same transaction: the apps above refuse what their rules
# forbid.
team_renamed = Signal()


@transaction.atomic
def create(actor: Actor, name: str, display_name: str = "") -> Team:
    """A new team with the user as its admin.

    Raises `Invalid` for a name that is not allowed, `NameTaken`, `NameReserved`, `TooManyTeams`, and `Denied` for a
    service account.
    """
    if actor.user.is_service_account:
        raise errors.Denied("A service account belongs to one team: let a person create the team.")
    limit = settings.TEAMS_A_PERSON
    refusal = errors.TooManyTeams(f"You are in {limit} teams already, which is the limit: leave or delete one first.")
    row_limits.require_room(actor.user, Membership.objects.filter(user=actor.user), limit, refusal)
    team = Team(name=name, display_name=display_name, created_by=actor.user)
    errors.check(team)
    with errors.refuse(team_name_unique=_name_taken(name)):
        team.save(force_insert=True)
        team.memberships.create(user=actor.user, role=Role.ADMIN)
    former_names.claim(actor, SERVER, name.lower(), team.pk)
    return team


@transaction.atomic
def update(actor: Actor, team: Team, *, name: str | None = None, display_name: str | None = None) -> Team:
    """Change name or display name; None leaves it as it is. A personal team keeps its user's name.

    The old name leads to the team for some time. Raises what `create` raises, and `AliasProtected` where a rule of the
    team forbids the actor to move an alias in it.
    """
    permissions.require(actor, team, Role.ADMIN)
    # What a form was filled into may have the new name already.
    before = Team.objects.select_for_update(no_key=True).get(pk=team.pk)
    if name is not None and name != before.name:
        if team.is_personal:
            raise errors.PersonalTeam("A personal team has the same name as its user.")
        team.name = name
    if display_name is not None:
        team.display_name = display_name
    errors.check(team)
    with errors.refuse(team_name_unique=_name_taken(team.name)):
        team.save(update_fields=["name", "display_name"])
    if team.name.lower() != before.name.lower():
        former_names.claim(actor, SERVER, team.name.lower(), team.pk)
        former_names.record_rename(actor, SERVER, before.name.lower(), team.pk)
        team_renamed.send(Team, actor=actor, team=team)
    return team


@transaction.atomic
def delete(actor: Actor, team: Team) -> None:
    """Delete a team without projects. They are deleted one by one before, so that one mistake cannot lose them all.

    Its name is reserved for whoever deleted it where names of projects in it are.
    """
    permissions.require(actor, team, Role.ADMIN)
    if team.is_personal:
        raise errors.PersonalTeam("A personal team cannot be deleted while its user exists.")
    holder = team.pk
    service_accounts.deactivate(team)
    try:
        team.delete()
    except ProtectedError as error:
        raise errors.TeamNotEmpty(f"Team '{team.name}' still has projects: delete them first.") from error
    is_reserved = FormerName.objects.in_time().filter(scope=holder).exists()
    deleted = Deleted(team.name.lower(), holder, Role.ADMIN if is_reserved else None)
    former_names.record_deletions(actor, SERVER, [deleted])


def change_role(actor: Actor, membership: Membership, role: Role) -> Membership:
    """Give a member another role. Raises `LastAdmin`, `PersonalTeam` for its owner, `Invalid` for a service account as
    an admin."""
    team = membership.team
    permissions.require(actor, team, Role.ADMIN)
    with transaction.atomic():
        membership = _lock(team, membership)
        if membership.user.is_service_account:
            service_accounts.require_role(role)
        if not role.covers(Role.ADMIN):
            _require_other_admin(team, membership)
        membership.role = role
        membership.save(update_fields=["role"])
    return membership


def remove_member(actor: Actor, membership: Membership) -> None:
    """Remove a member; members may remove themselves. A service account ends for good, and only admins end it.

    Raises `LastAdmin`, or `PersonalTeam`.
    """
    team = membership.team
    if membership.user_id != actor.user.pk or actor.user.is_service_account:
        permissions.require(actor, team, Role.ADMIN)
    with transaction.atomic():
        membership = _lock(team, membership)
        _require_other_admin(team, membership)
        service_accounts.deactivate(team, membership.user.username)
        membership.delete()


def _lock(team: Team, membership: Membership) -> Membership:
    Team.objects.select_for_update().get(pk=team.pk)
    current = Membership.objects.filter(pk=membership.pk).select_related("team", "user").first()
    if current is None:
        raise errors.Missing(f"'{membership.user.username}' is no longer in team '{team.name}'.")
    return current


def _require_other_admin(team: Team, membership: Membership) -> None:
    """Raise unless the team has an admin without this member."""
    if team.is_personal_of(membership.user):
        raise errors.PersonalTeam("The owner of a personal team always stays its admin.")
    others = team.memberships.filter(role=Role.ADMIN).exclude(pk=membership.pk)
    if membership.role == Role.ADMIN and not others.exists():
        raise errors.LastAdmin(
            f"'{membership.user.username}' is the last admin of team '{team.name}': make someone else an admin first."
        )


def _name_taken(name: str) -> errors.NameTaken:
    return errors.NameTaken(f"The name '{name}' is taken.")
