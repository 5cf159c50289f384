"""Values of Python's own types that JSON has not, as JSON: they come back as they were, and nothing is pickled."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

CONTENT_TYPE = "application/vnd.wanllmdb.value+json"

# A value of another type than JSON's is {"$": its name, "v": how it is written}. So is every dict.
_TAG, _VALUE = "$", "v"
# Python writes no longer decimal number.
_MAX_INT_BITS = 14_000
_MAX_DEPTH = 200


class NotPlain(Exception):
    """The value, or one inside of it, is of no type that is known here."""


def to_json(value: Any, depth: int = 0) -> Any:
    """The value in types of JSON. Raises `NotPlain`."""
    if depth > _MAX_DEPTH:
        raise NotPlain
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if value.bit_length() <= _MAX_INT_BITS else {_TAG: "int", _VALUE: hex(value)}
    if kind is float:
        return value if math.isfinite(value) else {_TAG: "float", _VALUE: repr(value)}
    if kind is str:
        # `json` writes half of a surrogate pair as an escape, and reads it again.
        return value
    if kind is list:
        return [to_json(member, depth + 1) for member in value]
    if kind in (tuple, set, frozenset):
        return {_TAG: kind.__name__, _VALUE: [to_json(member, depth + 1) for member in value]}
    if kind is dict:
        pairs = [[to_json(key, depth + 1), to_json(member, depth + 1)] for key, member in value.items()]
        return {_TAG: "dict", _VALUE: pairs}
    if kind not in _WRITERS:
        raise NotPlain
    return {_TAG: kind.__name__, _VALUE: _WRITERS[kind](value)}


def from_json(value: Any) -> Any:
    """The value that `to_json` was given. Raises `ValueError` for what it has not made."""
    if isinstance(value, list):
        return [from_json(member) for member in value]
    if not isinstance(value, dict):
        return value
    try:
        return _READERS[value[_TAG]](value[_VALUE])
    except (KeyError, TypeError, ArithmeticError, AttributeError, IndexError, binascii.Error) as error:
        raise ValueError(f"A value of the unknown kind {value.get(_TAG)!r}, or a damaged one") from error


def _write_time_zone(value: datetime | time) -> dict[str, Any]:
    """A zone with a name by its name; else what ISO 8601 says, which has an offset only."""
    zone = value.tzinfo
    if isinstance(zone, ZoneInfo) and zone.key:
        return {"iso": value.replace(tzinfo=None).isoformat(), "zone": zone.key, "fold": value.fold}
    if zone is not None and (type(zone) is not timezone or zone != timezone(zone.utcoffset(None))):
        raise NotPlain
    return {"iso": value.isoformat(), "fold": value.fold}


def _read_datetime(written: dict[str, Any]) -> datetime:
    value = datetime.fromisoformat(written["iso"]).replace(fold=written["fold"])
    return value.replace(tzinfo=ZoneInfo(written["zone"])) if "zone" in written else value


def _read_time(written: dict[str, Any]) -> time:
    value = time.fromisoformat(written["iso"]).replace(fold=written["fold"])
    return value.replace(tzinfo=ZoneInfo(written["zone"])) if "zone" in written else value


_WRITERS: dict[type, Callable[[Any], Any]] = {
    bytes: lambda value: base64.b64encode(value).decode(),
    bytearray: lambda value: base64.b64encode(value).decode(),
    complex: lambda value: [repr(value.real), repr(value.imag)],
    datetime: _write_time_zone,
    time: _write_time_zone,
    date: date.isoformat,
    timedelta: lambda value: [value.days, value.seconds, value.microseconds],
    timezone: lambda value: value.utcoffset(None).total_seconds(),
    Decimal: str,
    Fraction: str,
    UUID: str,
    range: lambda value: [value.start, value.stop, value.step],
    slice: lambda value: [to_json(part) for part in (value.start, value.stop, value.step)],
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "int": lambda written: int(written, 16),
    "float": float,
    "tuple": lambda written: tuple(map(from_json, written)),
    "set": lambda written: set(map(from_json, written)),
    "frozenset": lambda written: frozenset(map(from_json, written)),
    "dict": lambda written: {from_json(key): from_json(value) for key, value in written},
    "bytes": base64.b64decode,
    "bytearray": lambda written: bytearray(base64.b64decode(written)),
    "complex": lambda written: complex(*map(float, written)),
    "datetime": _read_datetime,
    "time": _read_time,
    "date": date.fromisoformat,
    "timedelta": lambda written: timedelta(*written),
    "timezone": lambda written: timezone(timedelta(seconds=written)),
    "Decimal": Decimal,
    "Fraction": Fraction,
    "UUID": UUID,
    "range": lambda written: range(*written),
    "slice": lambda written: slice(*map(from_json, written)),
}
