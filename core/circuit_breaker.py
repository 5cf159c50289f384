"""Refuses at once to wait for a part of the system that has just failed to respond."""

import time
from threading import Lock


class CircuitBreaker:
    """Of the calls to one part, in all threads of this process.

    After a call that got no response, all others are refused for `pause` seconds. Then one may try, and the others are
    still refused until that one has come back.
    """

    def __init__(self, pause: float) -> None:
        self._pause = pause
        self._refuses_until: float | None = None
        self._lock = Lock()

    def allows(self) -> bool:
        """Whether to call. Who is allowed has to record what came of it."""
        with self._lock:
            now = time.monotonic()
            if self._refuses_until is None:
                return True
            if now < self._refuses_until:
                return False
            self._refuses_until = now + self._pause
            return True

    def record_response(self) -> None:
        self._refuses_until = None

    def record_failure(self) -> None:
        with self._lock:
            self._refuses_until = time.monotonic() + self._pause
