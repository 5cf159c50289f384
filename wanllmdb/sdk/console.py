"""Console output: lines on standard output, warnings and the progress of transfers on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TextIO

from wanllmdb.sdk import progress_display
from wanllmdb.sdk.progress import ProgressCallback, Transfer

_ASCII = str.maketrans({"✓": "+", "→": "->", "×": "x", "…": "...", "─": "-", "│": "|", "├": "|", "└": "`"})


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
    def transfer(self, title: str, callback: ProgressCallback | None = None) -> Iterator[Transfer]:
        """A log or a download with this title, which is shown while it lasts, and told to `callback` even if silent."""
        transfer = Transfer(title, callback, self.warning)
        transfer.start()
        try:
            with nullcontext() if self.silent else progress_display.shown(transfer):
                yield transfer
        finally:
            transfer.end()


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
