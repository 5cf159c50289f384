"""Locks of this process by a key: of several requests that would do the same long work, one does it at a time."""

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from threading import Lock

from core import errors


class KeyedLocks:
    """`wait_seconds` is how long somebody waits at most, as each waiting one has a thread."""

    def __init__(self, wait_seconds: float) -> None:
        self._wait_seconds = wait_seconds
        self._locks: dict[Hashable, tuple[Lock, int]] = {}
        self._guard = Lock()

    @contextmanager
    def hold(self, key: Hashable, message: str) -> Iterator[None]:
        """Within it nobody else of this process holds the key. Raises `Busy` with the message after the wait."""
        lock = self._enter(key)
        try:
            if not lock.acquire(timeout=self._wait_seconds):
                raise errors.Busy(message)
            try:
                yield
            finally:
                lock.release()
        finally:
            self._leave(key)

    def _enter(self, key: Hashable) -> Lock:
        with self._guard:
            lock, count = self._locks.get(key, (Lock(), 0))
            self._locks[key] = lock, count + 1
            return lock

    def _leave(self, key: Hashable) -> None:
        with self._guard:
            lock, count = self._locks.pop(key)
            if count > 1:
                self._locks[key] = lock, count - 1
