"""What a worker makes of an event: a delivery for each webhook, an item for each inbox."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from notifications.models import Delivery, Event, InboxItem, InboxReason, Kind, Watch, Webhook

_BATCH = 500


class FanOutResult(NamedTuple):
    """Who has to be seen to next: webhooks with something to send, notices with a mail to be written."""

    webhooks: list[UUID]
    mails: list[UUID]


@transaction.atomic
def fan_out(event_id: UUID | str) -> FanOutResult:
    """Line up all that the event asks for. The second time there is nothing left to do."""
    waiting = Event.objects.waiting().select_related("project__team", "by")
    event = waiting.select_for_update(of=("self",)).filter(pk=event_id).first()
    if event is None:
        return FanOutResult([], [])
    hooks = [hook for hook in Webhook.objects.live().filter(project=event.project) if hook.takes(event)]
    Delivery.objects.bulk_create(Delivery(webhook=hook, event=event) for hook in hooks)
    notices = InboxItem.objects.bulk_create(_notices(event))
    event.announced_at = timezone.now()
    event.save(update_fields=["announced_at"])
    mails = [notice.pk for notice in notices if notice.mail == InboxItem.Mail.PENDING]
    return FanOutResult([hook.pk for hook in hooks], mails)


def unannounced(before: datetime) -> Iterable[UUID]:
    """Events that were to be announced before that moment, and were not."""
    return Event.objects.waiting().filter(created_at__lt=before).values_list("pk", flat=True)[:_BATCH]


def prune() -> None:
    """Forget what happened longer ago than `EVENT_LIFE`, with all that was sent of it."""
    old = Event.objects.filter(created_at__lt=timezone.now() - settings.EVENT_LIFE).order_by("created_at")
    while batch := list(old.values_list("pk", flat=True)[:_BATCH]):
        Event.objects.filter(pk__in=batch).delete()


def _notices(event: Event) -> list[InboxItem]:
    """One for each person, never for who did it, and only for who sees the project."""
    watches = {watch.user_id: watch for watch in _watches(event)}
    concerned = {UUID(user_id) for user_id in event.tell}
    readers = event.project.users_with_access().filter(pk__in=watches.keys() | concerned).exclude(pk=event.by_id)
    notices = []
    for person in readers.order_by("pk"):
        watch = watches.get(person.pk)
        why = InboxReason.CONCERNED if person.pk in concerned else InboxReason.WATCHING
        by_mail = watch is not None and watch.by_email and bool(person.email)
        mail = {"mail": InboxItem.Mail.PENDING, "next_mail_at": timezone.now()} if by_mail else {}
        notices.append(InboxItem(user=person, event=event, why=why, **mail))
    return notices


def _watches(event: Event) -> list[Watch]:
    """Those that the event fits, those that ask for mail last: where somebody has two, that one counts."""
    if event.kind in (Kind.ALIAS_APPROVED, Kind.WEBHOOK_TEST, Kind.WEBHOOK_PAUSED):
        # Of an approved move, watchers hear as of any other.
        return []
    fitting = Watch.objects.matching(event.project, event.artifact_id).order_by("by_email")
    return [watch for watch in fitting if watch.covers(event.alias)]
