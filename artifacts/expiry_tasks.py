"""The Celery task of expiry, beside `artifacts.tasks`: it stands above the verbs that it calls, which nudge those."""

from datetime import timedelta
from typing import Any

from artifacts import expiry
from wanllmdb.celery import app


@app.task
def delete_expired() -> None:
    expiry.delete_expired()


BEAT: dict[str, dict[str, Any]] = {
    "artifacts-delete-expired": {"task": delete_expired.name, "schedule": timedelta(minutes=10)},
}

# At import, as those of `artifacts.tasks`.
app.conf.beat_schedule.update(BEAT)
