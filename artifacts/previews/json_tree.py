"""JSON as a tree of bounded size: what people put into metadata and config can be of any shape and any depth."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 12
MAX_CHILDREN = 100
MAX_ROWS = 1000
MAX_TEXT = 500


@dataclass(frozen=True)
class Row:
    """One step through the tree: `open` and `close` a branch, a `leaf`, or how much is left out (`more`)."""

    act: str
    key: str = ""
    text: str = ""
    kind: str = ""
    depth: int = 0


def rows(value: Any) -> list[Row]:
    """The steps through a JSON value, at most about a thousand; none for an empty object or list."""
    if not isinstance(value, (dict, list)):
        return [_leaf("", value, 0)]
    steps: list[Row] = []
    for row in _children(value, 0):
        if len(steps) >= MAX_ROWS:
            # Whatever is open is closed again, so that the markup stays whole.
            depth = sum({"open": 1, "close": -1}.get(step.act, 0) for step in steps)
            return [*steps, Row("more", text="the rest is left out"), *[Row("close")] * depth]
        steps.append(row)
    return steps


def _children(value: Any, depth: int) -> Iterator[Row]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for index, (key, child) in enumerate(pairs):
        if index == MAX_CHILDREN:
            yield Row("more", text=f"{len(value) - MAX_CHILDREN:,} more")
            return
        if child and isinstance(child, (dict, list)) and depth < MAX_DEPTH:
            yield Row("open", str(key), _count(child), "branch", depth)
            yield from _children(child, depth + 1)
            yield Row("close")
        else:
            yield _leaf(str(key), child, depth)


def _leaf(key: str, value: Any, depth: int) -> Row:
    if value and isinstance(value, (dict, list)):
        return Row("leaf", key, _count(value), "branch", depth)
    text = json.dumps(value, ensure_ascii=False)
    cut = f"{text[:MAX_TEXT]}… ({len(text):,} characters)" if len(text) > MAX_TEXT else text
    return Row("leaf", key, cut, type(value).__name__, depth)


def _count(value: dict[str, Any] | list[Any]) -> str:
    return f"{{{len(value)}}}" if isinstance(value, dict) else f"[{len(value)}]"
