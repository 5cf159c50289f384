"""What runs remember: plain values under names, as JSON can hold them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from datetime import date, datetime
from enum import Enum
from typing import Any


def plain(value: Any) -> Any:
    """The value as JSON can hold it.

    Numbers of numpy and the like become Python's. NaN and infinity become texts, since JSON has no such numbers, and
    what has no plain form becomes what `str` says of it.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # Scalars and arrays of numpy, torch and their kin: none of them is imported here.
    listed = getattr(value, "tolist", None)
    return plain(listed()) if callable(listed) else str(value)


class LiveDict(MutableMapping[str, Any]):
    """A dict whose items are attributes too, and whose changes reach the server by themselves.

    Values are made plain when they are set. What is changed deep inside a value is sent with the next change or at the
    end.
    """

    _values: dict[str, Any]
    _changed: Callable[[], object]

    def __init__(self, values: Mapping[str, Any], changed: Callable[[], object]) -> None:
        object.__setattr__(self, "_values", plain(values))
        object.__setattr__(self, "_changed", changed)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[str(key)] = plain(value)
        self._changed()

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._changed()

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
        """A copy, plain all the way down."""
        # Copied at one go first: the thread that sends it must not meet a dict that grows.
        return dict(plain(dict(self._values)))

    def __repr__(self) -> str:
        return repr(self._values)
