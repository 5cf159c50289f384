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
_LEFT_BEHIND_AFTER = timedelta(seconds=30)


@app.task
def announce(event_id: str) -> None:
    announced = fan_out.fan_out(event_id)
    for webhook_id in announced.webhooks:
        deliver.delay(str(webhook_id))
    for notice_id in announced.mails:
        mail.delay(str(notice_id))


@app.task
def deliver(webhook_id: str) -> None:
    for event_id in webhook_delivery.deliver_due(webhook_id):
        announce.delay(str(event_id))


@app.task
def mail(notice_id: str) -> None:
    emails.send(notice_id)


@app.task(expires=_SWEEP_EVERY.total_seconds())
def sweep() -> None:
    now = timezone.now()
    for event_id in fan_out.unannounced(now - _LEFT_BEHIND_AFTER):
        announce.delay(str(event_id))
    for webhook_id in webhook_delivery.due(now):
        deliver.delay(str(webhook_id))
    for notice_id in emails.due(now):
        mail.delay(str(notice_id))


@app.task
def tidy() -> None:
    fan_out.prune()


BEAT: dict[str, dict[str, Any]] = {
    "notifications-sweep": {"task": "notifications.tasks.sweep", "schedule": _SWEEP_EVERY},
    "notifications-tidy": {"task": "notifications.tasks.tidy", "schedule": timedelta(minutes=60)},
}

# At import, not by Celery's signal: that one is over where something has asked the app for its tasks before.
app.conf.beat_schedule.update(BEAT)
