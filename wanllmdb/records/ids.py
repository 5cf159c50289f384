"""New ULIDs: those of one process rise, also within one millisecond, so that lists are in the order of creation."""

from __future__ import annotations

import secrets
import threading
import time

from ulid import ULID

_RANDOM_BITS = 80
_lock = threading.Lock()
_last = 0


def new_ulid() -> ULID:
    """A ULID greater than every other that this process has made."""
    global _last
    with _lock:
        # The highest random bit stays free, so that there is room to count within the millisecond.
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS - 1)
        _last = fresh if fresh >> _RANDOM_BITS > _last >> _RANDOM_BITS else _last + 1 + secrets.randbits(32)
        ulid: ULID = ULID.from_int(_last)
        return ulid
