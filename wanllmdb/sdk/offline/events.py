"""What the events of an offline run amount to: its values, its history, what it logged and used, and its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wanllmdb.sdk import errors, timestamps

ACTIONS = ("log_artifact", "add_aliases", "use_artifact")


@dataclass
class Outcome:
    """The run as it is after all its events."""

    values: dict[str, Any]
    """`config` and `summary`, and `tags` and `notes` if they were changed."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """The history: what each call of `log` was given, with its step."""
    counted: int = 0
    """So many rows at the beginning have the number of the call as their step, which no program passed."""
    actions: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """Events about artifacts, in order, with their numbers."""
    state: str = "crashed"
    """Of a run without an end: its process was killed."""
    reason: dict[str, Any] = field(default_factory=dict)
    """`exit_code` and `error`, as far as they are known."""
    ended_at: str = ""
    """The time of the last event."""


def fold(run: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> Outcome:
    """The outcome of the events. What no version of this package writes is left out."""
    outcome = Outcome({"config": dict(run["fields"].get("config") or {}), "summary": {}}, ended_at=run["started_at"])
    for number, event in enumerate(events):
        kind, values = event.get("type"), event.get("values")
        outcome.ended_at = str(event.get("at") or outcome.ended_at)
        if kind in ACTIONS:
            outcome.actions.append((number, dict(event)))
        elif kind == "finish" and event.get("state") in ("finished", "crashed", "killed"):
            outcome.state = event["state"]
            outcome.reason = {name: event[name] for name in ("exit_code", "error") if event.get(name) is not None}
        elif not isinstance(values, Mapping):
            continue
        elif kind == "log":
            outcome.values["summary"].update(values)
            outcome.counted += outcome.counted == len(outcome.rows) and event.get("is_counted") is True
            outcome.rows.append({"_timestamp": _seconds(outcome.ended_at), **values, "_step": event.get("step")})
        elif kind in ("config", "summary"):
            outcome.values[kind].update(values)
            for name in event.get("removed") or ():
                outcome.values[kind].pop(name, None)
        elif kind == "update":
            outcome.values.update(values)
    return outcome


def _seconds(at: str) -> float | None:
    try:
        return timestamps.parse(at).timestamp()
    except errors.Invalid:
        return None
