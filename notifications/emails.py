"""Mail to people who watch: one for each item of their inbox, by a worker that has it to itself for as long."""

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.utils import timezone

from notifications import messages
from notifications.models import InboxItem

# Longer than a mail server is waited for.
_CLAIM = timedelta(minutes=2)
_FIRST_PAUSE = timedelta(minutes=1)
_BATCH = 500


def send(notice_id: UUID | str) -> None:
    """Send the mail, if it is due and its reader may still read it. What fails is tried again later."""
    notice = _claimed(notice_id)
    if notice is None:
        return
    if not notice.event.project.readers().filter(pk=notice.user_id).exclude(email="").exists():
        _settle(notice, InboxItem.Mail.DROPPED)
        return
    try:
        _mail(notice).send()
    except (OSError, SMTPException):
        _try_later(notice)
    except ValueError:
        # The address is none, or would have begun a header of its own.
        _settle(notice, InboxItem.Mail.FAILED)
    else:
        _settle(notice, InboxItem.Mail.SENT)


def due(now: datetime) -> Iterable[UUID]:
    """Notices whose mail is due."""
    due = InboxItem.objects.filter(mail=InboxItem.Mail.PENDING, next_mail_at__lte=now)
    return due.order_by("next_mail_at").values_list("pk", flat=True)[:_BATCH]


def _claimed(notice_id: UUID | str) -> InboxItem | None:
    """The notice, if its mail is due and no other worker has it."""
    now = timezone.now()
    due = InboxItem.objects.filter(pk=notice_id, mail=InboxItem.Mail.PENDING, next_mail_at__lte=now)
    if not due.update(next_mail_at=now + _CLAIM, mail_attempts=F("mail_attempts") + 1):
        return None
    return InboxItem.objects.select_related("user", "event__project__team").get(pk=notice_id)


def _mail(notice: InboxItem) -> EmailMessage:
    sentence = messages.message_for(notice.event)
    reason = notice.event.data.get("reason") or ""
    said = f"{sentence}.\n\n" + (f"Reason: {reason}\n\n" if reason else "")
    link = settings.BASE_URL + messages.url_for(notice.event)
    leave = f"You receive this e-mail because you watch {notice.event.project.full_name}: {settings.BASE_URL}/watches"
    host = urlsplit(settings.BASE_URL).hostname
    return EmailMessage(
        subject=f"[{notice.event.project.full_name}] {sentence}"[:200],
        body=f"{said}{link}\n\n-- \n{leave}\n",
        to=[notice.user.email],
        # The same each time: should one be sent twice after all, mail programs show it once.
        headers={"Message-ID": f"<{notice.pk}@{host}>", "Auto-Submitted": "auto-generated"},
    )


def _try_later(notice: InboxItem) -> None:
    if notice.mail_attempts >= settings.MAIL_ATTEMPTS:
        _settle(notice, InboxItem.Mail.FAILED)
        return
    pause = _FIRST_PAUSE * 4 ** (notice.mail_attempts - 1) * random.uniform(0.75, 1.25)
    InboxItem.objects.filter(pk=notice.pk).update(next_mail_at=timezone.now() + pause)


def _settle(notice: InboxItem, mail: InboxItem.Mail) -> None:
    InboxItem.objects.filter(pk=notice.pk).update(mail=mail, next_mail_at=None)
