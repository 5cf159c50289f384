"""The few places that a process has for what takes much of its memory or threads: of one person fewer than of all."""

import math
from collections import Counter
from threading import Lock


class PersonSlots:
    def __init__(self, per_person: int, size: float = math.inf) -> None:
        self.per_person, self.size = per_person, size
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    def has_room(self, person: str) -> bool:
        return self._taken.total() < self.size and self._taken[person] < self.per_person

    def has_most(self, person: str) -> bool:
        """Whether the person has as many places as one may have."""
        return self._taken[person] >= self.per_person

    def take(self, person: str) -> bool:
        """Whether the person got a place, which is to be given back by `release`."""
        with self._lock:
            if not self.has_room(person):
                return False
            self._taken[person] += 1
            return True

    def release(self, person: str) -> None:
        with self._lock:
            self._taken[person] -= 1
            # Forget who has none.
            self._taken = +self._taken
