"""Two tables: their columns, how many rows came and went, and a sample of the cells that changed.

Rows are matched by a column whose values tell them apart, or by their number where as many are in both tables. Of long
tables the first rows are compared. Runs in a sandboxed process.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from artifacts.previews import text_preview
from artifacts.previews.comparison_results import MAX_CELL_CHANGES, CellChange, ColumnChange, TableChanges
from artifacts.previews.reader import Reader
from artifacts.previews.results import MAX_COLUMNS, FormatMismatch, cell
from artifacts.previews.table_preview import delimiter_of, parse_record, to_text

# Of each table.
MAX_TEXT = 4 * 2**20
MAX_ROWS = 20_000
MAX_CELLS = 150_000

_Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a table, each with a value for each column; `row_count` is None where not all were read."""

    types: dict[str, str]
    rows: list[_Row]
    row_count: int | None
    column_count: int

    @property
    def names(self) -> list[str]:
        return list(self.types)

    @property
    def is_whole(self) -> bool:
        return self.row_count == len(self.rows)


def compare(suffix: str, before: Reader, after: Reader) -> TableChanges:
    """Raises `FormatMismatch` where one of them is no such table, and `PreviewTooLarge`."""
    old, new = _read(suffix, before), _read(suffix, after)
    changes = TableChanges(_columns(old, new), max(old.column_count, new.column_count), old.row_count, new.row_count)
    common = [name for name in old.names if name in new.types]
    one, two = _select(old, common), _select(new, common)
    key = _find_key(common, one, two)
    if key is not None:
        changes = _compare_by_key(changes, common, key, one, two)
    elif len(one) == len(two) and sum(map(tuple.__ne__, one, two)) <= len(one) / 2:
        rows = zip(map(str, range(1, len(one) + 1)), one, two, strict=True)
        changes = _with_cells(changes, common, rows)
    else:
        had, has = Counter(one), Counter(two)
        changes = replace(changes, added=(has - had).total(), removed=(had - has).total())
    return replace(changes, note=_note(old, new))


def _columns(old: Table, new: Table) -> list[ColumnChange]:
    names = dict.fromkeys([*old.names, *new.names])
    changes = (ColumnChange(name, old.types.get(name), new.types.get(name)) for name in names)
    return [replace(change, name=cell(change.name)) for change in changes if change.before != change.after]


def _select(table: Table, names: Sequence[str]) -> list[_Row]:
    indexes = [table.names.index(name) for name in names]
    return [tuple(row[index] for index in indexes) for row in table.rows]


def _find_key(names: Sequence[str], old: Sequence[_Row], new: Sequence[_Row]) -> int | None:
    """The column that tells rows apart in both tables, and finds the most of them in the other one: at least half."""
    best, most = None, min(len(old), len(new)) / 2
    for index in range(len(names)):
        one, two = ({row[index] for row in rows} for rows in (old, new))
        if len(one) == len(old) and len(two) == len(new) and None not in one | two:
            found = len(one & two)
            if found and (found > most or (best is None and found >= most)):
                best, most = index, found
    return best


def _compare_by_key(
    changes: TableChanges, names: Sequence[str], key: int, old: Sequence[_Row], new: Sequence[_Row]
) -> TableChanges:
    had, has = ({row[key]: row for row in rows} for rows in (old, new))
    both = ((str(value), row, has[value]) for value, row in had.items() if value in has)
    changes = replace(changes, added=len(has.keys() - had.keys()), removed=len(had.keys() - has.keys()))
    return _with_cells(replace(changes, key=cell(names[key])), names, both)


def _with_cells(changes: TableChanges, names: Sequence[str], rows: Iterator[tuple[str, _Row, _Row]]) -> TableChanges:
    changed = count = 0
    cells: list[CellChange] = []
    for label, before, after in rows:
        if before == after:
            continue
        changed += 1
        for name, old, new in zip(names, before, after, strict=True):
            if old != new:
                count += 1
                if len(cells) < MAX_CELL_CHANGES:
                    cells.append(
                        CellChange(cell(label), cell(name), *(v if v is None else cell(v) for v in (old, new)))
                    )
    return replace(changes, changed=changed, cells=cells, cell_count=count)


def _note(old: Table, new: Table) -> str:
    parts = []
    if not (old.is_whole and new.is_whole):
        counts = dict.fromkeys(f"{len(table.rows):,}" for table in (old, new))
        parts.append(f"the first {' and '.join(counts)} rows")
    if max(old.column_count, new.column_count) > MAX_COLUMNS:
        parts.append(f"the first {MAX_COLUMNS} columns")
    return f"Only {' and '.join(parts)} were compared." if parts else ""


def _read(suffix: str, reader: Reader) -> Table:
    if suffix in (".parquet", ".pq"):
        # Arrow takes longer to load than all others take.
        from artifacts.previews import parquet_rows

        types, row_count, column_count = parquet_rows.schema(reader)
        return Table(types, parquet_rows.rows(reader, list(types), _max_rows(types)), row_count, column_count)
    text = text_preview.complete_lines(reader.head(MAX_TEXT), is_whole=reader.size <= MAX_TEXT)
    if suffix in (".jsonl", ".ndjson"):
        return _read_json_lines(text, reader)
    return _read_csv(text, reader, delimiter_of(text) if suffix == ".csv" else "\t")


def _max_rows(columns: Any) -> int:
    return min(MAX_ROWS, MAX_CELLS // max(1, len(columns)))


def _read_csv(text: str, reader: Reader, delimiter: str) -> Table:
    lines = filter(None, csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    try:
        header = next(lines, [])
        names = _unique(header[:MAX_COLUMNS])
        width = len(names)
        rows = [(*row[:width], *[None] * (width - len(row))) for row in islice(lines, _max_rows(names))]
        rest = next(lines, None)
    except csv.Error as error:
        raise FormatMismatch("This table cannot be read.") from error
    if not header:
        raise FormatMismatch("This table has no rows.")
    return _text_table(names, rows, reader, rest is None, len(header))


def _read_json_lines(text: str, reader: Reader) -> Table:
    lines = (line for line in text.split("\n") if line.strip())
    records = [parse_record(line) for line in islice(lines, MAX_ROWS)]
    width = len(dict.fromkeys(key for record in records for key in record))
    names = list(dict.fromkeys(key for record in records for key in record))[:MAX_COLUMNS]
    most = _max_rows(names)
    rows = [tuple(to_text(record.get(name)) for name in names) for record in records[:most]]
    is_whole = len(records) <= most and next(lines, None) is None
    return _text_table(names, rows, reader, is_whole, width)


def _text_table(names: Sequence[str], rows: list[_Row], reader: Reader, is_whole: bool, width: int) -> Table:
    is_whole = is_whole and reader.size <= MAX_TEXT
    return Table(dict.fromkeys(names, ""), rows, len(rows) if is_whole else None, width)


def _unique(names: Sequence[str]) -> list[str]:
    """The names, with a number after one that was there before, as frames of data have them too."""
    unique: dict[str, None] = {}
    for name in names:
        number, candidate = 1, name
        while candidate in unique:
            number += 1
            candidate = f"{name} ({number})"
        unique[candidate] = None
    return list(unique)
