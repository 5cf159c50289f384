"""The workers' queue: each task finds nothing out and decides nothing, it calls one verb. All may run twice.

The rows are the queue and a message is a nudge: `sweep` finds what a lost message left behind, and what is to be tried
again.
"""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from notifications import announcing, delivering, mailing
from wanllmdb.celery import app

_SWEEP_EVERY = timedelta(seconds=10)
_LEFT_BEHIND_AFTER = timedelta(seconds=30)


@app.task
def announce(event_id: str) -> None:
    announced = announcing.announce(event_id)
    for webhook_id in announced.webhooks:
        deliver.delay(str(webhook_id))
    for notice_id in announced.mails:
        mail.delay(str(notice_id))


@app.task
def deliver(webhook_id: str) -> None:
    for event_id in delivering.work_off(webhook_id):
        announce.delay(str(event_id))


@app.task
def mail(notice_id: str) -> None:
    mailing.send(notice_id)


@app.task(expires=_SWEEP_EVERY.total_seconds())
def sweep() -> None:
    now = timezone.now()
    for event_id in announcing.left_behind(now - _LEFT_BEHIND_AFTER):
        announce.delay(str(event_id))
    for webhook_id in delivering.waiting(now):
        deliver.delay(str(webhook_id))
    for notice_id in mailing.waiting(now):
        mail.delay(str(notice_id))


@app.task
def tidy() -> None:
    announcing.tidy()


BEAT: dict[str, dict[str, Any]] = {
    "notifications-sweep": {"task": "notifications.tasks.sweep", "schedule": _SWEEP_EVERY},
    "notifications-tidy": {"task": "notifications.tasks.tidy", "schedule": timedelta(minutes=60)},
}

# At import, not by Celery's signal: that one is over where something has asked the app for its tasks before.
app.conf.beat_schedule.update(BEAT)
