"""Whether deliveries and e-mails go out, and how long the oldest has been waiting."""

from datetime import timedelta

from django.db import DatabaseError
from django.utils import timezone

from artifacts import health
from notifications.models import Delivery, InboxItem

WORKERS = "notifications"
# A turn with a slow host takes a good half minute, and several webhooks of one host take turns.
MAX_LAG = timedelta(minutes=5)


def check() -> str:
    """A message where nobody sends them, or they lag behind; "" otherwise."""
    problem = health.check_workers(WORKERS, "notification worker", "notifications", "webhooks and e-mails are delayed")
    return problem or _check_lag()


def lag() -> timedelta:
    """How long the delivery or e-mail has been waiting that should have been sent first."""
    now = timezone.now()
    delivery = Delivery.objects.due(now).order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first()
    mails = InboxItem.objects.filter(mail=InboxItem.Mail.PENDING, next_mail_at__lte=now).order_by("next_mail_at")
    mail = mails.values_list("next_mail_at", flat=True).first()
    return now - min(filter(None, (delivery, mail)), default=now)


def _check_lag() -> str:
    try:
        waiting = lag()
    except DatabaseError:
        return ""
    if waiting < MAX_LAG:
        return ""
    return (
        f"Webhooks and e-mails are delayed: the oldest has been waiting for {int(waiting.total_seconds() // 60)} min."
    )
