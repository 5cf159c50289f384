"""What differs between two files of a kind. Templates render them by their `kind`; nothing here is HTML."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from artifacts.previews.results import Image

# How much of a comparison is shown.
MAX_TENSOR_CHANGES = 200
MAX_CELL_CHANGES = 50


@dataclass(frozen=True)
class TensorChange:
    """`change` is added, removed, changed (type or shape), or values (its bytes alone)."""

    name: str
    change: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class TensorChanges:
    """The tensors that differ, and how many of each kind of change, zeros as well. Of `unknown` ones the values were
    not compared, or not all.
    """

    changes: Sequence[TensorChange]
    counts: dict[str, int]
    same: int = 0
    unknown: int = 0
    note: str = ""
    kind: ClassVar[str] = "tensors"


@dataclass(frozen=True)
class ColumnChange:
    """A column that differs: in one table alone, or of another type; None where it is absent."""

    name: str
    before: str | None
    after: str | None

    @property
    def change(self) -> str:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"


@dataclass(frozen=True)
class CellChange:
    """A cell of a row that is in both tables, found by its key, or by its number where there is none."""

    row: str
    column: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class TableChanges:
    """`rows_before` and `rows_after` are None where the tables are too long to count; `key` is the column that rows
    were matched by. `changed` is None where rows were not matched: a changed one counts as removed and added.
    """

    columns: Sequence[ColumnChange]
    column_count: int
    rows_before: int | None
    rows_after: int | None
    added: int = 0
    removed: int = 0
    changed: int | None = None
    cells: Sequence[CellChange] = ()
    cell_count: int = 0
    key: str = ""
    note: str = ""
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class ImagePair:
    """Two images, to be shown side by side."""

    before: Image
    after: Image
    note: str = ""
    kind: ClassVar[str] = "images"


@dataclass(frozen=True)
class NoComparison:
    """No comparison by kind, and why: for now alone, where the server `is_busy`."""

    reason: str
    is_busy: bool = False
    kind: ClassVar[str] = "nothing"


Comparison = TensorChanges | TableChanges | ImagePair | NoComparison

_KINDS = {kind.kind: kind for kind in (TensorChanges, TableChanges, ImagePair, NoComparison)}
_ITEMS: dict[tuple[str, str], Callable[..., Any]] = {
    ("tensors", "changes"): TensorChange,
    ("table", "columns"): ColumnChange,
    ("table", "cells"): CellChange,
}


def to_json(comparison: Comparison) -> dict[str, Any]:
    """What `from_json` makes the same comparison of, once JSON with `default=vars` has carried it here."""
    return {"kind": comparison.kind} | vars(comparison)


def from_json(fields: dict[str, Any]) -> Comparison:
    kind = fields.pop("kind")
    for name, items in fields.items():
        if item := _ITEMS.get((kind, name)):
            fields[name] = [item(**values) for values in items]
        if kind == "images" and name in ("before", "after"):
            fields[name] = Image(**items)
    return _KINDS[kind](**fields)
