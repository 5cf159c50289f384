"""The Celery application. Nothing of the SDK imports it: a notebook's `import wanllmdb` loads no Django."""

import os

from celery import Celery

# Before the app is made: Celery picks its Django task class, the one with `delay_on_commit`, by this variable.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wanllmdb.settings")

app = Celery("wanllmdb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
