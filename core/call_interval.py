"""Work that catches up with everything before it need not be asked for each time."""

import time
from collections.abc import Callable
from threading import Lock


class CallInterval:
    """Asks for such work at most once an interval, in seconds, and never leaves out what came last.

    What comes first is asked for at once. What comes within the interval after it is caught up with by one request
    that is due at the interval's end: as long as that lies ahead, nothing more has to be asked for.
    """

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._due = float("-inf")
        self._lock = Lock()

    def ask(self, request: Callable[[float], object]) -> None:
        """Call `request` with the seconds after which the work is to begin, unless it is asked for already.

        What `request` raises comes through, and the next who asks tries again.
        """
        with self._lock:
            now = time.monotonic()
            if now < self._due:
                return
            before, self._due = self._due, max(now, self._due + self._interval)
            delay = self._due - now
        try:
            request(delay)
        except BaseException:
            with self._lock:
                self._due = before
            raise
