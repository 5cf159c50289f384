"""Records as lines of text, and a tree of them with the label of each level."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ulid import ULID

from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.repository import StoredRecord
from wanllmdb.records.wire import JsonObject, to_json

_MAX_SUMMARY = 60


class Tree:
    """A record with its descendants, as a repository finds them."""

    def __init__(self, records: Sequence[StoredRecord], hierarchy: ArtifactHierarchy) -> None:
        """`records` has the root first, and parents before their children."""
        self._root = records[0]
        self._hierarchy = hierarchy
        self._children: dict[ULID | None, list[StoredRecord]] = {}
        for record in records[1:]:
            self._children.setdefault(record.parent_id, []).append(record)

    def lines(self, depth: int | None) -> Iterator[str]:
        """A line for each record, at most `depth` levels below the root, and how many children the last ones have.

        For that there must be one level more.
        """
        yield self._describe(self._root)
        yield from self._branches(self._root, "", depth)

    def _branches(self, record: StoredRecord, indent: str, depth: int | None) -> Iterator[str]:
        children = self._children.get(record.id, [])
        if depth == 0:
            if children:
                yield f"{indent}└── … {len(children):,} more"
            return
        for number, child in enumerate(children, 1):
            is_last = number == len(children)
            yield f"{indent}{'└── ' if is_last else '├── '}{self._describe(child)}"
            below = indent + ("    " if is_last else "│   ")
            yield from self._branches(child, below, None if depth is None else depth - 1)

    def _describe(self, record: StoredRecord) -> str:
        label, type = one_line(self._hierarchy.label_for(record.level)), one_line(record.type)
        return "  ".join(filter(None, (label, str(record.id), type and f"[{type}]", summary_of(record.data))))

    def nested(self, depth: int | None) -> JsonObject:
        """The same as JSON: each record with its `children`."""
        return self._nest(self._root, depth)

    def _nest(self, record: StoredRecord, depth: int | None) -> JsonObject:
        children = self._children.get(record.id, []) if depth != 0 else []
        below = None if depth is None else depth - 1
        return {**to_json(record, self._hierarchy), "children": [self._nest(child, below) for child in children]}


def summary_of(data: Any) -> str:
    """The short values of a record's data, on one line."""
    if isinstance(data, dict):
        values = ((key, value) for key, value in data.items() if key != "type" and not isinstance(value, dict | list))
        text = ", ".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in values)
    else:
        text = json.dumps(data, ensure_ascii=False)
    text = one_line(text)
    return text if len(text) <= _MAX_SUMMARY else text[: _MAX_SUMMARY - 1] + "…"


def one_line(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)
