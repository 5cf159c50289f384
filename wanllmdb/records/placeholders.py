"""Data as JSON, with a placeholder for each value that JSON has not, at any depth.

What becomes what:
- None, booleans, finite numbers, texts, lists and dicts with texts as keys are JSON already. A tuple becomes a list,
  another kind of dict a dict, an enum that is a text or a number its value, and a scalar of numpy a Python number.
- Anything else is an object and keeps its type: NaN and infinity, bytes, sets, dates, dicts with other keys, named
  tuples, arrays, data frames, instances of any class. So are texts that databases refuse: with a NUL character or half
  of a surrogate pair.
"""

from __future__ import annotations

import reprlib
from collections import Counter
from dataclasses import dataclass
from enum import Enum
from math import isfinite
from typing import Any

MAX_REPR = 200
MAX_OBJECTS = 1_000
"""So many objects a record has at most. Containers of more are objects themselves."""
MAX_DEPTH = 200

# Python writes no decimal number of more digits than 4,300.
_MAX_INT_BITS = 14_000
_BUILTIN_CONTAINERS = (dict, frozenset, list, set, tuple)


class Unsuitable(ValueError):
    """Data that cannot be stored at all: it contains itself, or is too deep."""


@dataclass(frozen=True)
class Found:
    """A value that is not JSON, and where it is: a JSON pointer as of RFC 6901, "" for the whole data."""

    pointer: str
    value: Any


def split(data: Any) -> tuple[Any, list[Found]]:
    """The data as JSON with placeholders, and the values that they stand for, in the order of the data.

    The JSON shares no container with the data. Raises `Unsuitable` for data that contains itself or is nested deeper
    than 200 levels.
    """
    walk = _Walk(frozenset())
    json_data = walk.convert(data, "", 0)
    if len(walk.found) <= MAX_OBJECTS:
        return json_data, walk.found
    collapsed, remaining = set(), len(walk.found)
    for container, count in Counter(found.pointer.rpartition("/")[0] for found in walk.found).most_common():
        collapsed.add(container)
        remaining -= count - 1
        if remaining <= MAX_OBJECTS:
            break
    walk = _Walk(frozenset(collapsed))
    json_data = walk.convert(data, "", 0)
    if len(walk.found) > MAX_OBJECTS:
        raise Unsuitable(
            f"The data has more than {MAX_OBJECTS:,} values that are not JSON: keep them in one array, frame or object"
        )
    return json_data, walk.found


def to_placeholders(data: Any) -> Any:
    """The data as JSON, with placeholders for what is not."""
    return split(data)[0]


def placeholder(value: Any) -> dict[str, str]:
    """What stands in JSON for a value: exactly `_type`, `_module`, `_repr` and `_serialization_error`."""
    kind = type(value)
    return {
        "_type": kind.__name__,
        "_module": kind.__module__,
        "_repr": _short_repr(value),
        "_serialization_error": f"{kind.__name__} is not JSON serializable",
    }


def escape(key: str) -> str:
    """A key as one token of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def is_plain_text(text: str) -> bool:
    """Whether every database keeps the text."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Walk:
    """One pass over the data. Containers at `collapsed` pointers count as objects."""

    def __init__(self, collapsed: frozenset[str]) -> None:
        self.found: list[Found] = []
        self._collapsed = collapsed
        self._open: set[int] = set()

    def convert(self, value: Any, pointer: str, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return value if is_plain_text(value) else self._object(value, pointer)
        if kind is int:
            return value if value.bit_length() <= _MAX_INT_BITS else self._object(value, pointer)
        if kind is float:
            return value if isfinite(value) else self._object(value, pointer)
        if isinstance(value, dict):
            return self._convert_dict(value, pointer, depth)
        if isinstance(value, list) or kind is tuple:
            return self._convert_list(value, pointer, depth)
        plain = _plain(value)
        return self._object(value, pointer) if plain is value else self.convert(plain, pointer, depth)

    def _convert_dict(self, value: dict[Any, Any], pointer: str, depth: int) -> Any:
        if pointer in self._collapsed or not all(isinstance(key, str) and is_plain_text(key) for key in value):
            return self._object(value, pointer)
        self._enter(value, pointer, depth)
        converted = {
            str.__str__(key): self.convert(member, f"{pointer}/{escape(key)}", depth + 1)
            for key, member in value.items()
        }
        self._open.remove(id(value))
        return converted

    def _convert_list(self, value: list[Any] | tuple[Any, ...], pointer: str, depth: int) -> Any:
        if pointer in self._collapsed:
            return self._object(value, pointer)
        self._enter(value, pointer, depth)
        converted = [self.convert(member, f"{pointer}/{number}", depth + 1) for number, member in enumerate(value)]
        self._open.remove(id(value))
        return converted

    def _enter(self, value: Any, pointer: str, depth: int) -> None:
        if id(value) in self._open:
            raise Unsuitable(f"The data contains itself, at {pointer or 'its root'}")
        if depth >= MAX_DEPTH:
            raise Unsuitable(f"The data is nested deeper than {MAX_DEPTH} levels")
        self._open.add(id(value))

    def _object(self, value: Any, pointer: str) -> dict[str, str]:
        self.found.append(Found(pointer, value))
        return placeholder(value)


def _plain(value: Any) -> Any:
    """The text or number that the value is a special kind of; else the value itself."""
    if isinstance(value, Enum):
        return value.value if isinstance(value, str | int | float) else value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    kind = type(value)
    if kind.__module__ == "numpy" and kind.__name__ != "ndarray" and getattr(value, "shape", None) == ():
        item = value.item()
        return item if type(item) in (bool, int, float, str) else value
    return value


def _short_repr(value: Any) -> str:
    try:
        if isinstance(value, bytes | bytearray):
            # The repr of a gigabyte takes four.
            text = repr(value[:MAX_REPR])
        elif isinstance(value, str):
            text = repr(value[:MAX_REPR])
        elif type(value) in _BUILTIN_CONTAINERS:
            text = reprlib.repr(value)
        elif isinstance(value, int):
            text = hex(value)
        else:
            text = repr(value)
    except Exception as error:  # whatever a class of somebody else raises
        text = f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    text = text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
    return text if len(text) <= MAX_REPR else text[: MAX_REPR - 1] + "…"
