"""What people see while it happens: lines on standard output, and a progress bar where a terminal can show one."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console as Terminal
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

_PLAIN = str.maketrans({"✓": "+", "→": "->", "×": "x", "…": "..."})
_REDRAW_SECONDS = 0.1

Tell = Callable[[int], object]
"""Hears of bytes as they are done; a negative number takes back what must be done again."""


class Console:
    """Says things unless it is silent. Nothing it does can make the program fail: not a console that cannot encode `✓`,
    and not one that is closed."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent

    def say(self, line: str) -> None:
        if not self.silent:
            _write(sys.stdout, line)

    def warn(self, line: str) -> None:
        """For what went wrong without stopping anything: on standard error, silent or not."""
        _write(sys.stderr, f"wanllmdb: {line}")

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Tell]:
        """A bar over `total` bytes, on standard error, only while it is a terminal."""
        terminal = Terminal(stderr=True)
        if self.silent or not total or not terminal.is_terminal:
            yield lambda size: None
            return
        columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(binary_units=True))
        with Progress(
            *columns, TransferSpeedColumn(), TimeRemainingColumn(), console=terminal, transient=True
        ) as progress:
            yield _throttled(progress, title, total)


def _throttled(progress: Progress, title: str, total: int) -> Tell:
    task = progress.add_task(title, total=total)
    lock = threading.Lock()
    done, drawn = 0, 0.0

    def tell(size: int) -> None:
        nonlocal done, drawn
        with lock:
            done += size
            now = time.monotonic()
            if now - drawn < _REDRAW_SECONDS:
                return
            drawn = now
            progress.update(task, completed=done)

    return tell


def _write(stream: TextIO | None, line: str) -> None:
    if stream is None:  # a program without a console, such as one under pythonw
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        line = line.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    try:
        print(line, file=stream, flush=True)
    except (OSError, ValueError):  # closed, or a pipe that nobody reads any more
        return
