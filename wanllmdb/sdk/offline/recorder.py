"""Adds the events of a run to its directory, also from several threads and from forked processes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.offline.run_directory import RunDirectory, to_event

MAX_WAITING = 64 << 20
"""So many bytes of events are kept in memory while the disk takes none."""

Snapshot = Callable[[], Mapping[str, Mapping[str, Any]]]


class Recorder:
    """Values that the disk does not take are kept in memory for the next try, so that a full disk does not stop a
    program before it ends or logs an artifact."""

    def __init__(self, directory: RunDirectory, warn: Callable[[str], object]) -> None:
        self.directory = directory
        self._warn = warn
        self._has_warned = False
        self._recorded: dict[str, dict[str, str]] = {"config": {}, "summary": {}, "metrics": {}}
        """The JSON of each value as it was recorded last."""
        self._waiting: list[bytes] = []
        self._is_paused = False
        self._counts_from_start = True
        self._lock = threading.RLock()

    def start(self, config: Mapping[str, Any]) -> None:
        """These values are known already."""
        self._recorded["config"] = _texts(config)

    def append(self, kind: str, **fields: Any) -> None:
        """Add an event, after those that wait. Raises `CacheError`."""
        with self._lock:
            self._write_waiting()
            self.directory.append(to_event(kind, fields))

    def record(self, kind: str, **fields: Any) -> None:
        """Add an event, now or when the disk takes it."""
        with self._lock:
            self._waiting.append(to_event(kind, fields))
            try:
                self._write_waiting()
            except errors.CacheError as error:
                self._keep_waiting(error)

    def log(self, step: int, values: Mapping[str, Any], *, is_counted: bool) -> None:
        """Add an event with a row of the history. Its values are those of the summary from now on."""
        with self._lock:
            self._recorded["summary"] |= _texts(values)
            # Nobody passed a step so far: in a run that was resumed it counts from its last one.
            self._counts_from_start &= is_counted
            counted = {"is_counted": True} if self._counts_from_start else {}
            self.record("log", step=step, values=values, **counted)

    def record_changes(self, snapshot: Snapshot) -> None:
        """Add events with the values of config and summary that changed since they were recorded."""
        with self._lock:
            if self._is_paused:
                return
            for kind, values in snapshot().items():
                before, after = self._recorded[kind], _texts(values)
                changed = {name: values[name] for name, text in after.items() if before.get(name) != text}
                removed = [name for name in before if name not in after]
                self._recorded[kind] = after
                if changed or removed:
                    self.record(kind, values=changed, removed=removed)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Changes inside the block are not recorded: the block does that itself."""
        with self._lock:
            self._is_paused = True
            try:
                yield
            finally:
                self._is_paused = False

    def continue_in_fork(self) -> None:
        """Called in a forked process. What waited is written by the other process, one of whose threads may have held
        the lock."""
        self._lock, self._waiting, self._is_paused = threading.RLock(), [], False

    def _write_waiting(self) -> None:
        while self._waiting:
            self.directory.append(self._waiting[0])
            del self._waiting[0]

    def _keep_waiting(self, error: errors.CacheError) -> None:
        if not self._has_warned:
            self._warn(f"{error}. What the run logs is kept in memory until then.")
            self._has_warned = True
        excess = sum(map(len, self._waiting)) - MAX_WAITING
        while excess > 0:
            excess -= len(self._waiting.pop(0))


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: json.dumps(value) for name, value in values.items()}
