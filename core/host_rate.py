"""How often this process asks a host: so many times a second, whatever it is asked for."""

import time
from collections.abc import Callable
from threading import Lock

# Hosts whose next turn is over are forgotten when there are so many.
_MAX_HOSTS = 1000


class HostRate:
    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._interval, self._clock, self._sleep = 1 / per_second, clock, sleep
        self._next_turns: dict[str, float] = {}
        self._lock = Lock()

    def wait(self, host: str) -> None:
        """Return when it is this caller's turn to ask the host."""
        with self._lock:
            now = self._clock()
            if len(self._next_turns) >= _MAX_HOSTS:
                self._next_turns = {name: turn for name, turn in self._next_turns.items() if turn > now}
            turn = max(now, self._next_turns.get(host, now))
            self._next_turns[host] = turn + self._interval
        if turn > now:
            self._sleep(turn - now)
