"""Work done by several threads at once, where the first failure ends it all and Ctrl-C is heard.

`concurrent.futures` has neither a bounded queue (addresses would go stale in it) nor daemon threads (an interrupted
program would wait for every transfer still under way).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

_mine = threading.local()


class Stopped(Exception):
    """The rest of the crew has given up: this thread's work is of no use any more."""


def heed_to(stop: threading.Event) -> None:
    """From now on this thread gives up its work when `stop` is set."""
    _mine.stop = stop


def pause(seconds: float) -> None:
    """Sleep, but not on after the crew has given up."""
    stop: threading.Event | None = getattr(_mine, "stop", None)
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Stopped


def heed() -> None:
    """Called between two pieces of a long transfer: raises `Stopped` when the crew has given up."""
    stop: threading.Event | None = getattr(_mine, "stop", None)
    if stop is not None and stop.is_set():
        raise Stopped


class Crew:
    """Threads that take jobs from one bounded queue.

    `submit` blocks while the queue is full. The first exception of any job stops the others and is raised by the next
    `submit` or at the end of the `with` block, which otherwise waits until every job is done. Jobs submit no jobs.
    """

    def __init__(self, hands: int) -> None:
        self._jobs: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._most = hands * 2
        self._busy = 0
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._hands = hands
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Crew:
        return self

    def submit(self, job: Callable[..., object], *args: Any) -> None:
        with self._changed:
            while len(self._jobs) >= self._most and not self._stop.is_set():
                # Waking up now and then is what lets Ctrl-C in on every platform.
                self._changed.wait(0.5)
            self._raise_error()
            self._jobs.append((job, args))
            if len(self._jobs) > len(self._threads) - self._busy and len(self._threads) < self._hands:
                thread = threading.Thread(target=self._work, name="wanllmdb", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._changed:
                while kind is None and (self._jobs or self._busy) and not self._stop.is_set():
                    self._changed.wait(0.5)
        finally:
            with self._changed:
                self._jobs.clear()
                self._stop.set()
                self._changed.notify_all()
            for thread in self._threads:
                # One that hangs in the network is left behind: it is a daemon, and writes to temporary files only.
                thread.join(5.0)
        if kind is None:
            self._raise_error()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        heed_to(self._stop)
        while True:
            with self._changed:
                while not self._jobs and not self._stop.is_set():
                    self._changed.wait()
                if self._stop.is_set():
                    return
                job, args = self._jobs.popleft()
                self._busy += 1
                self._changed.notify_all()
            try:
                job(*args)
            except Stopped:
                pass
            except BaseException as error:  # whatever it is, it belongs to the thread that waits for this crew
                self._error = self._error or error
                self._stop.set()
            finally:
                # A job's files and buffers are let go before the next one is waited for.
                del job, args
                with self._changed:
                    self._busy -= 1
                    self._changed.notify_all()
