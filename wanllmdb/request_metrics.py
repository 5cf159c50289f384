"""Counts and times every request, also those that the fast path answers."""

import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from core.metrics import REQUESTS

# The view leaves its route in the environment. What has none was refused before, or has no view.
ROUTE = "wanllmdb.route"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# To find a series by its labels takes longer than to count in it.
_series = cache(REQUESTS.labels)


class RequestMetrics:
    """A WSGI application that stands before the others."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        started_at = time.perf_counter()
        status = "500"

        def start(line: str, *rest: Any) -> Any:
            nonlocal status
            status = line[:3]
            return start_response(line, *rest)

        try:
            return self.application(environ, start)
        finally:
            # Methods and routes are from short lists: a client cannot make up new series.
            method = environ["REQUEST_METHOD"]
            series = _series(method if method in _METHODS else "other", environ.get(ROUTE, ""), status)
            series.observe(time.perf_counter() - started_at)
