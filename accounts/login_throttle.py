"""Tries to sign in by password: after ten that failed from one place for one name, that place waits.

Counted in this process's memory: a bound on guessing, not a record. Where many processes serve, each counts its own.
"""

import hashlib

from django.core.cache import cache
from django.http import HttpRequest

MAX_FAILURES = 10
WAIT_SECONDS = 300


def is_locked_out(request: HttpRequest | None, username: str) -> bool:
    return cache.get(_key(request, username), 0) >= MAX_FAILURES


def record_failure(request: HttpRequest | None, username: str) -> None:
    """One more failure; the wait is over five minutes after the last of them."""
    key = _key(request, username)
    cache.set(key, cache.get(key, 0) + 1, WAIT_SECONDS)


def _key(request: HttpRequest | None, username: str) -> str:
    place = request.META.get("REMOTE_ADDR", "") if request else ""
    return f"sign-in-{hashlib.sha256(f'{place} {username.lower()}'.encode()).hexdigest()}"
