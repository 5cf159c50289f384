"""Filters of runs in the form of MongoDB, as `wandb.Api().runs` takes them: `{"config.lr": {"$lt": 0.1}}`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from wanllmdb.sdk import errors

Filters = Mapping[str, Any]
_MISSING = object()

_COLUMNS = {
    **{name: name for name in ("id", "name", "state", "tags", "group", "notes", "created_by", "host")},
    **{"display_name": "display_name", "displayName": "display_name", "job_type": "job_type", "jobType": "job_type"},
    **{"username": "created_by", "created_at": "started_at", "createdAt": "started_at", "started_at": "started_at"},
    **{"heartbeat_at": "heartbeat_at", "heartbeatAt": "heartbeat_at", "finished_at": "finished_at"},
}
_VALUES = {"config": "config", "summary": "summary", "summary_metrics": "summary"}


def require_valid(filters: Filters) -> None:
    """Raises `Invalid`, which names what is no filter."""
    matches(filters, {})


def matches(filters: Filters, record: Mapping[str, Any]) -> bool:
    """Whether the record of a run, as the server returns it, passes the filters. Raises `Invalid`."""
    if not isinstance(filters, Mapping):
        raise errors.Invalid(f"filters take a dict such as {{'state': 'finished'}}, not {filters!r}")
    # All are evaluated, so that what is no filter is found whatever the record is.
    results = [_matches_one(path, condition, record) for path, condition in filters.items()]
    return all(results)


def ordered(records: Iterable[dict[str, Any]], path: str, is_descending: bool) -> list[dict[str, Any]]:
    """The records in the order of what they have at the path; those that have no number or text there come last."""
    kinds: dict[bool, list[tuple[Any, str, dict[str, Any]]]] = {True: [], False: []}
    rest = []
    for record in records:
        value = _value_of(path, record)
        if isinstance(value, (int, float, str)):
            kinds[isinstance(value, str)].append((value, record["id"], record))
        else:
            rest.append(record)
    for kind in kinds.values():
        kind.sort(key=lambda item: item[:2], reverse=is_descending)
    return [item[2] for item in (*kinds[False], *kinds[True])] + rest


def exact(filters: Filters) -> dict[str, str]:
    """Those that the server can apply by itself: columns that must have one value."""
    named = {"state": "state", "group": "group", "job_type": "job_type", "jobType": "job_type"}
    return {named[path]: value for path, value in filters.items() if path in named and isinstance(value, str) and value}


def _matches_one(path: str, condition: Any, record: Mapping[str, Any]) -> bool:
    if path in ("$and", "$or", "$nor"):
        if not isinstance(condition, (list, tuple)):
            raise errors.Invalid(f"{path} takes a list of filters, not {condition!r}")
        results = [matches(part, record) for part in condition]
        return all(results) if path == "$and" else any(results) is (path == "$or")
    value = _value_of(path, record)
    if isinstance(condition, Mapping) and any(str(name).startswith("$") for name in condition):
        return _compare_all(value, condition)
    return _is_equal(value, condition)


def _compare_all(value: Any, condition: Mapping[str, Any]) -> bool:
    results = [_compare(operator, value, operand) for operator, operand in condition.items()]
    return all(results)


def _value_of(path: str, record: Mapping[str, Any]) -> Any:
    root, *names = path.split(".")
    if root in _VALUES and names:
        value: Any = record.get(_VALUES[root], {})
        if names[-1] == "value" and len(names) > 1:
            names = names[:-1]
        # A key may have dots itself.
        return value[".".join(names)] if ".".join(names) in value else _value_at(value, names)
    if path in ("display_name", "displayName"):
        return record.get("display_name") or record.get("name", _MISSING)
    if path in _COLUMNS:
        return record.get(_COLUMNS[path], _MISSING)
    raise errors.Invalid(
        f"Runs cannot be filtered or ordered by {path!r}: use config.KEY, summary_metrics.KEY, or one of "
        + ", ".join(_COLUMNS)
    )


def _value_at(value: Any, names: list[str]) -> Any:
    for name in names:
        if not isinstance(value, Mapping) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _is_equal(value: Any, expected: Any) -> bool:
    if isinstance(value, list) and not isinstance(expected, (list, tuple)):
        return any(_is_equal(item, expected) for item in value)
    if isinstance(expected, tuple):
        expected = list(expected)
    if isinstance(value, bool) is not isinstance(expected, bool):
        return False
    return bool(value is not _MISSING and value == expected) or (expected is None and value is _MISSING)


def _is_ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare_same_kind(value: Any, operand: Any) -> bool:
        numbers = all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in (value, operand))
        return (numbers or (isinstance(value, str) and isinstance(operand, str))) and compare(value, operand)

    return compare_same_kind


def _is_in(value: Any, operands: Any) -> bool:
    if not isinstance(operands, (list, tuple, set)):
        raise errors.Invalid(f"$in and $nin take a list, not {operands!r}")
    return any(_is_equal(value, operand) for operand in operands)


def _finds(value: Any, pattern: Any) -> bool:
    try:
        return re.search(pattern, value if isinstance(value, str) else "") is not None and isinstance(value, str)
    except (re.error, TypeError) as error:
        raise errors.Invalid(f"{pattern!r} is not a regular expression: {error}") from error


def _contains(value: Any, part: Any) -> bool:
    return part in value if isinstance(value, list) or (isinstance(value, str) and isinstance(part, str)) else False


def _is_not(value: Any, condition: Any) -> bool:
    if isinstance(condition, Mapping):
        return not _compare_all(value, condition)
    return not _is_equal(value, condition)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": _is_equal,
    "$ne": lambda value, operand: not _is_equal(value, operand),
    "$gt": _is_ordered(lambda value, operand: bool(value > operand)),
    "$gte": _is_ordered(lambda value, operand: bool(value >= operand)),
    "$lt": _is_ordered(lambda value, operand: bool(value < operand)),
    "$lte": _is_ordered(lambda value, operand: bool(value <= operand)),
    "$in": _is_in,
    "$nin": lambda value, operands: not _is_in(value, operands),
    "$exists": lambda value, operand: (value is not _MISSING) is bool(operand),
    "$regex": _finds,
    "$contains": _contains,
    "$not": _is_not,
}


def _compare(operator: str, value: Any, operand: Any) -> bool:
    if operator not in _OPERATORS:
        raise errors.Invalid(f"Runs cannot be filtered with {operator!r}: use one of {', '.join(_OPERATORS)}")
    return _OPERATORS[operator](value, operand)
