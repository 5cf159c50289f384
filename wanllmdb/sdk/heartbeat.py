"""The background thread of a run: sends a heartbeat and changed values, so that logging never blocks the program."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from wanllmdb.sdk import cancellation, errors
from wanllmdb.sdk.history_buffer import HistoryBuffer
from wanllmdb.sdk.http_client import Client

HEARTBEAT_INTERVAL = 30.0
# Between two requests: a training loop can log a thousand times a second.
SEND_INTERVAL = 2.0
STOP_TIMEOUT = 5.0

Snapshot = Callable[[], dict[str, dict[str, Any]]]


class Heartbeat:
    """Sends the values of `snapshot` that changed, and the rows of `history`.

    Once started, a daemon thread does that. After a failure it tries again later.
    """

    def __init__(
        self,
        client: Client,
        run_id: str,
        snapshot: Snapshot,
        warn: Callable[[str], object],
        sent: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        """`sent` is the snapshot that the server has or gets from somebody else; by default the present one."""
        self.history = HistoryBuffer(client, run_id, warn)
        self._client = client
        self._path = f"/runs/{run_id}"
        self._snapshot = snapshot
        self._warn = warn
        self._sent = snapshot() if sent is None else sent
        self._dirty = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wanllmdb-heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def mark_dirty(self) -> None:
        """There is a change to send."""
        self._dirty.set()

    def stop(self) -> None:
        """Send nothing after this, except a request that hangs in the network."""
        self._stop.set()
        self._dirty.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_TIMEOUT)

    def send(self) -> None:
        """Send what changed since it was last sent. Raises `Unreachable`, `Denied` and others."""
        for name, values in self._snapshot().items():
            self._send_values(name, values)
        self.history.send()

    def _send_values(self, name: str, values: dict[str, Any]) -> None:
        """Send changed keys, so that other processes may set other ones; and all of them where one was removed."""
        before = self._sent[name]
        changes = {key: value for key, value in values.items() if key not in before or before[key] != value}
        is_merge = before.keys() <= values.keys()
        if is_merge and not changes:
            return
        try:
            self._client.patch(self._path, {name: changes if is_merge else values, "merge": is_merge})
        except (errors.Invalid, errors.TooLarge) as error:
            self._warn(f"could not send {name} of the run: {error}")
        self._sent[name] = values

    def _run(self) -> None:
        cancellation.bind_cancel(self._stop)
        due_at = time.monotonic() + HEARTBEAT_INTERVAL
        while True:
            self._dirty.wait(max(0.0, due_at - time.monotonic()))
            if self._stop.is_set():
                return
            try:
                self._dirty.clear()
                self.send()
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
