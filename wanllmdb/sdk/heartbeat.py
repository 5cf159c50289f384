"""The background thread of a run: sends a heartbeat and changed values, so that logging never blocks the program."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from wanllmdb.sdk import cancellation, errors
from wanllmdb.sdk.http_client import Client

HEARTBEAT_INTERVAL = 30.0
# Between two requests: a training loop can log a thousand times a second.
SEND_INTERVAL = 2.0
STOP_TIMEOUT = 5.0

Snapshot = Callable[[], dict[str, Any]]


class Heartbeat:
    """A daemon thread that sends the values of `snapshot` that changed. After a failure it tries again later."""

    def __init__(self, client: Client, run_id: str, snapshot: Snapshot, warn: Callable[[str], object]) -> None:
        self._client = client
        self._path = f"/runs/{run_id}"
        self._snapshot = snapshot
        self._warn = warn
        self._sent = snapshot()
        self._dirty = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wanllmdb-heartbeat", daemon=True)
        self._thread.start()

    def mark_dirty(self) -> None:
        """There is a change to send."""
        self._dirty.set()

    def stop(self) -> None:
        """Send nothing after this, except a request that hangs in the network."""
        self._stop.set()
        self._dirty.set()
        self._thread.join(STOP_TIMEOUT)

    def pending_changes(self) -> dict[str, Any]:
        """The values that changed since they were last sent."""
        return {name: value for name, value in self._snapshot().items() if value != self._sent[name]}

    def _run(self) -> None:
        cancellation.bind_cancel(self._stop)
        due_at = time.monotonic() + HEARTBEAT_INTERVAL
        while True:
            self._dirty.wait(max(0.0, due_at - time.monotonic()))
            if self._stop.is_set():
                return
            try:
                self._dirty.clear()
                self._send_changes()
                if time.monotonic() >= due_at:
                    due_at = time.monotonic() + HEARTBEAT_INTERVAL
                    self._client.post(f"{self._path}/heartbeat", idempotent=True)
            except cancellation.Cancelled:
                return
            except (errors.Unreachable, errors.ServerError):
                continue  # retried at the next heartbeat, and at the end of the run at the latest
            except errors.WanLLMDBError as error:
                self._warn(f"the run is no longer updated on the server: {error}")
                return
            if self._stop.wait(SEND_INTERVAL):
                return

    def _send_changes(self) -> None:
        changes = self.pending_changes()
        if not changes:
            return
        try:
            self._client.patch(self._path, changes)
        except (errors.Invalid, errors.TooLarge) as error:
            self._warn(f"could not send {' and '.join(changes)} of the run: {error}")
        self._sent.update(changes)
