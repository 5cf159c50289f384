"""Celery tasks: each calls one verb and decides nothing. All may run twice.

The rows are the queue and a message is a nudge: `sweep` finds what a lost message left behind.
"""

from datetime import timedelta
from typing import Any

from celery.signals import beat_embedded_init, beat_init, worker_ready
from django.utils import timezone

from artifacts import errors, former_names, health
from artifacts.content import compaction, deletions, garbage_collection, reconciliation, verification
from wanllmdb.celery import app

_RETRY = {"autoretry_for": (errors.Unavailable,), "retry_backoff": 5, "retry_backoff_max": 300, "max_retries": 5}
_LEFT_BEHIND_AFTER = timedelta(minutes=2)


@app.task(**_RETRY)
def verify(version_id: str) -> None:
    verification.verify(version_id)


@app.task(**_RETRY)
def hash_object(object_id: str) -> None:
    verification.hash_object(object_id)


@app.task(**_RETRY)
def read_again() -> None:
    verification.read_again(timezone.now())


@app.task
def delete() -> None:
    garbage_collection.delete_remaining_files()
    garbage_collection.delete_orphans()
    deletions.delete_due()


@app.task
def delete_bytes() -> None:
    deletions.delete_due()


@app.task(**_RETRY)
def reconcile() -> None:
    reconciliation.run_daily()


@app.task
def sweep() -> None:
    before = timezone.now() - _LEFT_BEHIND_AFTER
    for version_id in verification.pending_versions(before):
        verify.delay(version_id)
    for object_id in verification.pending_objects(before):
        hash_object.delay(object_id)


@app.task
def run_gc() -> None:
    garbage_collection.expire_drafts()
    garbage_collection.delete_remaining_files()
    garbage_collection.delete_orphans()
    deletions.delete_due()
    former_names.prune()


@app.task(**_RETRY)
def repack() -> None:
    compaction.repack()


@app.task(expires=health.HEARTBEAT_INTERVAL.total_seconds())
def record_heartbeat() -> None:
    health.record_heartbeat()


@worker_ready.connect
def _record_worker_heartbeats(sender: Any, **_: Any) -> None:
    """Also one through the queue, as all work comes: the first one of beat is due only half a minute later."""
    record_heartbeat.delay()
    health.record_process_heartbeats(*map(health.queue_name, sender.app.amqp.queues.consume_from))


@beat_init.connect
@beat_embedded_init.connect
def _record_beat_heartbeats(**_: Any) -> None:
    health.record_process_heartbeats(health.BEAT)


BEAT: dict[str, dict[str, Any]] = {
    "artifacts-sweep": {"task": sweep.name, "schedule": timedelta(minutes=1)},
    "artifacts-read-again": {"task": read_again.name, "schedule": timedelta(minutes=10)},
    "artifacts-record-heartbeat": {"task": record_heartbeat.name, "schedule": health.HEARTBEAT_INTERVAL},
    "artifacts-run-gc": {"task": run_gc.name, "schedule": timedelta(minutes=10)},
    "artifacts-repack": {"task": repack.name, "schedule": timedelta(hours=1)},
    "artifacts-delete-bytes": {"task": delete_bytes.name, "schedule": timedelta(minutes=1)},
    "artifacts-reconcile": {"task": reconcile.name, "schedule": timedelta(hours=1)},
}

# At import, not by Celery's signal, which is not sent again where something has read the app's tasks before.
app.conf.beat_schedule.update(BEAT)
