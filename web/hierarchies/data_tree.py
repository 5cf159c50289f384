"""The data of a record as a tree of bounded size, in which an object that is no JSON is one row."""

import json
from collections.abc import Sequence
from typing import Any

from artifacts.previews import json_tree
from artifacts.previews.json_tree import Row

# What stands in JSON for a Python object: what it was, and the beginning of what `repr` says of it.
_MARKS = {"_type", "_module", "_repr", "_serialization_error"}


def rows(data: Any) -> list[Row]:
    """The steps through the data, at most about a thousand; none for an empty object or list."""
    if is_object(data):
        return [_object("", data)]
    return _with_objects(json_tree.rows(data))


def is_object(value: Any) -> bool:
    """Whether a value stands for a Python object."""
    return isinstance(value, dict) and "_type" in value and value.keys() <= _MARKS


def object_name(value: dict[str, Any]) -> str:
    """`sklearn.linear_model._base.LinearRegression`."""
    return ".".join(str(value[key]) for key in ("_module", "_type") if value.get(key))


def _with_objects(steps: Sequence[Row]) -> list[Row]:
    found: list[Row] = []
    index = 0
    while index < len(steps):
        step = steps[index]
        members = _members(steps, index + 1) if step.act == "open" else None
        if members is not None and is_object(members):
            found.append(_object(step.key, members))
            index += len(members) + 2
        else:
            found.append(step)
            index += 1
    return found


def _members(steps: Sequence[Row], start: int) -> dict[str, Any] | None:
    """The plain members of the branch that begins there, or None where it has others or more than an object has."""
    members: dict[str, Any] = {}
    for step in steps[start : start + len(_MARKS) + 1]:
        if step.act == "close":
            return members
        if step.act != "leaf" or step.key not in _MARKS:
            return None
        members[step.key] = _value(step.text)
    return None


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        # Cut, because it was too long for a row.
        return text


def _object(key: str, value: dict[str, Any]) -> Row:
    shown = value.get("_repr")
    text = f"{object_name(value)}: {shown}" if shown else object_name(value)
    return Row("leaf", key, text, "object")
