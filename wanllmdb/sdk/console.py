"""Console output: lines on standard output, warnings on standard error, and a progress bar on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console as RichConsole
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

_ASCII = str.maketrans({"✓": "+", "→": "->", "×": "x", "…": "...", "─": "-", "│": "|", "├": "|", "└": "`"})
_REDRAW_INTERVAL = 0.1

OnProgress = Callable[[int], object]
"""Called with the number of bytes that were completed; a negative number takes back bytes that will be repeated."""


class Console:
    """Prints unless it is silent. Never makes the program fail, not even if the console cannot encode `✓` or is
    closed."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent

    def info(self, line: str) -> None:
        if not self.silent:
            _write(sys.stdout, line)

    def warning(self, line: str) -> None:
        """For problems that stop nothing: on standard error, even if silent."""
        _write(sys.stderr, f"wanllmdb: {line}")

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[OnProgress]:
        """A progress bar over `total` bytes, on standard error, only if that is a terminal."""
        terminal = RichConsole(stderr=True)
        if self.silent or not total or not terminal.is_terminal:
            yield lambda size: None
            return
        columns = (TextColumn("  {task.description}"), BarColumn(), DownloadColumn(binary_units=True))
        with Progress(
            *columns, TransferSpeedColumn(), TimeRemainingColumn(), console=terminal, transient=True
        ) as progress:
            yield _throttled(progress, title, total)


def _throttled(progress: Progress, title: str, total: int) -> OnProgress:
    task = progress.add_task(title, total=total)
    lock = threading.Lock()
    completed, drawn_at = 0, 0.0

    def on_progress(size: int) -> None:
        nonlocal completed, drawn_at
        with lock:
            completed += size
            now = time.monotonic()
            if now - drawn_at < _REDRAW_INTERVAL:
                return
            drawn_at = now
            progress.update(task, completed=completed)

    return on_progress


def _write(stream: TextIO | None, line: str) -> None:
    if stream is None:  # a program without a console, such as one under pythonw
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        line.encode(encoding)
    except UnicodeEncodeError:
        line = line.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    try:
        print(line, file=stream, flush=True)
    except (OSError, ValueError):  # closed, or a pipe that nobody reads any more
        return
