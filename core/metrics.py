"""What this process counts for Prometheus. `wanllmdb/metrics.py` serves it, together with what the database knows.

Where metrics are served, each process writes its numbers to files in `METRICS_DIR`, which any of them adds up.
"""

import os

from django.conf import settings

if settings.METRICS_ENABLED:
    settings.METRICS_DIR.mkdir(parents=True, exist_ok=True)
    # Read by prometheus_client while it is imported.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(settings.METRICS_DIR)

from prometheus_client import Counter, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Histogram(
    "wanllmdb_request_duration_seconds",
    "Requests, by method, route and status, until the response begins.",
    ["method", "route", "status"],
    buckets=_SECONDS,
)
SQLITE_LOCK_WAITS = Histogram(
    "wanllmdb_sqlite_lock_wait_seconds",
    "Transactions on SQLite, and writes outside of one: how long they waited for its lock.",
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
EVENTS = Counter("wanllmdb_events", "What happened: versions finalized, aliases moved and so on, by kind.", ["kind"])
SIGNED_URLS = Counter("wanllmdb_signed_urls", "URLs of the object store handed out, by operation.", ["operation"])
SIGN_INS = Counter("wanllmdb_sign_ins", "Sign-ins by password: succeeded, failed, delayed.", ["result"])
REFUSED_KEYS = Counter("wanllmdb_refused_api_keys", "Requests with an API key that is not valid.")
TASKS = Histogram(
    "wanllmdb_task_duration_seconds",
    "Tasks of workers, by name and outcome: success, failure, retry.",
    ["task", "outcome"],
    buckets=(0.01, 0.1, 1, 10, 60, 600),
)
