"""What is known of tasks from outside: the request that asked for them, how often they ran, and for how long."""

import time
from importlib import import_module
from typing import Any

from celery import signals
from celery.app.task import Task
from django.conf import settings

from core import request_id
from core.metrics import TASKS

_HEADER = "request_id"


@signals.before_task_publish.connect
def _name_request(headers: dict[str, Any], **_: Any) -> None:
    """The task bears the id of the request, in a header of its message."""
    if (current := request_id.current.get()) != "-":
        headers[_HEADER] = current


@signals.task_prerun.connect
def _begin(task: Task, task_id: str, **_: Any) -> None:
    task.request.update(started_at=time.perf_counter())
    request_id.current.set(task.request.get(_HEADER) or task_id)


@signals.task_postrun.connect
def _end(task: Task, state: str, **_: Any) -> None:
    request_id.current.set("-")
    started_at = task.request.get("started_at")
    if started_at is not None:
        TASKS.labels(task.name, (state or "unknown").lower()).observe(time.perf_counter() - started_at)


@signals.worker_init.connect
@signals.beat_init.connect
def _start_tracing(**_: Any) -> None:
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        import_module("wanllmdb.telemetry").start()
