"""A digest: what is unread in somebody's inbox, as one e-mail a day or a week, to who asks for it."""

import time
from datetime import datetime, timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from core import mail
from notifications import emails, errors, host_leases, proposal_notices
from notifications.models import Digest, InboxItem

OFF = "off"
FREQUENCIES = [(OFF, "Off"), *Digest.Frequency.choices]
# Longer than a mail server is waited for; what fails is tried again after it.
_CLAIM = timedelta(minutes=15)
MAX_ITEMS = 50
_MAX_REASON = 300
_SALT = "notifications.digest"


def frequency_of(user: User) -> str:
    """`daily`, `weekly`, or `off`. One query."""
    return Digest.objects.filter(user=user).values_list("frequency", flat=True).first() or OFF


def choose(actor: Actor, frequency: str) -> None:
    """How often the user gets a digest from now on; the first covers what comes from now on. Raises `Invalid`."""
    if frequency == OFF:
        Digest.objects.filter(user=actor.user).delete()
        return
    if frequency not in Digest.Frequency.values:
        raise errors.Invalid(f"Choose one of {', '.join(name for name, _ in FREQUENCIES)}.")
    now = timezone.now()
    columns = {"frequency": frequency, "next_at": next_time(frequency, now), "attempts": 0}
    Digest.objects.update_or_create(user=actor.user, defaults=columns, create_defaults=columns | {"covered_until": now})


def unsubscribe_url(user: User) -> str:
    """The link in a digest that ends it, for whoever has it: signed, and good for nothing else."""
    return settings.BASE_URL + reverse("digest-unsubscribe", args=[signing.dumps(str(user.pk), salt=_SALT)])


def subscriber(token: str) -> User:
    """The user whom a link of `unsubscribe_url` is for. Raises `Missing`."""
    try:
        pk = UUID(signing.loads(token, salt=_SALT))
    except (signing.BadSignature, ValueError, TypeError):
        pk = None
    user = User.objects.filter(pk=pk).first() if pk else None
    if user is None:
        raise errors.Missing("This link is not valid. Open your inbox to change your e-mail settings.")
    return user


def unsubscribe(token: str) -> None:
    """End the digest of whoever the link is for. It may be opened again. Raises `Missing`."""
    choose(Actor(subscriber(token)), OFF)


def next_time(frequency: str, after: datetime) -> datetime:
    """The next `DIGEST_HOUR` after that time, in UTC; of a weekly one on a Monday."""
    at = after.replace(hour=settings.DIGEST_HOUR, minute=0, second=0, microsecond=0)
    while at <= after or (frequency == Digest.Frequency.WEEKLY and at.weekday() != 0):
        at += timedelta(days=1)
    return at


def send_due() -> None:
    """Send those that are due, one after the other, if there is a mail server to send by."""
    if not mail.is_configured() or not Digest.objects.due(timezone.now()).exists():
        return
    until = time.monotonic() + host_leases.TURN_SECONDS
    with emails.alone_with_mail_server() as is_alone:
        while is_alone and time.monotonic() < until and (digest := Digest.objects.due(timezone.now()).first()):
            send(digest)


def send(digest: Digest) -> None:
    """Send it, if no other worker does, and if there is something to say. What fails is tried again later."""
    now = timezone.now()
    claim = Digest.objects.filter(pk=digest.pk, next_at=digest.next_at, next_at__lte=now)
    if not claim.update(next_at=now + _CLAIM, attempts=digest.attempts + 1):
        return
    digest = Digest.objects.select_related("user").get(pk=digest.pk)
    items = _unread(digest, now)
    count = items.count() if digest.user.is_active and digest.user.email else 0
    try:
        if count:
            _mail(digest, items, count).send()
    except (OSError, SMTPException):
        if digest.attempts >= settings.MAIL_ATTEMPTS:
            _finish(digest, digest.covered_until)
    except ValueError:
        # The address is none, or would have begun a header of its own.
        _finish(digest, now)
    else:
        _finish(digest, now)


def _unread(digest: Digest, until: datetime) -> QuerySet[InboxItem]:
    """What came since the last digest, of what its reader may still see, and was not sent as an e-mail of its own."""
    rows = InboxItem.objects.visible_to(digest.user).unread().filter(mail=InboxItem.Mail.NONE)
    return rows.filter(created_at__gt=digest.covered_until, created_at__lte=until).order_by("-id")


def _mail(digest: Digest, items: QuerySet[InboxItem], count: int) -> EmailMessage:
    listed = proposal_notices.attach(list(items.for_display()[:MAX_ITEMS]))
    unsubscribe = unsubscribe_url(digest.user)
    reasons = {item.pk: " ".join(str(item.event.data.get("reason") or "").split())[:_MAX_REASON] for item in listed}
    context = {
        "digest": digest,
        "items": [(item, reasons[item.pk]) for item in listed],
        "more": count - len(listed),
        "base_url": settings.BASE_URL,
        "unsubscribe_url": unsubscribe,
    }
    host = urlsplit(settings.BASE_URL).hostname
    return EmailMessage(
        subject=f"{count} {'notifications' if count > 1 else 'notification'} in wanLLMDB",
        body=render_to_string("notifications/emails/digest.txt", context),
        to=[digest.user.email],
        headers={
            "Message-ID": f"<digest-{digest.pk.hex}-{digest.covered_until:%Y%m%d%H%M%S}@{host}>",
            "Auto-Submitted": "auto-generated",
            # RFC 8058: mail programs have a button for it.
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    )


def _finish(digest: Digest, covered_until: datetime) -> None:
    """On to the next one. Who has changed or ended it meanwhile keeps to that."""
    next_at = next_time(digest.frequency, timezone.now())
    rows = Digest.objects.filter(pk=digest.pk, next_at=digest.next_at)
    rows.update(next_at=next_at, covered_until=covered_until, attempts=0)
