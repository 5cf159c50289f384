"""The verbs of invitations, by which people become members of a team, never without their consent.

A link is for whoever has it: it makes one person a member. An invitation by name is for one user, who accepts or
declines it; whether there is a user of this name is told to nobody. Each is valid for a week, and only while its
creator may invite.
"""

import hashlib
import secrets

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import errors, permissions, users
from accounts.actor import Actor
from accounts.models import Invitation, Membership, Role, Team, User
from core import row_limits

# Of one team, by name and as links. Nobody can be bothered by thousands.
MOST_PENDING = 200


@transaction.atomic
def create(actor: Actor, team: Team, role: Role, email: str = "") -> tuple[Invitation, str]:
    """A new invitation and the token of its link, which cannot be read again. Raises `TooManyInvitations`."""
    permissions.require(actor, team, Role.ADMIN)
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        team=team,
        role=role,
        email=email,
        digest=_digest(token),
        created_by=actor.user,
        expires_at=timezone.now() + settings.INVITATION_LIFE,
    )
    errors.check(invitation)
    _require_room(team, team.invitations.open().filter(username=""))
    invitation.save(force_insert=True)
    return invitation, token


def invite_user(actor: Actor, team: Team, username: str, role: Role) -> Invitation:
    """Invite the user of this name, if there is one; the answer is the same if not. A second one replaces the first.

    Raises `AlreadyMember`, `TooManyInvitations`, and `Invalid` for what cannot be a name.
    """
    permissions.require(actor, team, Role.ADMIN)
    if not username:
        raise errors.Invalid("Enter the name of the user to be invited.")
    invitation = Invitation(
        team=team,
        role=role,
        username=username,
        invitee=User.objects.filter(username=username, is_active=True, is_service_account=False).first(),
        created_by=actor.user,
        expires_at=timezone.now() + settings.INVITATION_LIFE,
    )
    errors.check(invitation)
    if team.memberships.filter(user__username=username).exists():
        raise errors.AlreadyMember(f"'{username}' is already in team '{team.name}'.")
    with transaction.atomic():
        others = team.invitations.open().exclude(username="").exclude(username=username)
        _require_room(team, others)
        team.invitations.filter(username=username, used_at=None).delete()
        invitation.save(force_insert=True)
    return invitation


def revoke(actor: Actor, invitation: Invitation) -> None:
    """Revoke an invitation that nobody has used."""
    permissions.require(actor, invitation.team, Role.ADMIN)
    deleted, _ = Invitation.objects.filter(pk=invitation.pk, used_at=None).delete()
    if not deleted:
        raise errors.InvitationOver("This invitation has just been used or revoked.")


def find(token: str) -> Invitation:
    """The invitation with that token. Raises `InvitationOver` unless it can be used now."""
    invitation = Invitation.objects.filter(digest=_digest(token)).select_related("team", "created_by").first()
    if invitation is None:
        raise errors.InvitationOver("This invitation does not exist. It may have been revoked: ask for a new one.")
    _require_usable(invitation)
    return invitation


def _require_usable(invitation: Invitation) -> None:
    if invitation.used_at is not None:
        raise errors.InvitationOver("This invitation has already been used. Each works once: ask for a new one.")
    if invitation.is_expired:
        raise errors.InvitationOver(f"This invitation expired on {invitation.expires_at:%Y-%m-%d}: ask for a new one.")
    if not _may_invite(invitation.created_by, invitation.team):
        raise errors.InvitationOver("Whoever created this invitation can no longer invite members: ask for a new one.")


def accept(actor: Actor, token: str) -> Membership:
    """Make the user a member of the team. Raises `InvitationOver`, or `AlreadyMember`, which does not use it up."""
    return _join(actor, find(token))


def accept_own(actor: Actor, invitation: Invitation) -> Membership:
    """Accept an invitation by name. Raises `InvitationOver`, also for one that is for somebody else."""
    _require_own(actor, invitation)
    _require_usable(invitation)
    return _join(actor, invitation)


def pending_of(actor: Actor, team: Team) -> QuerySet[Invitation]:
    """Invitations by name to the team that have not been answered."""
    permissions.require(actor, team, Role.ADMIN)
    return team.invitations.open().exclude(username="").select_related("team", "created_by")


def withdraw(actor: Actor, invitation: Invitation) -> None:
    """Decline one's own invitation, or revoke one to a team whose admin one is."""
    is_own = invitation.invitee_id == actor.user.pk
    (decline if is_own else revoke)(actor, invitation)


def decline(actor: Actor, invitation: Invitation) -> None:
    """Decline an invitation by name. Raises `InvitationOver`, also for one that is for somebody else.

    To whoever invited it is pending until it expires, as one for a name that no user has.
    """
    _require_own(actor, invitation)
    if not Invitation.objects.filter(pk=invitation.pk, invitee=actor.user, used_at=None).update(invitee=None):
        raise errors.InvitationOver("This invitation has just been used or revoked.")


@transaction.atomic
def _join(actor: Actor, invitation: Invitation) -> Membership:
    if actor.user.is_service_account:
        raise errors.Denied("A service account belongs to one team, and joins no other.")
    already = errors.AlreadyMember(f"You are already in team '{invitation.team.name}'.")
    with errors.refuse(membership_unique=already):
        membership = invitation.team.memberships.create(user=actor.user, role=invitation.role)
    # Of two who open the link at once, only one updates this row; the other membership is rolled back.
    unused = Invitation.objects.filter(pk=invitation.pk, used_at=None)
    if not unused.update(used_at=timezone.now(), used_by=actor.user):
        raise errors.InvitationOver("This invitation has already been used. Each works once: ask for a new one.")
    # What else invited the user into this team has nothing to ask any more, nor has what the user declined.
    invitation.team.invitations.filter(username=actor.user.username, used_at=None).delete()
    return membership


@transaction.atomic
def sign_up(token: str, username: str, password: str) -> User:
    """A new user who is a member of the team. Raises `InvitationOver`, and what `users.create` raises."""
    user = users.create(username, password, find(token).email)
    accept(Actor(user), token)
    return user


def _require_room(team: Team, pending: QuerySet[Invitation]) -> None:
    refusal = errors.TooManyInvitations(
        f"{MOST_PENDING} invitations to team '{team.name}' are pending: revoke some, or wait until they expire."
    )
    row_limits.require_room(team, pending, MOST_PENDING, refusal)


def _require_own(actor: Actor, invitation: Invitation) -> None:
    if invitation.invitee_id is None or invitation.invitee_id != actor.user.pk:
        raise errors.InvitationOver("This invitation is for someone else.")


def _may_invite(user: User, team: Team) -> bool:
    """Admins of the team, and staff, whose permission was checked when they invited."""
    role = permissions.role_in(user, team)
    return user.is_active and (user.is_staff or (role is not None and role.covers(Role.ADMIN)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
