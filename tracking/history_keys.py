"""Which keys the rows of a history have, and how many values of which type: kept up to date as rows come and go."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tracking.lines import Row

# Further keys are kept in their rows, and not counted.
MAX_KEYS = 2_000
MAX_KEY_LENGTH = 512
_MAX_PREVIOUS = 256
# No encoder escapes these characters.
_PLAIN = re.compile(r"[A-Za-z0-9_ -]+")
_NUMBERS = ("NaN", "Infinity", "-Infinity")

# By key: `types` how often it had a value of each type, `previous` the last one, `monotonic` if numbers never fell.
Keys = dict[str, dict[str, Any]]


def flatten(row: Row) -> Iterator[tuple[str, Any]]:
    """The values of a row, those of nested objects by keys with dots. An object with `_type` is one value."""
    for key, value in row.items():
        if isinstance(value, dict) and value and "_type" not in value:
            for inner, inner_value in flatten(value):
                yield f"{key}.{inner}", inner_value
        else:
            yield key, value


def update(keys: Keys, added: Iterable[Row], removed: Iterable[Row] = ()) -> None:
    """Count the rows that came, and those that they replaced no more."""
    for row in removed:
        for key, value in flatten(row):
            _remove(keys, key, type_of(value))
    for row in added:
        for key, value in flatten(row):
            _add(keys, key, value)


def describe(keys: Keys) -> dict[str, Any]:
    """The keys as clients are told of them."""
    return {
        key: {
            "typeCounts": [{"type": name, "count": count} for name, count in about["types"].items()],
            "previousValue": about["previous"],
            "monotonic": about["monotonic"],
        }
        for key, about in keys.items()
    }


def texts_in_lines(key: str) -> list[str]:
    """Texts that each line has in which the key has a value; none where an encoder may escape all of its name."""
    *outer, name = key.split(".")
    last = f'{name}"' if _PLAIN.fullmatch(name) else max(_PLAIN.findall(name), key=len, default="")
    found = (max(_PLAIN.findall(part), key=len, default="") for part in outer)
    return [text for text in (last, *found) if text]


def numeric(keys: Keys) -> list[str]:
    """The keys that have numbers, in the order in which they came, without those that clients add themselves."""
    return [key for key, about in keys.items() if about["types"].get("number") and not key.startswith("_")]


def type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float) or (isinstance(value, str) and value in _NUMBERS):
        return "number"
    if isinstance(value, dict):
        name = value.get("_type")
        return name if isinstance(name, str) and _is_short(name) else "map"
    return "string" if isinstance(value, str) else "list" if isinstance(value, list) else "nil"


def _add(keys: Keys, key: str, value: Any) -> None:
    about = keys.get(key)
    if about is None:
        if len(keys) >= MAX_KEYS or not _is_short(key):
            return
        about = keys[key] = {"types": {}, "previous": None, "monotonic": True}
    name = type_of(value)
    about["types"][name] = about["types"].get(name, 0) + 1
    previous = about["previous"]
    if not _is_number(value) or (_is_number(previous) and value < previous):
        about["monotonic"] = False
    short = isinstance(value, bool | int | float) or (isinstance(value, str) and _is_short(value, _MAX_PREVIOUS))
    about["previous"] = value if short else None


def _remove(keys: Keys, key: str, name: str) -> None:
    about = keys.get(key)
    if about is None:
        return
    left = Counter(about["types"])
    left[name] -= 1
    about["types"] = dict(+left)
    if not about["types"]:
        del keys[key]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_short(text: str, length: int = MAX_KEY_LENGTH) -> bool:
    # PostgreSQL's jsonb takes no NUL.
    return len(text) <= length and "\0" not in text
