"""What runs logged as media, as a page shows it: each record with the files that it points to."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from artifacts.previews.results import Table
from projects.models import Run
from tracking import file_previews
from tracking.media import MediaKey, Record
from tracking.media_records import Item
from tracking.models import RunFile

# Of tables, excerpts are read from the object store while the page is made.
MAX_TABLES = 6
TABLE_ROWS = 6
TABLE_COLUMNS = 8
BAR_WIDTH = 5
BAR_HEIGHT = 80
_ANIMATED = (".gif",)


class Cell(NamedTuple):
    """An item with its file, if the run has that; of a table its first rows, of a histogram its bars."""

    item: Item
    kind: str
    file: RunFile | None = None
    table: Table | None = None
    # Left, top and height of each, `BAR_WIDTH` wide with a gap behind it.
    bars: Sequence[tuple[int, float, float]] = ()
    width: int = 0


class Card(NamedTuple):
    """A key at a step. `more` is how many items it has beside those that are shown."""

    key: MediaKey
    record: Record | None
    cells: list[Cell]
    more: int


def cards(run: Run, found: Iterable[tuple[MediaKey, Record | None]], max_items: int) -> list[Card]:
    """One query for all their files, and a request of the object store for each of the first tables."""
    pairs = [(key, record, record.items[:max_items] if record else []) for key, record in found]
    paths = {item.path for _, _, items in pairs for item in items if item.path}
    files = {
        file.name: file for file in RunFile.objects.arrived().filter(run=run, name__in=paths).select_related("object")
    }
    tables = 0
    made = []
    for key, record, items in pairs:
        cells = []
        for item in items:
            cell = _cell(run, item, files.get(item.path), with_table=tables < MAX_TABLES)
            tables += _is_read(cell)
            cells.append(cell)
        made.append(Card(key, record, cells, max(0, record.item_count - len(cells)) if record else 0))
    return made


def pictures(run: Run, cards: Iterable[Card]) -> dict[str, RunFile]:
    """The images in cells of the tables that are shown, by path. One query, unless there are none."""
    tables = (cell.table for card in cards for cell in card.cells if cell.table)
    return file_previews.pictures(run, tables)


def _cell(run: Run, item: Item, file: RunFile | None, *, with_table: bool) -> Cell:
    if file is not None:
        file.run = run
    kind = item.kind
    if kind == "video" and item.path.lower().endswith(_ANIMATED):
        kind = "image"
    if kind == "html" and file is not None and not file_previews.has_frame(file):
        kind = "file"
    if kind == "histogram":
        return Cell(item, kind, bars=_bars(item.counts), width=len(item.counts) * (BAR_WIDTH + 1))
    is_excerpt = kind == "table" and file is not None and with_table
    table = file_previews.table_excerpt(file, TABLE_ROWS, TABLE_COLUMNS) if is_excerpt and file else None
    return Cell(item, kind, file, table)


def _is_read(cell: Cell) -> bool:
    """Whether an excerpt of its file costs a request of the object store, also where the file is no table."""
    return cell.kind == "table" and cell.file is not None and cell.file.size <= file_previews.MAX_EXCERPT_BYTES


def _bars(counts: Sequence[float]) -> list[tuple[int, float, float]]:
    greatest = max(counts, default=0) or 1
    heights = [round(BAR_HEIGHT * count / greatest, 1) for count in counts]
    return [(index * (BAR_WIDTH + 1), BAR_HEIGHT - height, height) for index, height in enumerate(heights) if height]
