"""The e-mail address of a user: it is theirs once they have confirmed it by the link that was sent to it."""

from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.urls import reverse

from accounts import errors, invitation_emails
from accounts.actor import Actor
from accounts.models import User
from core import mail

LINK_LIFE = timedelta(days=1)
_SALT = "accounts.email-address"


def change(actor: Actor, email: str) -> None:
    """Send a link to the address by which the user confirms it; without an address, remove the one there is.

    Raises `Conflict` where no e-mail may be sent, and `Unavailable` where the mail server does not take it.
    """
    user = actor.user
    if not email:
        User.objects.filter(pk=user.pk).update(email="")
        return
    if not mail.is_configured():
        raise errors.Conflict("This server sends no e-mail, so that an address cannot be confirmed.")
    if not invitation_emails.may_send(user):
        raise errors.Conflict(f"You have sent {invitation_emails.A_DAY} e-mails in a day: try again tomorrow.")
    body = (
        f"Confirm that this is the e-mail address of {user.username} in wanLLMDB:\n{link(user, email)}\n\n"
        "The link works for a day. If you did not ask for it, ignore this e-mail.\n"
    )
    headers = {"Auto-Submitted": "auto-generated"}
    try:
        EmailMessage("Confirm your e-mail address for wanLLMDB", body, to=[email], headers=headers).send()
    except (OSError, SMTPException, ValueError) as error:
        raise errors.Unavailable(f"The e-mail to {email} could not be sent. Try again later.") from error


def link(user: User, email: str) -> str:
    """The URL by which the user confirms the address: signed, and of no use once the user has another one."""
    token = signing.dumps([str(user.pk), user.email, email], salt=_SALT)
    return settings.BASE_URL + reverse("email-confirm", args=[token])


def requested(actor: Actor, token: str) -> str:
    """The address that a link of `change` is about. Raises `Missing` for one that is not, or no longer, the user's."""
    try:
        user, before, email = signing.loads(token, salt=_SALT, max_age=LINK_LIFE)
    except (signing.BadSignature, ValueError, TypeError):
        user = before = email = ""
    if user != str(actor.user.pk) or before != actor.user.email:
        raise errors.Missing("This link is not valid for your account, was used, or has expired: request a new one.")
    return email


def confirm(actor: Actor, token: str) -> None:
    """Make it the user's address. Raises `Missing`."""
    email = requested(actor, token)
    User.objects.filter(pk=actor.user.pk, email=actor.user.email).update(email=email)
