"""The workers' queue: each task finds nothing out and decides nothing, it calls one verb. All may run twice."""

from datetime import timedelta
from typing import Any

from events import outbox
from wanllmdb.celery import app


@app.task
def prune() -> None:
    outbox.prune()


BEAT: dict[str, dict[str, Any]] = {
    "events-prune": {"task": prune.name, "schedule": timedelta(minutes=60)},
}

# At import, not by Celery's signal: that one is over where something has asked the app for its tasks before.
app.conf.beat_schedule.update(BEAT)
