"""Celery tasks: each calls one verb, and may run twice."""

from datetime import timedelta
from typing import Any

from accounts import login_throttle
from wanllmdb.celery import app


@app.task
def prune_sign_in_limits() -> None:
    login_throttle.prune()


BEAT: dict[str, dict[str, Any]] = {
    "accounts-prune-sign-in-limits": {"task": prune_sign_in_limits.name, "schedule": timedelta(minutes=10)},
}

# At import, not by Celery's signal, which is not sent again where something has read the app's tasks before.
app.conf.beat_schedule.update(BEAT)
