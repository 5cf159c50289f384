"""The workers' queue: each task finds nothing out and decides nothing, it calls one verb. All may run twice.

The rows are the queue and a message is a nudge: `sweep` finds what a lost message left behind, and what is to be tried
again. What waits for hosts of others goes through a queue of its own, `notifications`, with workers of its own: however
slow they are, what the server promises by itself is not held up.
"""

from datetime import timedelta
from typing import Any

from celery.signals import worker_ready
from django.utils import timezone

from artifacts import health
from notifications import digests, emails, fan_out, webhook_delivery
from notifications.health import WORKERS
from wanllmdb.celery import app

_SWEEP_EVERY = timedelta(seconds=10)
_DIGESTS_EVERY = timedelta(minutes=5)
# After so many batches of events other tasks have their turn.
_BATCHES_A_TURN = 50


@app.task
def announce() -> None:
    """All events that are written by now."""
    for _ in range(_BATCHES_A_TURN):
        result = fan_out.announce_next()
        if result is None:
            return
        see_to(result)
    announce.delay()


def see_to(result: fan_out.FanOutResult) -> None:
    """Have sent what was lined up."""
    for webhook_id in result.webhooks:
        deliver.delay(str(webhook_id))
    if result.mails:
        mail.delay()


@app.task
def deliver(webhook_id: str) -> None:
    next_webhook = webhook_delivery.deliver_due(webhook_id)
    if next_webhook:
        deliver.delay(str(next_webhook))


@app.task
def mail(item_id: str = "") -> None:
    """All that is due. Messages of earlier releases name one item."""
    emails.send_due()


@app.task(expires=_DIGESTS_EVERY.total_seconds())
def send_digests() -> None:
    digests.send_due()


@app.task(expires=health.HEARTBEAT_INTERVAL.total_seconds())
def record_heartbeat() -> None:
    health.record_heartbeat(WORKERS)


@worker_ready.connect
def _record_first_heartbeat(**_: Any) -> None:
    """Through the queue, as all work comes: the first one of beat is due only half a minute later."""
    record_heartbeat.delay()


@app.task(expires=_SWEEP_EVERY.total_seconds())
def sweep() -> None:
    now = timezone.now()
    announce.delay()
    # Those that are still there at the next sweep are asked for again.
    for webhook_id in webhook_delivery.due(now):
        deliver.apply_async([str(webhook_id)], expires=_SWEEP_EVERY.total_seconds())
    if emails.due(now):
        mail.apply_async(expires=_SWEEP_EVERY.total_seconds())


BEAT: dict[str, dict[str, Any]] = {
    "notifications-sweep": {"task": sweep.name, "schedule": _SWEEP_EVERY},
    "notifications-send-digests": {"task": send_digests.name, "schedule": _DIGESTS_EVERY},
    "notifications-record-heartbeat": {"task": record_heartbeat.name, "schedule": health.HEARTBEAT_INTERVAL},
}

# At import, not by Celery's signal: that one is over where something has asked the app for its tasks before.
app.conf.beat_schedule.update(BEAT)
