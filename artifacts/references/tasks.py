"""Celery tasks of references. Checking waits for hosts of others: see the routes."""

from datetime import timedelta
from typing import Any

from artifacts.references import drift
from wanllmdb.celery import app

_SWEEP_EVERY = timedelta(minutes=1)


@app.task
def check() -> None:
    """One turn, and on to the next while any version waits."""
    if drift.check_next():
        check.delay()


@app.task(expires=_SWEEP_EVERY.total_seconds())
def sweep() -> None:
    if drift.is_waiting():
        check.apply_async(expires=_SWEEP_EVERY.total_seconds())


@app.task
def schedule() -> None:
    if drift.schedule():
        check.delay()


BEAT: dict[str, dict[str, Any]] = {
    "references-sweep": {"task": sweep.name, "schedule": _SWEEP_EVERY},
    "references-schedule": {"task": schedule.name, "schedule": timedelta(hours=1)},
}

# At import, as those of `artifacts.tasks`.
app.conf.beat_schedule.update(BEAT)
