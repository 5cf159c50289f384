"""Celery tasks: each calls one verb, and may run twice."""

from datetime import timedelta
from typing import Any

from projects import runs
from wanllmdb.celery import app


@app.task
def mark_crashed() -> None:
    runs.mark_crashed()


BEAT: dict[str, dict[str, Any]] = {
    "projects-mark-crashed": {"task": "projects.tasks.mark_crashed", "schedule": timedelta(minutes=1)},
}

# At import, not by Celery's signal, which is not sent again where something has read the app's tasks before.
app.conf.beat_schedule.update(BEAT)
