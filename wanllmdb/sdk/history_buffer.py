"""The rows that a run has logged and that the server does not have yet."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any
from uuid import uuid4

from wanllmdb.sdk import errors
from wanllmdb.sdk.http_client import Client

Row = dict[str, Any]

# While the server is away, rows wait in memory.
MAX_WAITING_ROWS = 200_000
MAX_WAITING_BYTES = 64 << 20
MAX_ROWS_PER_REQUEST = 5_000
MAX_BYTES_PER_REQUEST = 4 << 20
MAX_WARNINGS = 10


class HistoryBuffer:
    """Rows are added by the program and sent by another thread, in order.

    The server counts the rows of each writer, so that rows that are sent twice are stored once.
    """

    def __init__(
        self,
        client: Client,
        run_id: str,
        warn: Callable[[str], object],
        on_response: Callable[[Any], object] = lambda response: None,
    ) -> None:
        self._on_response = on_response
        self._client = client
        self._path = f"/runs/{run_id}/history"
        self._warn = warn
        self._writer = str(uuid4())
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Row, int]] = deque()
        self._size = 0
        self._offset = 0
        self._is_full = False
        self._warnings = 0

    def add(self, row: Row) -> None:
        """A row of JSON types with its `_step`. It is dropped, with a warning, if too many wait already."""
        size = len(json.dumps(row, separators=(",", ":")))
        with self._lock:
            if self._is_full:
                return
            if len(self._waiting) < MAX_WAITING_ROWS and self._size + size <= MAX_WAITING_BYTES:
                self._waiting.append((row, size))
                self._size += size
                return
        self._warn_about([row], "too many values wait to be sent")

    def send(self) -> None:
        """Send what waits. Rows that the server refuses are named in a warning. Raises `Unreachable`, `Denied` …"""
        while batch := self._next_batch():
            offset, rows = batch
            refused: list[Row] = []
            error = self._send(offset, rows, refused)
            self._remove_until(offset + len(rows))
            if error:
                self._warn_about(refused, str(error))

    def _next_batch(self) -> tuple[int, list[Row]] | None:
        with self._lock:
            rows: list[Row] = []
            size = 0
            for row, row_size in islice(self._waiting, MAX_ROWS_PER_REQUEST):
                size += row_size
                if rows and size > MAX_BYTES_PER_REQUEST:
                    break
                rows.append(row)
            return (self._offset, rows) if rows else None

    def _send(self, offset: int, rows: list[Row], refused: list[Row]) -> errors.WanLLMDBError | None:
        """Send the rows. Those that are refused are collected in `refused`; returns why the last one was."""
        try:
            body = {"writer": self._writer, "offset": offset, "rows": rows}
            self._on_response(self._client.post(self._path, body, idempotent=True))
            return None
        except errors.Conflict as error:
            self._is_full = True
            refused += rows
            return error
        except (errors.Invalid, errors.TooLarge) as error:
            if len(rows) == 1:
                refused += rows
                return error
        # One row must not cost the others.
        middle = len(rows) // 2
        first = self._send(offset, rows[:middle], refused)
        return self._send(offset + middle, rows[middle:], refused) or first

    def _remove_until(self, offset: int) -> None:
        with self._lock:
            # Another thread may have sent the same rows.
            while self._offset < offset and self._waiting:
                self._size -= self._waiting.popleft()[1]
                self._offset += 1
            if self._is_full:
                self._waiting.clear()

    def _warn_about(self, rows: list[Row], reason: str) -> None:
        self._warnings += 1
        if self._warnings > MAX_WARNINGS:
            return
        steps = ", ".join(str(row["_step"]) for row in rows[:10]) + (" …" if len(rows) > 10 else "")
        names = ", ".join(sorted({repr(name) for row in rows for name in row if not name.startswith("_")})[:10])
        self._warn(f"the history of the run lacks step {steps} ({names}): {reason}")
