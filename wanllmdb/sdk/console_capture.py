"""What a program prints while its run goes on, line by line, for the console of the run."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import islice
from typing import Any
from uuid import uuid4

from wanllmdb.sdk import errors
from wanllmdb.sdk.http_client import Client

MAX_LINE_LENGTH = 100_000
# While the server is away, lines wait in memory; the oldest are dropped.
MAX_WAITING_LINES = 50_000
MAX_WAITING_CHARACTERS = 32 << 20
MAX_LINES_PER_REQUEST = 5_000
MAX_CHARACTERS_PER_REQUEST = 1 << 20


class ConsoleCapture:
    """Lines are added by whoever prints, and sent by another thread.

    A progress bar that writes its line again and again is the line that it ends as. The server counts the lines of each
    writer, so that those that are sent twice are stored once. Nothing here fails a program that prints.
    """

    def __init__(self, client: Client, run_id: str, on_line: Callable[[], object] = lambda: None) -> None:
        """`on_line` is called where there is something to send."""
        self._on_line = on_line
        self._client = client
        self._path = f"/runs/{run_id}/console"
        self._writer = str(uuid4())
        # A signal handler may print in the middle of a print.
        self._lock = threading.RLock()
        self._waiting: deque[str] = deque()
        self._size = 0
        self._offset = 0
        self._partial = {False: "", True: ""}
        self._restore: list[Callable[[], None]] = []
        self._is_active = False

    def start(self) -> None:
        """Read along what is written to standard output and error from now on."""
        self._is_active = True
        for stream, is_error in ((sys.stdout, False), (sys.stderr, True)):
            self._restore += _wrap(stream, self._reader(is_error))

    def stop(self) -> None:
        """Read no more. What waits can still be sent."""
        self._is_active = False
        while self._restore:
            self._restore.pop()()
        with self._lock:
            for is_error, rest in self._partial.items():
                if rest:
                    self._add_line(rest, is_error)
                self._partial[is_error] = ""

    def leave(self) -> None:
        """Read no more, in a forked process, where the lock may be that of a thread that it lacks."""
        self._is_active = False
        while self._restore:
            self._restore.pop()()

    def write(self, text: str, is_error: bool) -> None:
        """Add what was printed."""
        with self._lock:
            *lines, rest = (self._partial[is_error] + text).split("\n")
            for line in lines:
                self._add_line(line, is_error)
            if lines:
                self._on_line()
            # Of what is written over, only the last is kept.
            self._partial[is_error] = rest[max(rest.rfind("\r", 0, -1), 0) :][-MAX_LINE_LENGTH:]

    def send(self) -> None:
        """Send what waits. What the server does not take is dropped. Raises `Unreachable`, `ServerError` …"""
        while batch := self._next_batch():
            offset, lines = batch
            try:
                body = {"writer": self._writer, "offset": offset, "lines": lines}
                self._client.post(self._path, body, idempotent=True)
            except (errors.Invalid, errors.TooLarge):
                pass  # a console is not worth a warning for each of its lines
            except (errors.NotFound, errors.Conflict):
                self.stop()  # an older server has no console, and a full one takes no more
                with self._lock:
                    self._waiting.clear()
                return
            with self._lock:
                # Others may have been dropped meanwhile.
                for _ in range(min(len(lines) - (self._offset - offset), len(self._waiting))):
                    self._size -= len(self._waiting.popleft())
                    self._offset += 1

    def _reader(self, is_error: bool) -> Callable[[Any], None]:
        def read(text: Any) -> None:
            if self._is_active and isinstance(text, str):
                self.write(text, is_error)

        return read

    def _add_line(self, line: str, is_error: bool) -> None:
        line = line.rstrip("\r").rpartition("\r")[2][:MAX_LINE_LENGTH]
        at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
        entry = f"{'ERROR ' if is_error else ''}{at} {line}"
        self._waiting.append(entry)
        self._size += len(entry)
        while len(self._waiting) > MAX_WAITING_LINES or self._size > MAX_WAITING_CHARACTERS:
            self._size -= len(self._waiting.popleft())
            self._offset += 1

    def _next_batch(self) -> tuple[int, list[str]] | None:
        with self._lock:
            lines: list[str] = []
            size = 0
            for line in islice(self._waiting, MAX_LINES_PER_REQUEST):
                size += len(line)
                if lines and size > MAX_CHARACTERS_PER_REQUEST:
                    break
                lines.append(line.replace("\0", "\ufffd").encode(errors="replace").decode())
            return (self._offset, lines) if lines else None


def _wrap(stream: Any, on_text: Callable[[Any], None]) -> list[Callable[[], None]]:
    """Call the function with what is written to the stream. Returns what undoes that, if it could be done."""
    original = getattr(stream, "write", None)
    if original is None:
        return []

    def write(text: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(text, *args, **kwargs)
        on_text(text)
        return result

    def restore() -> None:
        # Someone else may have wrapped it since: theirs must stay.
        if getattr(stream, "write", None) is write:
            stream.write = original

    try:
        stream.write = write
    except (AttributeError, TypeError):
        return []
    return [restore]
