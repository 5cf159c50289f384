"""The kinds of preview. Templates render them by their `kind`; nothing here is HTML."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from artifacts.previews.json_tree import Row

# How much of a table is shown; the rest is in the download.
MAX_ROWS = 100
MAX_COLUMNS = 50
MAX_CELL = 200
BAR_HEIGHT = 20
BAR_WIDTH = 4


class FormatMismatch(Exception):
    """The bytes are not of the format that the file name says."""


class PreviewTooLarge(Exception):
    """The preview would take too many bytes, too much time or memory."""

    def __init__(self, reason: str = "Too large to preview") -> None:
        super().__init__(reason)


@dataclass(frozen=True)
class NoPreview:
    """No preview, and why: for now alone, where the server `is_busy`."""

    reason: str
    is_busy: bool = False
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
class Media:
    """Sound or moving pictures, for the player of the browser. `type` is what the bytes themselves say."""

    type: str
    note: str = ""
    kind: ClassVar[str] = "media"

    @property
    def element(self) -> str:
        return self.type.partition("/")[0]


@dataclass(frozen=True)
class Document:
    """A PDF, for the viewer of the browser, which runs its scripts apart from our page: they may open dialogs."""

    has_scripts: bool = False
    note: str = ""
    kind: ClassVar[str] = "document"


@dataclass(frozen=True)
class Text:
    """Lines of (token class, text); the class is "" for plain text. `end` has the last lines of a long one."""

    lines: Sequence[Sequence[tuple[str, str]]]
    note: str = ""
    end: Sequence[str] = ()
    skipped: int = 0
    """Bytes between the two."""
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Markdown:
    """Markdown source."""

    source: str
    note: str = ""
    kind: ClassVar[str] = "prose"


@dataclass(frozen=True)
class Summary:
    """What a column holds, as text. `bars` are the heights of a histogram, from 0 to `BAR_HEIGHT`."""

    least: str = ""
    greatest: str = ""
    nulls: str = ""
    distinct: str = ""
    bars: Sequence[int] = ()

    @property
    def boxes(self) -> list[tuple[int, int, int]]:
        """Left, top and height of the bars, each `BAR_WIDTH` wide with a gap behind it."""
        return [
            (index * (BAR_WIDTH + 1), BAR_HEIGHT - height, height) for index, height in enumerate(self.bars) if height
        ]


@dataclass(frozen=True)
class Column:
    name: str
    type: str = ""
    is_number: bool = False
    summary: Summary | None = None


@dataclass(frozen=True)
class Table:
    """Some rows, of which the first is row `first` of the file, from 1. A cell is None where there is no value.

    `previous`, `next` and `last` are what the reader asks for with `?rows=`, None where there is nothing to ask for.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str | None]]
    note: str = ""
    first: int = 1
    previous: str | None = None
    next: str | None = None
    last: str | None = None
    summarised: str = ""
    """Which rows the summaries of the columns are of."""
    is_text: bool = True
    """Whether the file itself is text."""
    pictures: Sequence[tuple[int, int, str]] = ()
    """Index of row and column of each cell that stands for an image, and its path in the version of the table."""
    kind: ClassVar[str] = "table"

    @property
    def has_pages(self) -> bool:
        return self.first > 1 or self.next is not None

    @property
    def end(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1

    @property
    def lines(self) -> Iterator[list[tuple[Column, str | None, str]]]:
        """The rows, each cell with its column and the path of its image; empty for a cell that has none."""
        paths = {(row, column): path for row, column, path in self.pictures}
        for number, row in enumerate(self.rows):
            yield [
                (column, text, paths.get((number, index), ""))
                for index, (column, text) in enumerate(zip(self.columns, row, strict=True))
            ]


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
class Total:
    """All tensors of one dtype."""

    dtype: str
    count: int
    parameters: int
    size: int | None


@dataclass(frozen=True)
class Tensors:
    """The header of a file of tensors; `metadata` is what its author added, as the steps through a tree."""

    tensors: Sequence[Tensor]
    metadata: Sequence[Row] = ()
    note: str = ""
    totals: Sequence[Total] = ()
    kind: ClassVar[str] = "tensors"


@dataclass(frozen=True)
class Member:
    """An entry of an archive, as the archive itself describes it: nothing was unpacked."""

    name: str
    size: int | None
    """Bytes once unpacked; None for a folder or a link."""
    packed: int | None = None


@dataclass(frozen=True)
class Archive:
    members: Sequence[Member]
    note: str = ""
    kind: ClassVar[str] = "archive"


@dataclass(frozen=True)
class Import:
    """What a pickle would import. `risk` is "code" for what runs commands or code, "" for what saved data needs."""

    name: str
    risk: str


@dataclass(frozen=True)
class Pickle:
    """What loading a pickle would import, and the tensors that it describes; of one in an archive, with the names
    beside it."""

    imports: Sequence[Import]
    members: Sequence[Member] = ()
    note: str = ""
    tensors: Sequence[Tensor] = ()
    totals: Sequence[Total] = ()
    kind: ClassVar[str] = "pickle"


@dataclass(frozen=True)
class Output:
    """What a cell of a notebook printed: `form` is text, error, html (sanitised), or image (base64 of `type`)."""

    form: str
    text: str
    type: str = ""


@dataclass(frozen=True)
class NotebookCell:
    """`lines` of code or text as in `Text`; `html` is sanitised Markdown, where it was rendered."""

    type: str
    lines: Sequence[Sequence[tuple[str, str]]] = ()
    html: str = ""
    number: str = ""
    outputs: Sequence[Output] = ()


@dataclass(frozen=True)
class Notebook:
    cells: Sequence[NotebookCell]
    note: str = ""
    language: str = "py"
    """The suffix of files in the language of its code."""
    kind: ClassVar[str] = "notebook"


_ALL = (
    NoPreview, TooLarge, Image, Media, Document, Text, Markdown, Table, Tree, Tensors, Archive, Pickle, Notebook,
)  # fmt: skip
Preview = (
    NoPreview
    | TooLarge
    | Image
    | Media
    | Document
    | Text
    | Markdown
    | Table
    | Tree
    | Tensors
    | Archive
    | Pickle
    | Notebook
)

_KINDS: dict[str, Callable[..., Preview]] = {kind.kind: kind for kind in _ALL}


def _column(summary: dict[str, Any] | None = None, **fields: Any) -> Column:
    return Column(**fields, summary=None if summary is None else Summary(**summary))


def _notebook_cell(lines: Any, outputs: Any, **fields: Any) -> NotebookCell:
    return NotebookCell(**fields, lines=_pairs(lines), outputs=[Output(**output) for output in outputs])


def _pairs(lines: Any) -> list[list[tuple[str, str]]]:
    return [[(style, part) for style, part in line] for line in lines]


# What lists in them are lists of.
_ITEMS: dict[tuple[str, str], Callable[..., Any]] = {
    ("table", "columns"): _column,
    ("tree", "rows"): Row,
    ("tensors", "tensors"): Tensor,
    ("tensors", "metadata"): Row,
    ("tensors", "totals"): Total,
    ("archive", "members"): Member,
    ("pickle", "imports"): Import,
    ("pickle", "members"): Member,
    ("pickle", "tensors"): Tensor,
    ("pickle", "totals"): Total,
    ("notebook", "cells"): _notebook_cell,
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
        fields |= {"lines": _pairs(fields["lines"]), "end": tuple(fields["end"])}
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
