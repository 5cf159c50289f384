"""The workers' part: each task calls one verb, and may run twice."""

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


@app.on_after_finalize.connect
def _schedule(sender: Any, **_: Any) -> None:
    sender.conf.beat_schedule.update(BEAT)
