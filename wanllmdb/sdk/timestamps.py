"""Moments as people and programs state them: always with their zone, for without one they differ from machine to
machine, and "what was in production then" would too."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from wanllmdb.sdk import errors

_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d))?(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)


def stated(at: str | datetime) -> str:
    """The moment as it is sent, in UTC: `2026-05-03T12:00:00Z`. Raises `Invalid` for what has no zone, or is none."""
    if not isinstance(at, datetime):
        at = parse(at)
    elif at.utcoffset() is None:
        raise _without_zone(at.isoformat())
    return at.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def parse(text: str) -> datetime:
    """The moment that a timestamp of RFC 3339 means. Raises `Invalid`."""
    found = _STAMP.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None:
        raise errors.Invalid(f"{text!r} is not a moment: it should look like '2026-05-03T12:00:00Z', or be a datetime")
    date, minutes, seconds, fraction, zone = found.groups()
    if zone is None:
        raise _without_zone(text)
    zone = "+00:00" if zone in "Zz" else f"{zone[:3]}:{zone[-2:]}"
    try:
        return datetime.fromisoformat(f"{date}T{minutes}:{seconds or '00'}.{(fraction or '')[:6]:0<6}{zone}")
    except ValueError as error:
        raise errors.Invalid(f"{text!r} is not a moment: {error}") from error


def _without_zone(text: str) -> errors.Invalid:
    return errors.Invalid(
        f"{text!r} has no time zone, so it would mean another moment on every machine: "
        "add one, as in '2026-05-03T12:00:00Z' or '…+02:00', or make it with datetime.now(timezone.utc)"
    )
