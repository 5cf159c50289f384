"""Slows down who guesses passwords, and nobody else.

Failures are counted in the database, for all processes together, apart by

- the name from one address: after ten, each further attempt waits twice as long as the one before, up to a minute;
- the address, whatever the name: after fifty, up to ten seconds. Many people may share one;
- the name, wherever from: after a hundred, an address has one attempt at this name before it waits, instead of ten;
- the device: who has signed in from a browser before is known by a cookie, has a count of their own there, and is not
  touched by what others do at the same address or with the same name.

So a right password from where nobody was guessing always gets in. An attempt is counted before its password is checked,
so that a hundred at once are a hundred, and taken back if it was right. One that has to wait is refused by one read:
nothing is written, no password is hashed, and no thread sleeps. After an hour without failures a count is forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import errors
from accounts.models import SignInLimit
from core.client_ip import client_network

FORGET_AFTER = timedelta(hours=1)
# So many failures with one name make it a name that is being guessed at.
GUESSED_AT = 100
_PRUNE_BATCH = 1000


@dataclass(frozen=True)
class Policy:
    """So many attempts are free; then each waits twice as long as the one before it, in seconds."""

    free: int
    longest_wait: int
    first_wait: int = 1

    def wait_after(self, failures: int) -> timedelta | None:
        excess = failures - self.free
        if excess < 0:
            return None
        # The exponent is limited as well: two to the power of a million is a number with 300,000 digits.
        return timedelta(seconds=min(self.longest_wait, self.first_wait * 2 ** min(excess, 16)))


NAME_AT_IP = Policy(free=10, longest_wait=60)
GUESSED_NAME_AT_IP = Policy(free=1, longest_wait=60)
IP = Policy(free=50, longest_wait=10)
DEVICE = Policy(free=10, longest_wait=60)


@dataclass(frozen=True)
class Attempt:
    """An attempt that was counted as a failure until its password turns out to be right."""

    own: str
    shared: tuple[str, ...]

    def succeed(self) -> None:
        SignInLimit.objects.filter(key=self.own).delete()
        # One by one: two that lock several rows in another order would wait for each other.
        for key in self.shared:
            shared = SignInLimit.objects.filter(key=key, failures__gt=0)
            shared.update(failures=F("failures") - 1, free_at=None)


def begin(meta: Mapping[str, Any], username: str, device: str = "") -> Attempt:
    """Count an attempt to sign in. Raises `TooManySignIns` if it has to wait. `device` is of a cookie for this name."""
    name = username.lower()
    if device:
        attempt = Attempt(_key("device", device), ())
        policies = {attempt.own: DEVICE}
    else:
        network = client_network(meta)
        ip_key, guessed = _key("address", network), _key("name", name)
        attempt = Attempt(_key("pair", network, name), (ip_key, guessed))
        policies = {attempt.own: NAME_AT_IP, ip_key: IP}
    keys = [attempt.own, *attempt.shared]
    _require_free(SignInLimit.objects.filter(key__in=policies), timezone.now())
    with transaction.atomic():
        rows = SignInLimit.objects.lock_or_create(keys)
        # Read once the rows are locked: it may have taken a while.
        now = timezone.now()
        _require_free([rows[key] for key in policies], now)
        if not device and rows[guessed].recent_failures(now - FORGET_AFTER) >= GUESSED_AT:
            policies[attempt.own] = GUESSED_NAME_AT_IP
        for key, row in rows.items():
            row.failures = row.recent_failures(now - FORGET_AFTER) + 1
            row.last_failed_at = now
            wait = policies[key].wait_after(row.failures) if key in policies else None
            row.free_at = wait and now + wait
        SignInLimit.objects.bulk_update(rows.values(), ["failures", "last_failed_at", "free_at"])
    return attempt


def prune() -> None:
    """Delete the counts that are forgotten, but for those that somebody is counting on just now."""
    forgotten = SignInLimit.objects.forgotten(timezone.now() - FORGET_AFTER).order_by("last_failed_at")
    count = _PRUNE_BATCH
    while count == _PRUNE_BATCH:
        with transaction.atomic():
            rows = list(forgotten.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_PRUNE_BATCH])
            count, _ = SignInLimit.objects.filter(pk__in=rows).delete()


def _require_free(rows: Any, now: datetime) -> None:
    wait = max((row.seconds_left(now) for row in rows), default=0)
    if wait:
        seconds = "1 second" if wait == 1 else f"{wait} seconds"
        raise errors.TooManySignIns(f"Too many failed attempts. Wait {seconds}, then try again.", wait)


def _key(kind: str, *values: str) -> str:
    return salted_hmac(f"sign-in {kind}", "\0".join(values), algorithm="sha256").hexdigest()
