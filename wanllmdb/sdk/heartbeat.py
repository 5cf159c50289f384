"""The background thread of a run: sends a heartbeat and changed values, so that logging never blocks the program."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from wanllmdb.sdk import cancellation, errors
from wanllmdb.sdk.console_capture import ConsoleCapture
from wanllmdb.sdk.history_buffer import HistoryBuffer
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.json_values import to_canonical

HEARTBEAT_INTERVAL = 30.0
# Between two requests: a training loop can log a thousand times a second.
SEND_INTERVAL = 2.0
STOP_TIMEOUT = 5.0
MAX_WAITING_ALERTS = 100

Snapshot = Callable[[], dict[str, dict[str, Any]]]


class Heartbeat:
    """A daemon thread that sends the values of `snapshot` that changed, alerts, and the rows of `history`.

    After a failure it tries again later.
    """

    def __init__(
        self,
        client: Client,
        run_id: str,
        snapshot: Snapshot,
        warn: Callable[[str], object],
        has_thread: bool = True,
        on_stop: Callable[[], object] = lambda: None,
        console: ConsoleCapture | None = None,
    ) -> None:
        """The server has the present snapshot. Without a thread only `send_changes` sends.

        `on_stop` is called once, by the thread, where somebody has asked the run to stop.
        """
        self.history = HistoryBuffer(client, run_id, warn, self._heed)
        self._alerts: deque[dict[str, Any]] = deque(maxlen=MAX_WAITING_ALERTS)
        self._on_stop = on_stop
        self._console = console
        self._has_stopped = False
        self._client = client
        self._path = f"/runs/{run_id}"
        self._snapshot = snapshot
        self._warn = warn
        self._sent = {name: _canonical(values) for name, values in snapshot().items()}
        self._last_warning = ""
        self._dirty = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wanllmdb-heartbeat", daemon=True)
        if has_thread:
            self._thread.start()

    def mark_dirty(self) -> None:
        """There is a change to send."""
        self._dirty.set()

    def add_alert(self, alert: dict[str, Any]) -> None:
        """Send it with the next changes. Where very many wait, the oldest are dropped."""
        self._alerts.append(alert)
        self.mark_dirty()

    def stop(self) -> None:
        """Send nothing after this, except a request that hangs in the network."""
        self._stop.set()
        self._dirty.set()
        if self._thread.ident is not None:
            self._thread.join(STOP_TIMEOUT)

    def send_changes(self) -> None:
        """Send what changed since it was last sent. Values that the server refuses are not sent again."""
        failed: errors.WanLLMDBError | None = None
        # One by one: what is wrong with one of them must not keep the others.
        for send in (*self._changes(), self.history.send, self._send_alerts, self._send_console):
            try:
                send()
            except errors.Unreachable:
                raise
            except errors.WanLLMDBError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _changes(self) -> list[Callable[[], None]]:
        return [partial(self._send_values, name, values) for name, values in self._snapshot().items()]

    def _send_console(self) -> None:
        if self._console is not None:
            self._console.send()

    def _send_alerts(self) -> None:
        # At the end of the run two threads may be at it.
        with suppress(IndexError):
            while True:
                self._send_alert(self._alerts.popleft())

    def _send_alert(self, alert: dict[str, Any]) -> None:
        try:
            self._client.post(f"{self._path}/alerts", alert, idempotent=True)
        except (errors.Unreachable, errors.ServerError):
            self._alerts.appendleft(alert)
            raise
        except errors.WanLLMDBError as error:
            self._warn(f"could not send the alert {alert['title']!r}: {error}")

    def _heed(self, response: Any) -> None:
        """Older servers ask nobody to stop."""
        is_asked = isinstance(response, dict) and response.get("stop_requested") is True
        if is_asked and not self._has_stopped and not self._stop.is_set():
            self._has_stopped = True
            self._on_stop()

    def _send_values(self, name: str, values: dict[str, Any]) -> None:
        """Send changed keys, so that other processes may set other ones; and all of them where one was removed."""
        before, after = self._sent[name], _canonical(values)
        if before == after:
            return
        is_merge = before.keys() <= after.keys()
        changes = {key: value for key, value in values.items() if not is_merge or before.get(key) != after[key]}
        try:
            self._heed(self._client.patch(self._path, {name: changes, "merge": is_merge}))
        except (errors.Invalid, errors.TooLarge) as error:
            self._warn(f"could not send {name} of the run: {error}")
        self._sent[name] = after

    def _run(self) -> None:
        cancellation.bind_cancel(self._stop)
        due_at = time.monotonic() + HEARTBEAT_INTERVAL
        failures = 0
        while True:
            self._dirty.wait(max(0.0, due_at - time.monotonic()))
            if self._stop.is_set():
                return
            try:
                self._dirty.clear()
                is_sent = self._attempt(self.send_changes)
                if time.monotonic() >= due_at:
                    due_at = time.monotonic() + HEARTBEAT_INTERVAL
                    is_sent &= self._attempt(self._beat)
            except cancellation.Cancelled:
                return
            failures = 0 if is_sent else failures + 1
            if failures:
                self._dirty.set()
            if self._stop.wait(min(HEARTBEAT_INTERVAL, SEND_INTERVAL * 2.0 ** min(failures, 10))):
                return

    def _beat(self) -> None:
        self._heed(self._client.post(f"{self._path}/heartbeat", idempotent=True))

    def _attempt(self, send: Callable[[], None]) -> bool:
        """Whether it worked. Whatever fails may pass, and without heartbeats the run would count as crashed."""
        try:
            send()
        except cancellation.Cancelled:
            raise
        except Exception as error:
            self._warn_once(error)
            return False
        return True

    def _warn_once(self, error: Exception) -> None:
        warning = f"the run is not updated on the server for now: {str(error) or type(error).__name__}"
        is_outage = isinstance(error, (errors.Unreachable, errors.ServerError))
        if not is_outage and warning != self._last_warning:
            self._last_warning = warning
            self._warn(warning)


def _canonical(values: dict[str, Any]) -> dict[str, str]:
    return {key: to_canonical(value) for key, value in values.items()}
