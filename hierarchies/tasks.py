"""Celery tasks of hierarchies: each calls one verb and decides nothing. All may run twice."""

from datetime import timedelta
from typing import Any

from hierarchies import index_builds, retention, totals
from wanllmdb.celery import app

# Of records that go, as many as take a few minutes; then others have their turn.
_STEPS_A_TURN = 20


@app.task
def build_data_index(index_id: str) -> None:
    index_builds.build(index_id)


@app.task
def maintain_data_indexes() -> None:
    index_builds.maintain()


@app.task
def count_levels() -> None:
    totals.count_due()


@app.task
def apply_retention(hierarchy_id: str) -> None:
    retention.apply(hierarchy_id, _STEPS_A_TURN)


@app.task
def schedule_retention() -> None:
    for hierarchy_id in retention.due_hierarchies():
        apply_retention.delay(str(hierarchy_id))


BEAT: dict[str, dict[str, Any]] = {
    "hierarchies-count-levels": {"task": count_levels.name, "schedule": timedelta(minutes=10)},
    "hierarchies-maintain-data-indexes": {"task": maintain_data_indexes.name, "schedule": timedelta(minutes=10)},
    "hierarchies-schedule-retention": {"task": schedule_retention.name, "schedule": timedelta(hours=1)},
}

# At import, not by Celery's signal, which is not sent again where something has read the app's tasks before.
app.conf.beat_schedule.update(BEAT)
