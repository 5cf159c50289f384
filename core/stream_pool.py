"""The few long responses that a process sends at once. Each has a thread to itself until its client has read it all.

So there are fewer of them than threads, few for one person, and a client that reads too slowly is left behind. One that
takes nothing at all is for the front to cut off, which closes the connection to this process then.
"""

import time
from collections.abc import Callable, Iterator

from core import errors
from core.person_slots import PersonSlots

# How many bytes a second a client has to read, over every such period in which it was waited for.
MIN_RATE = 16 * 2**10
PERIOD_SECONDS = 60.0
_BUSY = "Too many downloads pass through this server just now: try again in a moment."
_YOURS = "Another download of yours passes through this server: try again when it is through."


class StreamPool:
    def __init__(self, size: int, per_person: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._slots = PersonSlots(per_person, size)

    def require_slot(self, person: str, *, retry_after: int | None = errors.RETRY_AFTER_SECONDS) -> None:
        """Raise `Busy` if `stream` would, before anything is done for it. It says when to ask again, or nothing."""
        if not self._slots.has_room(person):
            raise self._busy(person, retry_after)

    def stream(
        self, person: str, chunks: Iterator[bytes], *, retry_after: int | None = errors.RETRY_AFTER_SECONDS
    ) -> "Stream":
        """The chunks, to be sent to this person. Raises `Busy` where too many are being sent."""
        if not self._slots.take(person):
            raise self._busy(person, retry_after)
        return Stream(self, person, chunks)

    def release(self, person: str) -> None:
        self._slots.release(person)

    def _busy(self, person: str, retry_after: int | None) -> errors.Busy:
        refusal = errors.Busy(_YOURS if self._slots.has_most(person) else _BUSY)
        refusal.retry_after = retry_after
        return refusal


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
