"""What a worker does for a webhook: everything that waits for it, in order, one after the other.

One worker at a time has a webhook to itself, so that a slow receiver holds up its own deliveries and no others.
"""

import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Role
from notifications import errors, http_client, signatures, url_policy
from notifications.models import Attempt, Delivery, Event, Kind, Webhook

# After so long the webhook goes back to the queue, and others have their turn.
_TURN_SECONDS = 30
_GONE = 410
_BATCH = 500


class Sent(NamedTuple):
    """What was sent, when, and what came back."""

    headers: dict[str, str]
    at: datetime
    answer: http_client.Response


def deliver_due(webhook_id: UUID | str, lookup: url_policy.Lookup = url_policy.resolve_host) -> list[UUID]:
    """Send what is due to the webhook. The events that came of it are the answer: they are to be announced."""
    made: list[UUID] = []
    until = time.monotonic() + _TURN_SECONDS
    with _alone_with(webhook_id) as is_alone:
        while is_alone and time.monotonic() < until and (delivery := _next(webhook_id)):
            event = _settle(delivery.pk, _try(delivery, lookup))
            made += [event.pk] if event else []
    return made


def due(now: datetime) -> Iterable[UUID]:
    """Webhooks that something is due for, and that no worker is busy with."""
    free = Q(webhook__busy_until=None) | Q(webhook__busy_until__lt=now)
    due = Delivery.objects.due(now).filter(free).order_by("webhook_id")
    return due.values_list("webhook_id", flat=True).distinct()[:_BATCH]


@contextmanager
def _alone_with(webhook_id: UUID | str) -> Iterator[bool]:
    """Whether the webhook was free. It is this worker's until the end, or until the worker must have died."""
    now = timezone.now()
    longest = timedelta(seconds=_TURN_SECONDS + settings.WEBHOOK_TOTAL_TIMEOUT + settings.WEBHOOK_CONNECT_TIMEOUT)
    mine = now + 2 * longest
    rows = Webhook.objects.filter(pk=webhook_id)
    if not rows.filter(Q(busy_until=None) | Q(busy_until__lt=now)).update(busy_until=mine):
        yield False
        return
    try:
        yield True
    finally:
        rows.filter(busy_until=mine).update(busy_until=None)


def _next(webhook_id: UUID | str) -> Delivery | None:
    due = Delivery.objects.due(timezone.now()).filter(webhook=webhook_id)
    return due.select_related("event", "webhook__project__team").first()


def _try(delivery: Delivery, lookup: url_policy.Lookup) -> Sent:
    event, webhook = delivery.event, delivery.webhook
    now = timezone.now()
    body = event.body
    signed = signatures.headers(webhook.secret, event.message_id, int(now.timestamp()), body)
    headers = {"Content-Type": "application/json", "User-Agent": "wanLLMDB", "Accept": "*/*", **signed}
    try:
        answer = http_client.post(url_policy.find(webhook.url, lookup), headers, body)
    except errors.AddressRefused as refusal:
        answer = http_client.Response(None, "", str(refusal), 0)
    return Sent(headers, now, answer)


@transaction.atomic
def _settle(delivery_id: UUID, sent: Sent) -> Event | None:
    """Delivered, to be tried again, or given up. The answer is the event that the webhook was paused, if it was."""
    rows = Delivery.objects.select_related("event", "webhook").select_for_update(no_key=True, of=("self", "webhook"))
    delivery = rows.filter(pk=delivery_id).first()
    if delivery is None:
        # Somebody deleted the webhook meanwhile.
        return None
    webhook, answer = delivery.webhook, sent.answer
    _write_down(delivery, sent)
    delivery.attempts += 1
    now = timezone.now()
    if answer.is_success:
        _finish(delivery, Delivery.State.DELIVERED, now)
        Webhook.objects.filter(pk=webhook.pk).exclude(failures=0).update(failures=0)
        return None
    is_test = delivery.event.kind == Kind.WEBHOOK_TEST
    if not is_test and answer.status != _GONE and delivery.attempts < settings.WEBHOOK_ATTEMPTS:
        delivery.next_try_at = now + _pause_after(delivery.attempts, answer)
        delivery.save(update_fields=["attempts", "next_try_at"])
        return None
    _finish(delivery, Delivery.State.FAILED, now)
    return None if is_test else _count_failure(webhook, answer)


def _write_down(delivery: Delivery, sent: Sent) -> None:
    answer = sent.answer
    Attempt.objects.create(
        delivery=delivery,
        headers=sent.headers,
        status_code=answer.status,
        response=answer.body,
        error=answer.error[:300],
        duration_ms=answer.duration_ms,
        created_at=sent.at,
    )


def _finish(delivery: Delivery, state: Delivery.State, now: datetime) -> None:
    delivery.state, delivery.next_try_at, delivery.finished_at = state, None, now
    delivery.save(update_fields=["state", "attempts", "next_try_at", "finished_at"])


def _pause_after(attempts: int, answer: http_client.Response) -> timedelta:
    """Four times as long after each try, as long as the receiver asks for, and never the same for many at once."""
    longest = settings.WEBHOOK_LONGEST_PAUSE
    pause = min(settings.WEBHOOK_FIRST_PAUSE * 4 ** (attempts - 1), longest)
    asked = min(timedelta(seconds=answer.retry_after or 0), longest)
    return max(pause * random.uniform(0.75, 1.25), asked)


def _count_failure(webhook: Webhook, answer: http_client.Response) -> Event | None:
    Webhook.objects.filter(pk=webhook.pk).update(failures=F("failures") + 1)
    failures = webhook.failures + 1
    if answer.status == _GONE:
        return _pause(webhook, "The receiver responded with 410 Gone.")
    if failures < settings.WEBHOOK_FAILURES_BEFORE_PAUSE:
        return None
    why = answer.error or f"The last response was {answer.status}."
    return _pause(webhook, f"{failures} deliveries in a row failed. {why}")


def _pause(webhook: Webhook, reason: str) -> Event | None:
    """Stop sending, and let the admins of the team know."""
    if webhook.paused_at is not None:
        return None
    now = timezone.now()
    Webhook.objects.filter(pk=webhook.pk).update(paused_at=now, pause_reason=reason[:300])
    project = webhook.project
    admins = project.team.memberships.filter(role=Role.ADMIN).values_list("user_id", flat=True)
    data = {
        "project": project.full_name,
        "url": settings.BASE_URL + webhook.get_absolute_url(),
        "webhook": {"id": str(webhook.pk), "description": webhook.description},
        "reason": reason[:300],
    }
    told = [str(user_id) for user_id in admins]
    return Event.objects.create(kind=Kind.WEBHOOK_PAUSED, project=project, data=data, by=None, tell=told)
