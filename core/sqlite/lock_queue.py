"""The threads of a web process that wait for a lock, of which few go on to wait where somebody holds it for long."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from django.db import OperationalError

from core import database_errors


class LockQueue:
    """The threads of this process that wait for the lock.

    Each waits for `patience` seconds at most. Where none of them has got the lock for `early` seconds, `slots` of them
    go on to wait, and the others fail.
    """

    def __init__(self, slots: int, patience: float, early: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.slots, self.patience, self.early, self.clock = slots, patience, early, clock
        # When each began to wait, in order.
        self._waiting: dict[object, float] = {}
        self._stalled_since: float | None = None
        self._lock = Lock()

    def run(self, attempt: Callable[[], Any]) -> Any:
        """The result of `attempt`, which waits for a moment at most, and is repeated while this thread may wait.

        Raises what the last attempt raised.
        """
        waiter = object()
        try:
            while True:
                try:
                    return attempt()
                except OperationalError as error:
                    if not (database_errors.is_busy(error) and self._may_wait(waiter)):
                        raise
        finally:
            if waiter in self._waiting:
                with self._lock:
                    del self._waiting[waiter]

    def record_success(self) -> None:
        """Somebody got the lock."""
        self._stalled_since = None

    def _may_wait(self, waiter: object) -> bool:
        with self._lock:
            now = self.clock()
            began = self._waiting.setdefault(waiter, now)
            if self._stalled_since is None:
                self._stalled_since = now
            if now - began >= self.patience:
                return False
            return now - self._stalled_since < self.early or waiter in list(self._waiting)[: self.slots]
