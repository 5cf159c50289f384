"""Timestamps with a time zone. Without one a timestamp means a different moment on each machine, and "what was in
production then" would have a different answer."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from wanllmdb.sdk import errors

_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d))?(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)


def now() -> str:
    """The current time, in UTC: `2026-05-03T12:00:00.123456Z`."""
    return to_wire(datetime.now(timezone.utc))


def to_wire(at: str | datetime) -> str:
    """The timestamp as it is sent, in UTC: `2026-05-03T12:00:00Z`. Raises `Invalid` if it has no time zone."""
    if not isinstance(at, datetime):
        at = parse(at)
    elif at.utcoffset() is None:
        raise _no_time_zone(at.isoformat())
    return at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """A timestamp as in RFC 3339, with its time zone. Raises `Invalid`."""
    match = _RFC_3339.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise errors.Invalid(f"{text!r} is not a timestamp: use the format '2026-05-03T12:00:00Z', or a datetime")
    date, minutes, seconds, fraction, zone = match.groups()
    if zone is None:
        raise _no_time_zone(text)
    zone = "+00:00" if zone in "Zz" else f"{zone[:3]}:{zone[-2:]}"
    try:
        return datetime.fromisoformat(f"{date}T{minutes}:{seconds or '00'}.{(fraction or '')[:6]:0<6}{zone}")
    except ValueError as error:
        raise errors.Invalid(f"{text!r} is not a timestamp: {error}") from error


def _no_time_zone(text: str) -> errors.Invalid:
    return errors.Invalid(
        f"{text!r} has no time zone, so it would mean a different moment on each machine: "
        "add one, as in '2026-05-03T12:00:00Z' or '…+02:00', or use datetime.now(timezone.utc)"
    )
