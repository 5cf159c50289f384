"""The values of config, summary and metadata: whatever people give, in the types of JSON and in dicts that convert."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from collections import UserString
from collections.abc import Callable, Iterable, Mapping, Sequence, Set, ValuesView
from datetime import date, time
from enum import Enum
from math import isfinite, isnan
from numbers import Complex, Integral, Number, Real
from types import ModuleType, SimpleNamespace
from typing import Any

from wanllmdb.sdk import errors

# More than a server takes, so that what is cut off here is refused there; and far from the limit of recursion.
_MAX_DEPTH = 100
# A few lists that contain one another many times stand for more values than any memory has. So many empty ones are
# larger than a server takes.
_MAX_CONTAINERS = 350_000
# Python and the server write no decimal number of more digits than 4,300.
_MAX_INT_BITS = 14_000
_CUT_OFF = "..."
_UNSET = object()
_SIMPLE_TYPES = (str, bool, int, float, complex, bytes, date, time)


def to_jsonable(value: Any) -> Any:
    """The value in types that JSON has, as a copy that shares nothing with it. Never raises.

    Structure is kept: a mapping, a dataclass, a named tuple, a namespace, an object of attrs or pydantic becomes a
    dict; a list, tuple, set, deque or range a list; an enum its value, also as a key. Numbers and arrays of numpy and
    similar libraries become Python's, a date becomes ISO 8601, a path text. NaN and infinity become strings, because
    JSON has no such numbers. Anything else becomes its `str`. A value that contains itself is cut off there.
    """
    return _Conversion().convert(value, 0)


def to_object(value: object, argument: str) -> dict[str, Any]:
    """A mapping or an object with fields as a dict in types that JSON has. Raises `Invalid` for anything else.

    `argument` is what the error calls it.
    """
    converted = to_jsonable(value)
    if isinstance(converted, dict):
        return converted
    if isinstance(converted, str) and (attributes := _attributes(value)):
        return dict(to_jsonable(attributes))
    name = value.__name__ if isinstance(value, type) else type(value).__name__
    raise errors.Invalid(
        f"{argument} takes a mapping, a dataclass or another object with attributes, not "
        + (f"the class {name}: pass an instance" if isinstance(value, type) else f"a value of type {name}")
    )


def to_text(value: object) -> str:
    """A description as text, whatever people give; None is none. Never raises."""
    return "" if value is None else _to_text(value)


def to_metadata(value: object) -> JsonDict:
    """The metadata of an artifact, from what people give as such; None for none. Raises `Invalid` as `to_object`."""
    return JsonDict({} if value is None else to_object(value, "metadata"))


def to_canonical(value: Any) -> str:
    """The same text for the same JSON value, and another one for 1, 1.0 and true, which Python calls equal."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


class _Conversion:
    """Knows the containers that it is inside of, and how many there have been."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._remaining = _MAX_CONTAINERS

    def convert(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str or (kind is float and isfinite(value)):
            return value
        try:
            return self._convert(value, depth)
        except Exception:
            # People's objects may raise anything, even where they are asked for their length.
            return _to_text(value)

    def _convert(self, value: Any, depth: int) -> Any:
        if type(value) is int:
            return _to_number(value)
        if isinstance(value, Enum):
            return self.convert(value.value, depth + 1) if depth < _MAX_DEPTH else _to_text(value)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, Number):
            return _to_number(value)
        if isinstance(value, (type, UserString)):
            return _to_text(value)
        if isinstance(value, (bytes, bytearray)):
            return value.decode("utf-8", "backslashreplace")
        if isinstance(value, (date, time)):
            return _to_text(value.isoformat())
        if isinstance(value, os.PathLike):
            return os.fsdecode(value)
        content = _content(value)
        if content is None:
            return _to_text(value)
        if depth >= _MAX_DEPTH or id(value) in self._open or self._remaining <= 0:
            return _CUT_OFF
        self._open.add(id(value))
        self._remaining -= 1
        try:
            if isinstance(content, dict):
                return {self.to_key(key): self.convert(item, depth + 1) for key, item in content.items()}
            if isinstance(content, list):
                return [self.convert(item, depth + 1) for item in content]
            return self.convert(content, depth + 1)
        finally:
            self._open.discard(id(value))

    def to_key(self, key: Any) -> str:
        converted = self.convert(key, 0)
        return converted if isinstance(converted, str) else _to_text(key.value if isinstance(key, Enum) else key)


def _content(value: Any) -> Any:
    """What a value consists of: a dict, a list, or a simpler value; None if it is to be shown as text."""
    if isinstance(value, dict):
        # One step, so that another thread may change it meanwhile.
        return dict(value)
    if isinstance(value, Mapping):
        return {key: _read(value.__getitem__, key) for key in value}
    if isinstance(value, tuple) and isinstance(names := getattr(value, "_fields", None), tuple):
        return dict(zip(names, value, strict=True))
    if isinstance(value, (Sequence, ValuesView)):
        return list(value)
    if isinstance(value, Set):
        return _sorted(value)
    if (names := _field_names(value)) is not None:
        fields = {name: _read(getattr, value, name, _UNSET) for name in names}
        return {name: field for name, field in fields.items() if field is not _UNSET}
    argparse = sys.modules.get("argparse")
    if isinstance(value, SimpleNamespace) or (argparse and isinstance(value, argparse.Namespace)):
        return dict(vars(value))
    return _content_by_method(value)


def _content_by_method(value: Any) -> Any:
    """By the methods of numpy, torch, pandas, pydantic, transformers and absl, none of which is imported here."""
    if getattr(getattr(value, "dtype", None), "kind", None) == "M":
        value = value.astype(str)  # `tolist` of a time in nanoseconds is a number
    for name in ("tolist", "model_dump", "to_dict", "flag_values_dict"):
        method = getattr(value, name, None)
        if callable(method):
            content = method()
            # A mock has these methods too, and answers with more mocks.
            if isinstance(content, (*_SIMPLE_TYPES, list) if name == "tolist" else dict):
                return content
    return None


def _field_names(value: Any) -> list[str] | None:
    """The names of the fields of a dataclass, or of a class of attrs."""
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    attributes = getattr(type(value), "__attrs_attrs__", None)
    return [attribute.name for attribute in attributes] if isinstance(attributes, tuple) else None


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object of a class that says nothing more of itself; empty for what is no such object."""
    if callable(value) or isinstance(value, (str, bytes, bytearray, Enum, date, time, os.PathLike, ModuleType)):
        return {}
    if isinstance(value, (BaseException, Iterable)):
        return {}
    try:
        slots = [getattr(kind, "__slots__", ()) for kind in type(value).__mro__]
        names = [name for item in slots for name in ([item] if isinstance(item, str) else item)]
        own = {name: getattr(value, name) for name in names if not name.startswith("__") and hasattr(value, name)}
        return {**own, **getattr(value, "__dict__", {})}
    except Exception:
        # What does not even show its fields has none.
        return {}


