"""Mail to people who watch: one for each item of their inbox, by a worker that has it to itself for as long."""

import random
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.utils import timezone

from notifications import host_leases
from notifications.models import InboxItem

# Longer than a mail server is waited for.
_CLAIM = timedelta(minutes=2)
_FIRST_PAUSE = timedelta(minutes=1)
_BATCH = 500


def send(item_id: UUID | str) -> None:
    """Send the mail, if it is due and its reader may still read it. What fails is tried again later."""
    item = _claimed(item_id)
    if item is None:
        return
    if not item.event.project.users_with_access().filter(pk=item.user_id).exclude(email="").exists():
        _finish(item, InboxItem.Mail.DROPPED)
        return
    try:
        _mail(item).send()
    except (OSError, SMTPException):
        _try_later(item)
    except ValueError:
        # The address is none, or would have begun a header of its own.
        _finish(item, InboxItem.Mail.FAILED)
    else:
        _finish(item, InboxItem.Mail.SENT)


def send_due() -> None:
    """Send what is due, one after the other: a slow mail server holds up one worker."""
    until = time.monotonic() + host_leases.TURN_SECONDS
    with alone_with_mail_server() as is_alone:
        while is_alone and time.monotonic() < until and (items := list(due(timezone.now()))):
            for item_id in items:
                if time.monotonic() < until:
                    send(item_id)


def alone_with_mail_server() -> AbstractContextManager[bool]:
    """As `host_leases.alone_with`."""
    return host_leases.alone_with(f"mail {settings.EMAIL_HOST}:{settings.EMAIL_PORT}")


def due(now: datetime) -> Iterable[UUID]:
    """Items whose mail is due."""
    due = InboxItem.objects.filter(mail=InboxItem.Mail.PENDING, next_mail_at__lte=now)
    return due.order_by("next_mail_at").values_list("pk", flat=True)[:_BATCH]


def _claimed(item_id: UUID | str) -> InboxItem | None:
    """The item, if its mail is due and no other worker has it."""
    now = timezone.now()
    due = InboxItem.objects.filter(pk=item_id, mail=InboxItem.Mail.PENDING, next_mail_at__lte=now)
    if not due.update(next_mail_at=now + _CLAIM, mail_attempts=F("mail_attempts") + 1):
        return None
    return InboxItem.objects.select_related("user", "event__project__team").get(pk=item_id)


def _mail(item: InboxItem) -> EmailMessage:
    message = item.event.message
    label = "Reason: " if item.event.data.get("reason") else ""
    text = f"{message}.\n\n" + (f"{label}{item.event.details}\n\n" if item.event.details else "")
    link = settings.BASE_URL + item.event.get_absolute_url()
    footer = f"You receive this e-mail because you watch {item.event.project.full_name}: {settings.BASE_URL}/watches"
    host = urlsplit(settings.BASE_URL).hostname
    return EmailMessage(
        subject=f"[{item.event.project.full_name}] {message}"[:200],
        body=f"{text}{link}\n\n-- \n{footer}\n",
        to=[item.user.email],
        # The same each time: should one be sent twice after all, mail programs show it once.
        headers={"Message-ID": f"<{item.pk}@{host}>", "Auto-Submitted": "auto-generated"},
    )


def _try_later(item: InboxItem) -> None:
    if item.mail_attempts >= settings.MAIL_ATTEMPTS:
        _finish(item, InboxItem.Mail.FAILED)
        return
    pause = _FIRST_PAUSE * 4 ** (item.mail_attempts - 1) * random.uniform(0.75, 1.25)
    InboxItem.objects.filter(pk=item.pk).update(next_mail_at=timezone.now() + pause)


def _finish(item: InboxItem, mail: InboxItem.Mail) -> None:
    InboxItem.objects.filter(pk=item.pk).update(mail=mail, next_mail_at=None)
