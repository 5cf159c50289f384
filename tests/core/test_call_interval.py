"""Work is asked for at once, then at intervals, and what came last is never left out."""

import time

import pytest

from core.call_interval import CallInterval


class Worker:
    """Notes when it was asked, and when it is to work."""

    def __init__(self) -> None:
        self.due: list[float] = []

    def __call__(self, delay: float) -> None:
        self.due.append(time.monotonic() + delay)


def test_many_who_ask_are_caught_up_with():
    worker, interval, requested = Worker(), CallInterval(0.05), []
    while len(requested) < 3 or requested[-1] - requested[0] < 0.2:
        requested.append(time.monotonic())
        interval.ask(worker)

    # For whoever asked, work begins later than that.
    assert worker.due[-1] >= requested[-1]
    assert len(worker.due) < len(requested)


def test_the_first_is_requested_at_once():
    delays = []
    interval = CallInterval(3600)
    for _ in range(5):
        interval.ask(delays.append)

    assert delays[0] == 0
    assert len(delays) == 2 and 0 < delays[1] <= 3600


def test_a_request_that_fails_is_made_again():
    delays = []
    interval = CallInterval(3600)

    def fail(delay: float) -> None:
        raise OSError("The broker is away.")

    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            interval.ask(fail)
    interval.ask(delays.append)

    assert delays == [0]
