"""Cancellation of threads: each checks now and then whether the work it belongs to was given up."""

from __future__ import annotations

import threading
import time

_current = threading.local()


class Cancelled(Exception):
    """The work of this thread was given up: its result is no longer needed."""


def bind_cancel(event: threading.Event) -> None:
    """From now on this thread counts as cancelled once `event` is set."""
    _current.event = event


def raise_if_cancelled() -> None:
    """Called between two blocks of a long transfer. Raises `Cancelled`."""
    event: threading.Event | None = getattr(_current, "event", None)
    if event is not None and event.is_set():
        raise Cancelled


def cancellable_sleep(seconds: float) -> None:
    """Sleep, but raise `Cancelled` as soon as this thread is cancelled."""
    event: threading.Event | None = getattr(_current, "event", None)
    if event is None:
        time.sleep(seconds)
    elif event.wait(seconds):
        raise Cancelled
