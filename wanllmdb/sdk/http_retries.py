"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime

import urllib3
from urllib3.exceptions import HTTPError

from wanllmdb.sdk import cancellation, connection_errors
from wanllmdb.sdk.connection_errors import origin_of

# How long to retry, in seconds: a host that has responded before is more likely restarting than mistyped.
RETRY_PERIOD = 45.0
RETRY_PERIOD_NEW_HOST = 1.5
MAX_BACKOFF = 8.0
RETRYABLE_STORE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
RETRYABLE_API_STATUSES = RETRYABLE_STORE_STATUSES - {500}  # a 500 of our server is a bug: a retry would not help
RETRYABLE_STORE_CODES = frozenset({"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable"})


class Retries:
    """Sends requests until there is a final response. It remembers which hosts have responded."""

    def __init__(self, period: float) -> None:
        self.period = period
        self._known_origins: set[str] = set()

    def send(
        self,
        send_once: Callable[[], urllib3.BaseHTTPResponse],
        url: str,
        *,
        idempotent: bool,
        statuses: Iterable[int],
    ) -> tuple[urllib3.BaseHTTPResponse, bool]:
        """Retry until there is a final response or the retry period is over. A request that is not idempotent is only
        repeated if it cannot have arrived. Also returns whether an earlier attempt may have succeeded.

        Raises `Unreachable`.
        """
        is_known = origin_of(url) in self._known_origins
        deadline = time.monotonic() + (self.period if is_known else min(self.period, RETRY_PERIOD_NEW_HOST))
        attempt = 0
        response_lost = False
        while True:
            wait = backoff(attempt)
            attempt += 1
            try:
                response = send_once()
            except HTTPError as error:
                never_arrived = connection_errors.never_arrived(error)
                if not (idempotent or never_arrived) or time.monotonic() + wait > deadline:
                    raise connection_errors.unreachable(url, error) from error
                response_lost = response_lost or not never_arrived
            else:
                if not is_known:
                    self._known_origins.add(origin_of(url))
                    is_known, deadline = True, time.monotonic() + self.period
                if not (idempotent and _is_retryable(response, statuses)):
                    return response, response_lost
                wait = max(wait, _retry_after(response))
                if time.monotonic() + wait > deadline:
                    return response, response_lost
                # The response may come from a proxy, which does not know whether the server handled the request.
                response_lost = True
                response.close()
            cancellation.cancellable_sleep(wait)


def backoff(attempt: int) -> float:
    """Seconds to wait before this attempt is repeated; the first one is 0."""
    return random.uniform(0.5, 1.0) * min(MAX_BACKOFF, 0.25 * 2.0**attempt)


def _is_retryable(response: urllib3.BaseHTTPResponse, statuses: Iterable[int]) -> bool:
    if response.status in statuses:
        return True
    # S3 reports an upload that was too slow with a 400, and that is worth a retry.
    return response.status == 400 and any(code.encode() in (response.data or b"") for code in RETRYABLE_STORE_CODES)


def _retry_after(response: urllib3.BaseHTTPResponse) -> float:
    value = response.headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
