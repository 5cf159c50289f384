"""The link of an invitation by e-mail, where a mail server is configured; whoever invites sees it in any case."""

from collections.abc import Callable
from smtplib import SMTPException

from django.core.cache import cache
from django.core.mail import EmailMessage

from accounts import errors, invitations, permissions
from accounts.actor import Actor
from accounts.models import Invitation, Role, Team, User
from core import mail

# Of one user, as each process counts them: this server is nobody's means to send mail to strangers.
A_DAY = 50
_DAY = 24 * 3600


def send(invitation: Invitation, link: str) -> bool:
    """Send the link to the invitation's address. Whether the mail server took it; waits for it, at most ten seconds."""
    if not (invitation.email and mail.is_configured() and may_send(invitation.created_by)):
        return False
    team, by = invitation.team.name, invitation.created_by.username
    body = (
        f"{by} invited you to team {team} in wanLLMDB as {invitation.role_in_words}.\n\n"
        f"Accept the invitation:\n{link}\n\n"
        f"The link works for one person, until {invitation.expires_at:%Y-%m-%d}. If you did not expect this e-mail, "
        "ignore it.\n"
    )
    headers = {"Auto-Submitted": "auto-generated"}
    message = EmailMessage(f"{by} invited you to team {team} in wanLLMDB", body, to=[invitation.email], headers=headers)
    try:
        return bool(message.send())
    except (OSError, SMTPException, ValueError):
        return False


def invite(actor: Actor, team: Team, role: Role, email: str, url_of: Callable[[str], str]) -> Invitation:
    """Invite by e-mail alone, where whoever invites cannot be shown the link, which is `url_of` its token.

    Raises `Invalid` where the e-mail cannot be sent, and what `invitations.create` raises.
    """
    permissions.require(actor, team, Role.ADMIN)
    elsewhere = f"invite a user of this server by name, or create a link on the page of team '{team.name}'"
    if not mail.is_configured():
        raise errors.Invalid(f"This server sends no e-mail: {elsewhere}.")
    invitation, token = invitations.create(actor, team, role, email)
    if not send(invitation, url_of(token)):
        invitations.revoke(actor, invitation)
        raise errors.Invalid(f"The e-mail to {email} could not be sent: {elsewhere}.")
    return invitation


def may_send(user: User) -> bool:
    """Whether the user may send one more e-mail to an address that nobody has confirmed, which is counted."""
    key = f"invitation-emails:{user.pk}"
    cache.add(key, 0, _DAY)
    return cache.incr(key) <= A_DAY
