"""The verbs of invitations: links that make one person a member of a team.

Whoever has the link may use it, so it is valid for a week, and only while its creator may invite.
"""

import hashlib
import secrets

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import errors, permissions, users
from accounts.actor import Actor
from accounts.models import Invitation, Membership, Role, Team, User


def create(actor: Actor, team: Team, role: Role, email: str = "") -> tuple[Invitation, str]:
    """A new invitation and the token of its link, which cannot be read again."""
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
    invitation.save(force_insert=True)
    return invitation, token


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
    if invitation.used_at is not None:
        raise errors.InvitationOver("This invitation has already been used. Each works once: ask for a new one.")
    if invitation.is_expired:
        raise errors.InvitationOver(f"This invitation expired on {invitation.expires_at:%Y-%m-%d}: ask for a new one.")
    if not _may_invite(invitation.created_by, invitation.team):
        raise errors.InvitationOver(
            "The creator of this invitation can no longer invite to the team: ask for a new one."
        )
    return invitation


@transaction.atomic
def accept(actor: Actor, token: str) -> Membership:
    """Make the user a member of the team. Raises `InvitationOver`, or `AlreadyMember`, which does not use it up."""
    invitation = find(token)
    already = errors.AlreadyMember(f"You are already in team '{invitation.team.name}'.")
    with errors.refuse(membership_unique=already):
        membership = invitation.team.memberships.create(user=actor.user, role=invitation.role)
    # Of two who open the link at once, only one updates this row; the other membership is rolled back.
    unused = Invitation.objects.filter(pk=invitation.pk, used_at=None)
    if not unused.update(used_at=timezone.now(), used_by=actor.user):
        raise errors.InvitationOver("This invitation has already been used. Each works once: ask for a new one.")
    return membership


@transaction.atomic
def sign_up(token: str, username: str, password: str) -> User:
    """A new user who is a member of the team. Raises `InvitationOver`, and what `users.create` raises."""
    user = users.create(username, password, find(token).email)
    accept(Actor(user), token)
    return user


def _may_invite(user: User, team: Team) -> bool:
    role = permissions.role_in(user, team)
    return user.is_active and role is not None and role.covers(Role.ADMIN)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
