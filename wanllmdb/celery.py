"""The Celery application. Nothing of the SDK imports it: a notebook's `import wanllmdb` loads no Django."""

import os
from functools import partial
from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from django.db import transaction
from kombu.exceptions import OperationalError

from core.circuit_breaker import CircuitBreaker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wanllmdb.settings")

# How long no message is tried after one that could not be sent.
_breaker = CircuitBreaker(pause=10.0)


class Nudge(DjangoTask):
    """A task whose message may get lost: the row is the queue, and a sweep finds what stays behind."""

    abstract = True

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """Send the message once the transaction is through. A broker that is away is logged, and hurts nobody."""
        transaction.on_commit(partial(self.delay, *args, **kwargs), robust=True)

    def apply_async(self, *args: Any, **kwargs: Any) -> Any:
        """Raises `OperationalError`, and at once where a message could not be sent within the last seconds."""
        if not _breaker.allows():
            raise OperationalError(
                "The broker does not respond: the message is left out, and the sweep finds the work."
            )
        try:
            result = super().apply_async(*args, **kwargs)
        except OperationalError:
            _breaker.record_failure()
            raise
        _breaker.record_response()
        return result


app = Celery("wanllmdb", task_cls=Nudge)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Not an app of its own.
app.autodiscover_tasks(["artifacts.references"])
app.autodiscover_tasks(["artifacts"], related_name="expiry_tasks")
