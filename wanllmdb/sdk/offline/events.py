"""What the events of an offline run amount to: its values, its history, what it logged and used, and its end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wanllmdb.sdk import errors, timestamps

ACTIONS = ("log_artifact", "add_aliases", "use_artifact", "link_artifact", "alert")


_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass
class Outcome:
    """The run as it is after all its events."""

    values: dict[str, Any]
    """`config` and `summary`, `metrics` if some were defined, and `tags` and `notes` if they were changed."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What it saved last under each path: `sha256` and `size`."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The history: what each call of `log` was given, with its step."""
    counted: int = 0
    """So many rows at the beginning have the number of the call as their step, which no program passed."""
    actions: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Events about artifacts, and alerts, in order, with their numbers."""
    state: str = "crashed"
    """Of a run without an end: its process was killed."""
    reason: dict[str, Any] = field(default_factory=dict)
    """`exit_code` and `error`, as far as they are known."""
    ended_at: str = ""
    """The time of the last event."""


def fold(run: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> Outcome:
    """The outcome of the events. What no version of this package writes is left out."""
    outcome = Outcome({"config": dict(run["fields"].get("config") or {}), "summary": {}}, ended_at=run["started_at"])
    began = _seconds(run["started_at"])
    for number, event in enumerate(events):
        kind, values = event.get("type"), event.get("values")
        outcome.ended_at = str(event.get("at") or outcome.ended_at)
        if kind in ACTIONS:
            outcome.actions.append((number, dict(event)))
        elif kind == "finish" and event.get("state") in ("finished", "crashed", "killed"):
            outcome.state = event["state"]
            outcome.reason = {name: event[name] for name in ("exit_code", "error") if event.get(name) is not None}
        elif kind == "save_files" and isinstance(event.get("files"), list):
            outcome.files |= {file["path"]: file for file in event["files"] if _is_file(file)}
        elif not isinstance(values, Mapping):
            continue
        elif kind == "log":
            outcome.values["summary"].update(values)
            at = _seconds(outcome.ended_at)
            times = {"_timestamp": at} if at is None or began is None else {"_timestamp": at, "_runtime": at - began}
            outcome.counted += outcome.counted == len(outcome.rows) and event.get("is_counted") is True
            outcome.rows.append({**times, **values, "_step": event.get("step")})
        elif kind in ("config", "summary", "metrics"):
            outcome.values.setdefault(kind, {}).update(values)
            for name in event.get("removed") or ():
                outcome.values[kind].pop(name, None)
        elif kind == "update":
            outcome.values.update(values)
    return outcome


def _is_file(value: Any) -> bool:
    """As it is written: what is read here may come from another machine."""
    if not isinstance(value, Mapping) or not isinstance(value.get("path"), str):
        return False
    return isinstance(value.get("size"), int) and bool(_SHA256.fullmatch(str(value.get("sha256"))))


def _seconds(at: str) -> float | None:
    try:
        return timestamps.parse(at).timestamp()
    except errors.Invalid:
        return None
