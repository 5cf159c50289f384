"""The kinds of preview. Templates render them by their `kind`; nothing here is HTML."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from artifacts.previews.json_tree import Row

# How much of a table is shown; the rest is in the download.
MAX_ROWS = 100
MAX_COLUMNS = 50
MAX_CELL = 200


class FormatMismatch(Exception):
    """The bytes are not of the format that the file name says."""


class PreviewTooLarge(Exception):
    """The preview would take too many bytes, too much time or memory."""

    def __init__(self, reason: str = "Too large to preview") -> None:
        super().__init__(reason)


@dataclass(frozen=True)
class NoPreview:
    """No preview, and why."""

    reason: str
    kind: ClassVar[str] = "nothing"


@dataclass(frozen=True)
class TooLarge:
    """No preview of a file so large. The reason has no full stop: the size of the file follows it."""

    reason: str
    kind: ClassVar[str] = "too_large"


@dataclass(frozen=True)
class Image:
    """`type` is what the bytes themselves say. Width and height in pixels, where they say that too."""

    type: str
    width: int | None = None
    height: int | None = None
    note: str = ""
    kind: ClassVar[str] = "image"


@dataclass(frozen=True)
class Text:
    """Lines of (token class, text); the class is "" for plain text."""

    lines: Sequence[Sequence[tuple[str, str]]]
    note: str = ""
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Markdown:
    """Markdown source."""

    source: str
    note: str = ""
    kind: ClassVar[str] = "prose"


@dataclass(frozen=True)
class Column:
    name: str
    type: str = ""
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """The first rows. A cell is None where there is no value."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | None]]
    note: str = ""
    kind: ClassVar[str] = "table"

    @property
    def lines(self) -> Iterator[list[tuple[Column, str | None]]]:
        """The rows, each cell with its column."""
        return (list(zip(self.columns, row, strict=True)) for row in self.rows)


@dataclass(frozen=True)
class Tree:
    """A JSON value, as the steps through it that are shown."""

    rows: Sequence[Row]
    note: str = ""
    kind: ClassVar[str] = "tree"


@dataclass(frozen=True)
class Tensor:
    name: str
    dtype: str
    shape: Sequence[int]
    size: int | None
    """Bytes, where the file has them."""

    @property
    def dimensions(self) -> str:
        return " × ".join(f"{length:,}" for length in self.shape) or "scalar"


@dataclass(frozen=True)
class Tensors:
    """The header of a file of tensors; `metadata` is what its author added, as the steps through a tree."""

    tensors: Sequence[Tensor]
    metadata: Sequence[Row] = ()
    note: str = ""
    kind: ClassVar[str] = "tensors"


Preview = NoPreview | TooLarge | Image | Text | Markdown | Table | Tree | Tensors

_KINDS = {kind.kind: kind for kind in (NoPreview, TooLarge, Image, Text, Markdown, Table, Tree, Tensors)}
# What lists in them are lists of.
_ITEMS: dict[tuple[str, str], Callable[..., Any]] = {
    ("table", "columns"): Column,
    ("tree", "rows"): Row,
    ("tensors", "tensors"): Tensor,
    ("tensors", "metadata"): Row,
}


def to_json(preview: Preview) -> dict[str, Any]:
    """What `from_json` makes the same preview of, once JSON with `default=vars` has carried it to another process."""
    return {"kind": preview.kind} | vars(preview)


def from_json(fields: dict[str, Any]) -> Preview:
    kind = fields.pop("kind")
    for name, items in fields.items():
        if item := _ITEMS.get((kind, name)):
            fields[name] = [item(**values) for values in items]
    if kind == "text":
        fields["lines"] = [[(style, part) for style, part in line] for line in fields["lines"]]
    return _KINDS[kind](**fields)


def cell(text: str) -> str:
    return text if len(text) <= MAX_CELL else f"{text[:MAX_CELL]}…"


def is_number(text: str | None) -> bool:
    if text is None or len(text) > 40:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def numeric(values: Sequence[str | None]) -> bool:
    """Whether a column of these values is numeric."""
    present = [value for value in values if value]
    return bool(present) and all(map(is_number, present))
