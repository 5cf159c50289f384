"""The WSGI application that the web server serves."""

import gc
import multiprocessing
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import reverse

# Before the modules below, some of which read the settings while they are imported.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wanllmdb.settings")
os.environ.setdefault("WANLLMDB_WEB_PROCESS", "true")

from core import postgres_locks, postgres_timeout, request_bodies
from core.parent_process import terminate_with_parent
from core.sqlite import lock as sqlite_lock

# A worker of a web server whose main process was killed would go on to serve, beside the one that is started instead.
if multiprocessing.parent_process():
    terminate_with_parent()

sqlite_lock.limit_waits()
postgres_timeout.limit_waits()
postgres_locks.limit_waits()
django = get_wsgi_application()

# Once Django is set up. Without these two lines the views answer everything, alike.
from api.fast_path.wsgi import AliasFastPath  # noqa: E402
from wanllmdb.refused_request_bodies import RefusedRequestBodies  # noqa: E402

application = RefusedRequestBodies(AliasFastPath(django), request_bodies.max_bytes)

from wanllmdb import task_metrics  # noqa: E402, F401
from wanllmdb.request_metrics import RequestMetrics  # noqa: E402

application = RequestMetrics(application)
if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
    application = import_module("wanllmdb.telemetry").trace_requests(application)
# All views are loaded before the first request. What is loaded stays, so the garbage collector need not walk it again:
# doing so stopped a worker for 80 ms every twenty lists of artifacts.
# The URLs by their names too: otherwise they are made where the first is needed, in a transaction that others wait for.
import_module(settings.ROOT_URLCONF)
reverse("home")
gc.collect()
gc.freeze()