def _read(get: Callable[..., Any], *arguments: Any) -> Any:
    """One item. One that cannot be read, such as a missing value of omegaconf, must not spoil the others."""
    try:
        return get(*arguments)
    except Exception as error:
        return f"<{type(error).__name__}>"


def _to_number(value: Any) -> Any:
    if type(value) is int or isinstance(value, Integral):
        whole = int(value)
        return whole if whole.bit_length() <= _MAX_INT_BITS else hex(whole)
    if isinstance(value, Complex) and not isinstance(value, Real):
        return _to_text(value)
    number = float(value)
    if isfinite(number):
        return number
    return "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _sorted(values: Iterable[Any]) -> list[Any]:
    """A set in the same order in each process, if its members have one."""
    items = list(values)
    try:
        return sorted(items)
    except Exception:
        # Members that cannot be compared, whatever they raise then.
        return items


def _to_text(value: Any) -> str:
    try:
        return str.__str__(str(value))
    except Exception:
        return f"<{type(value).__qualname__}>"


# --- Dicts ------------------------------------------------------------------------------------------------------------


class JsonDict(dict[str, Any]):
    """A dict that converts each value to types that JSON has when it is given, and each key when it is used.

    What is changed deep inside a value is converted when it is used.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(_to_items(values))

    def __contains__(self, key: object) -> bool:
        return super().__contains__(_to_key(key))

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(_to_key(key))

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_to_key(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._merge(_to_items({key: value}))

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(_to_key(key))
        self._changed()

    def __ior__(self, other: Any) -> JsonDict:  # type: ignore[override,misc]
        self.update(other)
        return self

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, values: object = None, /, allow_val_change: bool | None = None, **items: Any) -> None:
        """Takes a mapping, pairs, or an object with attributes, such as the result of argparse.

        `allow_val_change` is there for compatibility: values may always change. Raises `Invalid` for anything else.
        """
        if values is None:
            values = {}
        elif isinstance(values, Iterable) and not isinstance(values, Mapping):
            # A named tuple is iterable too.
            with contextlib.suppress(TypeError, ValueError):
                values = dict(values)
        self._merge({**to_object(values, "update"), **_to_items(items)})

    def pop(self, key: Any, *default: Any) -> Any:
        value = super().pop(_to_key(key), *default)
        self._changed()
        return value

    def popitem(self) -> tuple[str, Any]:
        item = super().popitem()
        self._changed()
        return item

    def clear(self) -> None:
        super().clear()
        self._changed()

    def as_dict(self) -> dict[str, Any]:
        """A deep copy in JSON types."""
        # Copied in one step first: the thread that sends it must not iterate over a dict that grows.
        return _to_items(dict(self))

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        """Copies and pickles share nothing with this one."""
        return JsonDict, (self.as_dict(),)

    def _merge(self, items: dict[str, Any]) -> None:
        super().update(items)
        self._changed()

    def _changed(self) -> None:
        """Called after each change, for subclasses."""


class SyncedDict(JsonDict):
    """A dict whose items are also attributes and whose changes are sent to the server automatically.

    A change deep inside a value is sent with the next change, or at the end of the run. Copies and pickles are plain
    dicts, which belong to no run.
    """

    def __init__(self, values: Mapping[str, Any], on_change: Callable[[], object]) -> None:
        super().__init__(values)
        self.__dict__.update(_on_change=on_change, _set_last=dict.fromkeys(self))

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        return dict, (self.as_dict(),)

    def in_order_of_change(self) -> list[str]:
        """The names, those that were set last at the end."""
        return list(self.__dict__["_set_last"])

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def _merge(self, items: dict[str, Any]) -> None:
        set_last = self.__dict__["_set_last"]
        for name in items:
            set_last.pop(name, None)
            set_last[name] = None
        super()._merge(items)

    def _changed(self) -> None:
        self.__dict__["_on_change"]()


def _to_items(values: Mapping[Any, Any]) -> dict[str, Any]:
    """The items in types that JSON has, each with its own limits."""
    return {_to_key(key): to_jsonable(value) for key, value in values.items()}


def _to_key(key: Any) -> str:
    return key if type(key) is str else _Conversion().to_key(key)
