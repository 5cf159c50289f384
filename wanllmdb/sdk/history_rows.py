"""The rows of a run's history: what `Run.log` is given, collected until a row is complete."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Protocol

from wanllmdb.sdk import errors
from wanllmdb.sdk.json_values import to_object
from wanllmdb.sdk.media.records import Recorder
from wanllmdb.sdk.metrics import Metrics


class AddRow(Protocol):
    def __call__(self, step: int, values: dict[str, Any], *, is_counted: bool) -> None:
        """`is_counted` says that the step is the number of the call, rather than what the program passed."""


class HistoryRows:
    """Of one run, after its `last_step`. Complete rows are passed to `add_row`, one at a time."""

    def __init__(self, last_step: int, metrics: Metrics, add_row: AddRow) -> None:
        self.first_step = self.step = last_step
        self._metrics = metrics
        self._add_row = add_row
        self._lock = threading.RLock()
        """Held while a row is made: several threads may log, and a signal handler in the middle of that."""
        self._uncommitted: dict[str, Any] = {}
        """What was logged with `commit=False`, for the row that comes next."""
        self._uncommitted_step: int | None = None

    def add(self, data: Any, step: Any, recorder: Recorder, *, commit: bool) -> None:
        """See `Run.log`. Raises `Invalid`."""
        step = None if step is None else _to_step(step)
        with self._lock:
            converted = to_object(self._with_records(data, step, recorder), "log")
            if step is not None and self._uncommitted_step not in (None, step):
                self._commit()
            self._uncommitted |= converted
            self._uncommitted_step = self._uncommitted_step if step is None else step
            if commit:
                self._commit()

    def finish(self) -> None:
        """Make a row of what waits for one."""
        with self._lock:
            if self._uncommitted or self._uncommitted_step is not None:
                self._commit()

    def discard(self) -> None:
        """Forget what waits for a row."""
        self._uncommitted, self._uncommitted_step = {}, None

    def renew_lock(self) -> None:
        """In a forked process, where the lock may be that of a thread which it lacks."""
        self._lock = threading.RLock()

    def _with_records(self, data: Any, step: int | None, recorder: Recorder) -> Any:
        """What was logged, with the records of media in their place."""
        if not isinstance(data, Mapping):
            return data
        next_step = self.step + 1 if self._uncommitted_step is None else self._uncommitted_step
        return recorder.replace(data, next_step if step is None else step)

    def _commit(self) -> None:
        """Make a row of what was logged since the last one."""
        values, self._uncommitted = self._metrics.complete(self._uncommitted), {}
        step, self._uncommitted_step = self._uncommitted_step, None
        self.step = self.step + 1 if step is None else step
        self._add_row(self.step, values, is_counted=step is None)


def _to_step(step: Any) -> int:
    try:
        whole = int(step)
    except (TypeError, ValueError, OverflowError):
        whole = None
    if whole is None or whole != step or not -(2**63) <= whole < 2**63:
        raise errors.Invalid(f"step takes an integer of 64 bits, not {step!r}")
    return whole
