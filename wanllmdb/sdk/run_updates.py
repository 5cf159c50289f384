"""What an online run sends while it goes on: rows, changed values, alerts, the console, and at last how it ended.

A thread sends it in the background; a forked process, which may be ended at any time, sends it at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.console_capture import ConsoleCapture
from wanllmdb.sdk.heartbeat import Heartbeat, Snapshot
from wanllmdb.sdk.process_end import Outcome

# How long a forked process waits for the server when it logs, and how long it then does not try again, in seconds.
WORKER_RETRY_PERIOD = 5.0
WORKER_PAUSE = 30.0


class RunUpdates:
    """Of the run with this id; the server has what `snapshot` returns now. `on_stop` is as in `Heartbeat`."""

    def __init__(self, connection: Connection, run_id: str, snapshot: Snapshot, on_stop: Callable[[], object]) -> None:
        self._connection = connection
        self._run_id = run_id
        self._snapshot = snapshot
        self._is_worker = False
        self._send_after = 0.0
        self._console: ConsoleCapture | None = ConsoleCapture(connection.client, run_id, self.mark_dirty)
        warn = connection.console.warning
        self._heartbeat = Heartbeat(
            *(connection.client, run_id, snapshot, warn), on_stop=on_stop, console=self._console
        )

    def capture_console(self) -> None:
        """From now on send what the program prints."""
        if self._console is not None:
            self._console.start()

    def mark_dirty(self) -> None:
        """There is a change to send."""
        self._heartbeat.mark_dirty()

    def add_row(self, row: dict[str, Any]) -> None:
        self._heartbeat.history.add(row)

    def add_alert(self, alert: dict[str, Any]) -> None:
        self._heartbeat.add_alert(alert)
        if self._is_worker:
            self.send_now()

    def send_now(self, at_end: bool = False) -> None:
        """In a forked process. After a failure nothing is tried for some time, so that logging stays fast."""
        if time.monotonic() < self._send_after and not at_end:
            return
        try:
            self._heartbeat.send_changes()
        except errors.WanLLMDBError as error:
            self._send_after = time.monotonic() + WORKER_PAUSE
            outlook = "are lost" if at_end else "have not been sent yet"
            self._connection.console.warning(f"values of this forked process {outlook}: {error}")

    def end(self, outcome: Outcome) -> dict[str, Any]:
        """Stop, send the last values and how the run ended; returns what the server says, or {} with a warning."""
        if self._console is not None:
            self._console.stop()
        self._heartbeat.stop()
        client = self._connection.client
        end: dict[str, Any] = (
            {"state": outcome.state} if outcome.exit_code is None else {"exit_code": outcome.exit_code}
        )
        if outcome.error:
            end["error"] = outcome.error
        record: dict[str, Any] = {}
        try:
            self._send_last_values()
            record = client.post(f"/runs/{self._run_id}/finish", end, idempotent=True)
        except Exception as error:
            # What failed is the report, not the program.
            reason = str(error) or type(error).__name__
            self._connection.console.warning(f"could not report the end of the run: {reason}")
        client.close()
        return record

    def _send_last_values(self) -> None:
        try:
            self._heartbeat.send_changes()
        except errors.Unreachable:
            raise
        except errors.WanLLMDBError as error:
            self._connection.console.warning(f"could not send the last values of the run: {error}")

    def continue_in_fork(self, connection: Connection) -> None:
        """Called in a forked process, which has no thread, with a connection of its own."""
        self._is_worker = True
        self._connection = connection
        if self._console is not None:
            self._console.leave()
            self._console = None
        client = connection.client
        client.retry_period = WORKER_RETRY_PERIOD
        # What has changed until now is sent by the other process.
        self._heartbeat = Heartbeat(client, self._run_id, self._snapshot, connection.console.warning, has_thread=False)
