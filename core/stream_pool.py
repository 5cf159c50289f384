"""The few long responses that a process sends at once. Each has a thread to itself until its client has read it all.

So there are fewer of them than threads, few for one person, and a client that reads too slowly is left behind. One that
takes nothing at all is for the front to cut off, which closes the connection to this process then.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from threading import Lock

from core import errors

# How many bytes a second a client has to read, over every such period in which it was waited for.
MIN_RATE = 16 * 2**10
PERIOD_SECONDS = 60.0
_BUSY = "Too many downloads pass through this server just now: try again in a moment."
_YOURS = "Another download of yours passes through this server: try again when it is through."


class StreamPool:
    def __init__(self, size: int, per_person: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.size, self.per_person, self.clock = size, per_person, clock
        self._streams: Counter[str] = Counter()
        self._lock = Lock()

    def require_slot(self, person: str) -> None:
        """Raise `Busy` if `stream` would, before anything is done for it."""
        if self._streams.total() >= self.size:
            raise errors.Busy(_BUSY)
        if self._streams[person] >= self.per_person:
            raise errors.Busy(_YOURS)

    def stream(self, person: str, chunks: Iterator[bytes]) -> "Stream":
        """The chunks, to be sent to this person. Raises `Busy` where too many are being sent."""
        with self._lock:
            self.require_slot(person)
            self._streams[person] += 1
        return Stream(self, person, chunks)

    def release(self, person: str) -> None:
        with self._lock:
            self._streams[person] -= 1
            # Forget who has none.
            self._streams = +self._streams


class Stream(Iterator[bytes]):
    """Has its slot until it ends, fails or is closed. A client that reads too slowly makes it fail, and is cut off."""

    def __init__(self, pool: StreamPool, person: str, chunks: Iterator[bytes]) -> None:
        self._pool, self._person, self._chunks = pool, person, chunks
        self._is_open = True
        self._sent_at: float | None = None
        # Of the present period: the seconds that the client was waited for, and the bytes that it took meanwhile.
        self._waited, self._taken = 0.0, 0

    def __next__(self) -> bytes:
        try:
            self._require_pace()
            chunk = next(self._chunks)
        except BaseException:
            self.close()
            raise
        self._sent_at = self._pool.clock()
        self._taken += len(chunk)
        return chunk

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._pool.release(self._person)

    __del__ = close

    def _require_pace(self) -> None:
        if self._sent_at is None:
            return
        self._waited += self._pool.clock() - self._sent_at
        if self._waited < PERIOD_SECONDS:
            return
        if self._taken < self._waited * MIN_RATE:
            raise TooSlow(f"{self._taken} bytes in {self._waited:.0f} s")
        self._waited, self._taken = 0.0, 0


class TooSlow(Exception):
    """The client reads too slowly."""
