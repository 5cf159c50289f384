"""The values of `config` and `summary`: converted to JSON types, in dicts that are synced to the server."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import date, datetime
from enum import Enum
from typing import Any


def to_jsonable(value: Any) -> Any:
    """The value in types that JSON has.

    Numbers and arrays of numpy and similar libraries become Python's. NaN and infinity become strings, because JSON has
    no such numbers. Anything else becomes its `str`.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): to_jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_jsonable(item) for item in value]
    if isinstance(value, Enum):
        return to_jsonable(value.value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # Scalars and arrays of numpy, torch and similar libraries, none of which is imported here.
    to_list = getattr(value, "tolist", None)
    return to_jsonable(to_list()) if callable(to_list) else str(value)


class SyncedDict(MutableMapping[str, Any]):
    """A dict whose items are also attributes and whose changes are sent to the server automatically.

    Values are converted to JSON types when they are set. A change deep inside a value is sent with the next change, or
    at the end of the run.
    """

    _values: dict[str, Any]
    _on_change: Callable[[], object]

    def __init__(self, values: Mapping[str, Any], on_change: Callable[[], object]) -> None:
        object.__setattr__(self, "_values", to_jsonable(values))
        object.__setattr__(self, "_on_change", on_change)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[str(key)] = to_jsonable(value)
        self._on_change()

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._on_change()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def as_dict(self) -> dict[str, Any]:
        """A deep copy in JSON types."""
        # Copied in one step first: the thread that sends it must not iterate over a dict that grows.
        return dict(to_jsonable(dict(self._values)))

    def __repr__(self) -> str:
        return repr(self._values)
