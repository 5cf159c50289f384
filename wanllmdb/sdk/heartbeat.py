"""What a run does beside the work: a heartbeat, and now and then what changed, so that nobody who logs has to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.client import Client
from wanllmdb.sdk.transfer import worker_pool

HEARTBEAT_SECONDS = 30.0
# Between two messages: a training loop logs a thousand times a second, and nobody reads so fast.
SEND_SECONDS = 2.0
STOP_SECONDS = 5.0

Snapshot = Callable[[], dict[str, Any]]


class Pulse:
    """A daemon thread that sends what `snapshot` answers when it changed. Trouble is tried again at the next beat."""

    def __init__(self, client: Client, run_id: str, snapshot: Snapshot, warn: Callable[[str], object]) -> None:
        self._client = client
        self._path = f"/runs/{run_id}"
        self._snapshot = snapshot
        self._warn = warn
        self._sent = snapshot()
        self._dirty = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, name="wanllmdb-pulse", daemon=True)
        self._thread.start()

    def nudge(self) -> None:
        """Something changed."""
        self._dirty.set()

    def stop(self) -> None:
        """No more messages after this, except one that hangs in the network."""
        self._stop.set()
        self._dirty.set()
        self._thread.join(STOP_SECONDS)

    def unsent(self) -> dict[str, Any]:
        """What changed since it was last sent."""
        return {name: value for name, value in self._snapshot().items() if value != self._sent[name]}

    def _live(self) -> None:
        worker_pool.heed_to(self._stop)
        due = time.monotonic() + HEARTBEAT_SECONDS
        while True:
            self._dirty.wait(max(0.0, due - time.monotonic()))
            if self._stop.is_set():
                return
            try:
                self._dirty.clear()
                self._send()
                if time.monotonic() >= due:
                    due = time.monotonic() + HEARTBEAT_SECONDS
                    self._client.post(f"{self._path}/heartbeat", repeatable=True)
            except worker_pool.Stopped:
                return
            except (errors.Unreachable, errors.ServerError):
                continue  # the next beat tries again; what is unsent is sent at the end at the latest
            except errors.WanLLMDBError as error:
                self._warn(f"the run is no longer kept up to date: {error}")
                return
            if self._stop.wait(SEND_SECONDS):
                return

    def _send(self) -> None:
        changes = self.unsent()
        if not changes:
            return
        try:
            self._client.patch(self._path, changes)
        except (errors.Invalid, errors.TooLarge) as error:
            self._warn(f"{' and '.join(changes)} of the run cannot be sent as they are: {error}")
        self._sent.update(changes)
