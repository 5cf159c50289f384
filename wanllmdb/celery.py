"""The Celery application. Nothing of the SDK imports it: a notebook's `import wanllmdb` loads no Django."""

import os
from functools import partial
from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wanllmdb.settings")


class Nudge(DjangoTask):
    """A task whose message may get lost: the row is the queue, and a sweep finds what stays behind."""

    abstract = True

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        """Send the message once the transaction is through. A broker that is away is logged, and hurts nobody."""
        transaction.on_commit(partial(self.delay, *args, **kwargs), robust=True)


app = Celery("wanllmdb", task_cls=Nudge)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
