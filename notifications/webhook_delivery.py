"""What a worker does for a webhook: everything that waits for it, in order, one after the other.

One worker at a time has a webhook to itself, and the host that it leads to, so that a slow receiver holds up its own
deliveries and no others.
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
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import Role
from core import encryption, guarded_http, url_policy
from events import outbox
from notifications import errors, host_leases, signatures
from notifications.models import Attempt, Delivery, Webhook
from notifications.webhook_events import WEBHOOK_PAUSED, WEBHOOK_TEST

# A delivery is given up after so many attempts. The first pause is this long, each other one four times the one before:
# ten hours in all.
MAX_ATTEMPTS = 8
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=6)
# A webhook is paused after this many failed deliveries in a row.
FAILURES_BEFORE_PAUSE = 5
_GONE = 410
_BATCH = 500


class Sent(NamedTuple):
    """What was sent, when, and what came back."""

    headers: dict[str, str]
    at: datetime
    response: guarded_http.Response


def deliver_due(webhook_id: UUID | str, lookup: url_policy.Lookup = url_policy.resolve_host) -> UUID | None:
    """Send what is due to the webhook, and pause it where it is past hope.

    Returns the webhook of the same host whose turn is next. Does nothing while another worker sends to the host.
    """
    url = Webhook.objects.filter(pk=webhook_id).values_list("url", flat=True).first()
    if url is None:
        return None
    with host_leases.alone_with(host_leases.host_of(url)) as has_host:
        if not has_host:
            return None
        _take_turn(webhook_id, lookup)
    return _next_of_host(host_leases.host_of(url))


def _take_turn(webhook_id: UUID | str, lookup: url_policy.Lookup) -> None:
    until = time.monotonic() + host_leases.TURN_SECONDS
    with _alone_with(webhook_id) as is_alone:
        while is_alone and time.monotonic() < until and (delivery := _next(webhook_id)):
            _record_attempt(delivery.pk, _attempt(delivery, lookup))


def limits() -> guarded_http.Limits:
    """How long a receiver is waited for."""
    return guarded_http.Limits(
        settings.WEBHOOK_CONNECT_TIMEOUT, settings.WEBHOOK_READ_TIMEOUT, settings.WEBHOOK_TOTAL_TIMEOUT
    )


def due(now: datetime) -> Iterable[UUID]:
    """Webhooks that something is due for, and that no worker is busy with."""
    return _free(now).order_by("webhook_id").values_list("webhook_id", flat=True).distinct()[:_BATCH]


def _free(now: datetime) -> QuerySet[Delivery]:
    free = Q(webhook__busy_until=None) | Q(webhook__busy_until__lt=now)
    return Delivery.objects.due(now).filter(free)


def _next_of_host(host: str) -> UUID | None:
    """The webhook of the host whose delivery has been waiting longest."""
    due = _free(timezone.now()).order_by("next_attempt_at").values_list("webhook_id", "webhook__url")
    return next((webhook_id for webhook_id, url in due[:_BATCH] if host_leases.host_of(url) == host), None)


@contextmanager
def _alone_with(webhook_id: UUID | str) -> Iterator[bool]:
    """Whether the webhook was free. It is this worker's until the end, or until the worker must have died."""
    now = timezone.now()
    mine = now + 2 * host_leases.longest_turn()
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


def _attempt(delivery: Delivery, lookup: url_policy.Lookup) -> Sent:
    event, webhook = delivery.event, delivery.webhook
    now = timezone.now()
    body = delivery.body
    try:
        signed = signatures.headers(webhook.secret, event.message_id, int(now.timestamp()), body)
    except encryption.Undecryptable as refusal:
        return Sent({}, now, guarded_http.Response(None, "", str(refusal), 0))
    headers = {"Content-Type": "application/json", "User-Agent": "wanLLMDB", "Accept": "*/*", **signed}
    try:
        destination = url_policy.find(webhook.url, url_policy.for_webhooks(), lookup)
        response = guarded_http.post(destination, headers, body, limits())
    except errors.AddressRefused as refusal:
        response = guarded_http.Response(None, "", str(refusal), 0)
    return Sent(headers, now, response)


@transaction.atomic
def _record_attempt(delivery_id: UUID, sent: Sent) -> None:
    """Write the attempt down; with it the delivery is through, to be attempted again, or given up."""
    rows = Delivery.objects.select_related("event", "webhook").select_for_update(no_key=True, of=("self", "webhook"))
    delivery = rows.filter(pk=delivery_id).first()
    if delivery is None:
        # Somebody deleted the webhook meanwhile.
        return
    webhook, response = delivery.webhook, sent.response
    Attempt.objects.create(
        delivery=delivery,
        headers=sent.headers,
        status_code=response.status,
        response=response.body,
        error=response.error[:300],
        duration_ms=response.duration_ms,
        created_at=sent.at,
    )
    delivery.attempt_count += 1
    now = timezone.now()
    if response.is_success:
        _finish(delivery, Delivery.State.DELIVERED, now)
        Webhook.objects.filter(pk=webhook.pk).exclude(failures=0).update(failures=0)
        return
    is_test = delivery.event.kind == WEBHOOK_TEST.name
    if not is_test and response.status != _GONE and delivery.attempt_count < MAX_ATTEMPTS:
        delivery.next_attempt_at = now + _pause_after(delivery.attempt_count, response)
        delivery.save(update_fields=["attempt_count", "next_attempt_at"])
        return
    _finish(delivery, Delivery.State.FAILED, now)
    if not is_test:
        _count_failure(webhook, response)


def _finish(delivery: Delivery, state: Delivery.State, now: datetime) -> None:
    delivery.state, delivery.next_attempt_at, delivery.finished_at = state, None, now
    delivery.save(update_fields=["state", "attempt_count", "next_attempt_at", "finished_at"])


def _pause_after(attempt_count: int, response: guarded_http.Response) -> timedelta:
    """Four times as long after each attempt, as long as the receiver asks for, and never the same for many at once."""
    pause = min(FIRST_PAUSE * 4 ** (attempt_count - 1), LONGEST_PAUSE)
    retry_after = min(timedelta(seconds=response.retry_after or 0), LONGEST_PAUSE)
    return max(pause * random.uniform(0.75, 1.25), retry_after)


def _count_failure(webhook: Webhook, response: guarded_http.Response) -> None:
    Webhook.objects.filter(pk=webhook.pk).update(failures=F("failures") + 1)
    failures = webhook.failures + 1
    if response.status == _GONE:
        _pause(webhook, "The receiver responded with 410 Gone.")
    elif failures >= FAILURES_BEFORE_PAUSE:
        last_error = response.error or f"The last response was {response.status}."
        _pause(webhook, f"{failures} deliveries in a row failed. {last_error}")


def _pause(webhook: Webhook, reason: str) -> None:
    """Stop sending, and let the admins of the team know."""
    if webhook.paused_at is not None:
        return
    now = timezone.now()
    Webhook.objects.filter(pk=webhook.pk).update(paused_at=now, pause_reason=reason[:300])
    project = webhook.project
    admins = project.team.memberships.filter(role=Role.ADMIN).select_related("user")
    data = {
        "project": project.full_name,
        "url": settings.BASE_URL + webhook.get_absolute_url(),
        "webhook": {"id": str(webhook.pk), "description": webhook.description},
        "reason": reason[:300],
    }
    outbox.record(WEBHOOK_PAUSED, project, data, actor=None, recipients=[member.user for member in admins])
