"""The workers' queue: each task finds nothing out and decides nothing, it calls one verb. All may run twice.

The rows are the queue and a message is a nudge: `sweep` finds what a lost message left behind, and what is to be tried
again.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from notifications import emails, fan_out, webhook_delivery
from wanllmdb.celery import app

_SWEEP_EVERY = timedelta(seconds=10)
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
    for item_id in result.mails:
        mail.delay(str(item_id))


@app.task
def deliver(webhook_id: str) -> None:
    webhook_delivery.deliver_due(webhook_id)


@app.task
def mail(item_id: str) -> None:
    emails.send(item_id)


@app.task(expires=_SWEEP_EVERY.total_seconds())
def sweep() -> None:
    now = timezone.now()
    announce.delay()
    for webhook_id in webhook_delivery.due(now):
        deliver.delay(str(webhook_id))
    for item_id in emails.due(now):
        mail.delay(str(item_id))


BEAT: dict[str, dict[str, Any]] = {
    "notifications-sweep": {"task": sweep.name, "schedule": _SWEEP_EVERY},
}

# At import, not by Celery's signal: that one is over where something has asked the app for its tasks before.
app.conf.beat_schedule.update(BEAT)
