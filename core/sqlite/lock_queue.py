"""The threads of a web process that wait for a lock, of which few go on to wait where somebody holds it for long."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Any

from django.db import OperationalError

from core import database_errors
from core.sqlite.ticket import Ticket

# For so long a ticket is waited with until it is asked again whether this thread may wait.
_LOOK_SECONDS = 0.1


class LockQueue:
    """The threads of this process that wait for the lock.

    Where none of them has got the lock for `early` seconds, `slots` of them go on to wait, and the others fail.
    """

    def __init__(self, slots: int, early: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.slots, self.early, self.clock = slots, early, clock
        # When each began to wait, in order.
        self._waiting: dict[object, float] = {}
        self._stalled_since: float | None = None
        self._lock = Lock()

    def run(self, attempt: Callable[[], Any], patience: float, ticket: Ticket | None = None) -> Any:
        """The result of `attempt`, which waits for a moment at most, and is repeated while this thread may wait.

        It waits for `patience` seconds at most, and with a ticket it begins when that is next. Raises what the last
        attempt raised, of which there is one, whoever else waits.
        """
        waiter = object()
        try:
            while True:
                is_next = ticket is None or ticket.wait(_LOOK_SECONDS)
                if not is_next and self._may_wait(waiter, patience):
                    continue
                try:
                    return attempt()
                except OperationalError as error:
                    if not (is_next and database_errors.is_busy(error) and self._may_wait(waiter, patience)):
                        raise
        finally:
            if waiter in self._waiting:
                with self._lock:
                    del self._waiting[waiter]

    def record_success(self) -> None:
        """Somebody got the lock."""
        self._stalled_since = None

    def _may_wait(self, waiter: object, patience: float) -> bool:
        with self._lock:
            now = self.clock()
            began = self._waiting.setdefault(waiter, now)
            if self._stalled_since is None:
                self._stalled_since = now
            if now - began >= patience:
                return False
            return now - self._stalled_since < self.early or waiter in list(self._waiting)[: self.slots]
