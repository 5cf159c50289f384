"""The link of an invitation by e-mail, where a mail server is configured; whoever invites sees it in any case."""

from smtplib import SMTPException

from django.core.cache import cache
from django.core.mail import EmailMessage

from accounts.models import Invitation, User
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


def may_send(user: User) -> bool:
    """Whether the user may send one more e-mail to an address that nobody has confirmed, which is counted."""
    key = f"invitation-emails:{user.pk}"
    cache.add(key, 0, _DAY)
    return cache.incr(key) <= A_DAY
