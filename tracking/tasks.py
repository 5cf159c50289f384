"""Celery tasks: each calls one verb, and may run twice.

The rows are the queue and a message is a nudge: `sweep` finds what a lost message left behind.
"""

from datetime import timedelta
from typing import Any

from artifacts import errors
from tracking import compaction, files, garbage
from wanllmdb.celery import app

_RETRY = {"autoretry_for": (errors.Unavailable,), "retry_backoff": 5, "retry_backoff_max": 300, "max_retries": 5}


@app.task(**_RETRY)
def compact(run_id: str) -> None:
    compaction.compact(run_id)


@app.task
def sweep() -> None:
    for run_id in compaction.runs_with_work():
        compact.delay(str(run_id))


@app.task(**_RETRY)
def run_gc() -> None:
    files.settle_uploads()
    garbage.delete_orphans()


BEAT: dict[str, dict[str, Any]] = {
    "tracking-sweep": {"task": sweep.name, "schedule": timedelta(minutes=1)},
    "tracking-run-gc": {"task": run_gc.name, "schedule": timedelta(minutes=10)},
}

# At import, not by Celery's signal, which is not sent again where something has read the app's tasks before.
app.conf.beat_schedule.update(BEAT)
