"""What `Run.alert` takes, as it is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import AlertLevel, excerpt
from wanllmdb.sdk.json_values import to_text

# Seconds for which a run sends no second alert of the same title.
PAUSE = 60.0
MAX_PAUSE = 30 * 86400.0


def parse(title: str, text: object, level: Any, wait_duration: Any) -> dict[str, Any]:
    """The arguments of `Run.alert`. Raises `Invalid`."""
    return {
        "title": _to_line(title)[:250],
        "text": to_text(text).replace("\0", "\ufffd")[:10_000],
        "level": _to_level(level),
        "wait_duration": _to_seconds(wait_duration),
    }


def _to_line(title: str) -> str:
    line = "".join(character if character.isprintable() else " " for character in title).strip()
    if not line:
        raise errors.Invalid("alert: title is a text that is not empty")
    return line


def _to_level(level: Any) -> str:
    name = str(level.value if isinstance(level, AlertLevel) else level or "INFO").upper()
    if name not in AlertLevel.__members__:
        raise errors.Invalid(f"alert: level is INFO, WARN or ERROR, not {excerpt(level)}")
    return name


def _to_seconds(wait: Any) -> float:
    seconds = wait.total_seconds() if isinstance(wait, timedelta) else PAUSE if wait is None else wait
    try:
        return min(max(float(seconds), 0.0), MAX_PAUSE)
    except (TypeError, ValueError):
        message = f"alert: wait_duration is a number of seconds, or a timedelta, not {excerpt(wait)}"
        raise errors.Invalid(message) from None
