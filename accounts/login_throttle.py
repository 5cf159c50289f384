"""Limits failed sign-ins: after ten from one IP address for one username, that address has to wait.

Counted in the cache of each process: a limit on guessing, not a record.
"""

import hashlib

from django.core.cache import cache
from django.http import HttpRequest

MAX_FAILURES = 10
WAIT_SECONDS = 300


def is_locked_out(request: HttpRequest | None, username: str) -> bool:
    return cache.get(_key(request, username), 0) >= MAX_FAILURES


def record_failure(request: HttpRequest | None, username: str) -> None:
    """Count one more failure; the wait ends five minutes after the last one."""
    key = _key(request, username)
    cache.set(key, cache.get(key, 0) + 1, WAIT_SECONDS)


def _key(request: HttpRequest | None, username: str) -> str:
    ip = request.META.get("REMOTE_ADDR", "") if request else ""
    return f"sign-in-{hashlib.sha256(f'{ip} {username.lower()}'.encode()).hexdigest()}"
