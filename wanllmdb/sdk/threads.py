"""Threads that may not be had."""

from __future__ import annotations

import threading


def start_if_possible(thread: threading.Thread) -> bool:
    """Whether it was started. There may be too many, and some Pythons start none while the interpreter ends."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True
