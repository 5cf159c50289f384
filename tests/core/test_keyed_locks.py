"""Of several who would do the same work, one does it at a time."""

import threading

import pytest

from core import errors
from core.keyed_locks import KeyedLocks


def test_who_waits_too_long_is_refused_and_others_are_not():
    locks = KeyedLocks(wait_seconds=0.01)
    with locks.hold("a", ""), locks.hold("b", ""), pytest.raises(errors.Busy, match="Later"), locks.hold("a", "Later"):
        raise AssertionError
    with locks.hold("a", "Busy."):
        pass
    assert not locks._locks


def test_who_waits_has_its_turn():
    locks, order = KeyedLocks(wait_seconds=30.0), []

    def work(name: str) -> None:
        with locks.hold("a", "Busy."):
            order.append(name)

    with locks.hold("a", "Busy."):
        threads = [threading.Thread(target=work, args=(name,)) for name in "xy"]
        for thread in threads:
            thread.start()
        order.append("first")
    for thread in threads:
        thread.join()
    assert order[0] == "first" and sorted(order[1:]) == ["x", "y"]
    assert not locks._locks
