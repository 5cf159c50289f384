"""What is read inside a run is used by it: downloads and `Api().artifact()` record that, as `use_artifact` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Recorder(Protocol):
    """Of a run: records which versions it uses."""

    def record_use(self, version: Any) -> None: ...


def _nobody() -> Recorder | None:
    return None


_active: Callable[[], Recorder | None] = _nobody


def set_active(find: Callable[[], Recorder | None]) -> None:
    """From now on `find` says which run of this process reads. The module of the runs imports this one."""
    global _active
    _active = find


def record(version: Any) -> None:
    """Record that the current run uses the `LoggedVersion`, if there is a run. Never raises."""
    recorder = _active()
    if recorder is not None:
        recorder.record_use(version)


def names_of(record: dict[str, Any]) -> list[str]:
    """The aliases and versions by which the version of this record was asked for."""
    names = record.get("requested_as") or []
    return [names] if isinstance(names, str) else list(names)
