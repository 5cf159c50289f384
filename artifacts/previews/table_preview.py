"""CSV, TSV and JSON lines: the first rows as a table. Rows are cut to the columns that are shown as they are read."""

import csv
import io
import json
from typing import Any

from artifacts.previews import text_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import (
    MAX_COLUMNS,
    MAX_ROWS,
    Column,
    FormatMismatch,
    Table,
    cell,
    numeric,
)

_HEAD = 256 * 2**10
_DELIMITERS = ",;\t|"


def csv_rows(reader: Reader) -> Table:
    """The first line names the columns. The delimiter is the character that it has most of."""
    text = _first_lines(reader)
    return _parse_csv(reader, text, delimiter_of(text))


def tsv_rows(reader: Reader) -> Table:
    return _parse_csv(reader, _first_lines(reader), "\t")


def json_lines(reader: Reader) -> Table:
    """A row for each line, a column for each key; lines that are not objects are in a column `value`."""
    records = []
    for line in _first_lines(reader).split("\n"):
        if line.strip():
            records.append(parse_record(line))
        if len(records) > MAX_ROWS:
            break
    columns = list(dict.fromkeys(key for record in records[:MAX_ROWS] for key in record))
    keys = columns[:MAX_COLUMNS]
    rows = [[to_text(record[key]) if key in record else None for key in keys] for record in records]
    return _table(keys, rows, reader, len(columns))


def _first_lines(reader: Reader) -> str:
    return text_preview.complete_lines(reader.head(_HEAD), is_whole=reader.size <= _HEAD)


def _parse_csv(reader: Reader, text: str, delimiter: str) -> Table:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    width = 0
    try:
        for row in lines:
            width = max(width, len(row))
            if row:
                rows.append(row[:MAX_COLUMNS])
            if len(rows) > MAX_ROWS + 1:
                break
    except csv.Error as error:
        raise FormatMismatch("This table cannot be read, so it is shown as text.") from error
    if not rows:
        raise FormatMismatch("This table has no rows, so it is shown as text.")
    if len(rows) == 1 and reader.size > _HEAD:
        raise FormatMismatch("This table has a row that is too long to show, so it is shown as text.")
    header, *body = rows
    count = min(width, MAX_COLUMNS)
    names = [*header, *[""] * (count - len(header))]
    return _table(names, [[*row, *[None] * (count - len(row))] for row in body], reader, width)


def _table(names: list[str], rows: list[list[str | None]], reader: Reader, width: int) -> Table:
    """A table of these columns, which are the first ones of `width`."""
    cells = [[None if value is None else cell(value) for value in row] for row in rows[:MAX_ROWS]]
    columns = [Column(cell(name), is_number=numeric([row[index] for row in cells])) for index, name in enumerate(names)]
    return Table(columns, cells, _note(width, len(rows) > MAX_ROWS or reader.size > _HEAD, len(cells)))


def _note(width: int, has_more: bool, rows: int) -> str:
    parts = [f"the first {rows:,} rows"] if has_more else []
    parts += [f"the first {MAX_COLUMNS} of {width:,} columns"] if width > MAX_COLUMNS else []
    return f"These are {' and '.join(parts)}." if parts else ""


def delimiter_of(text: str) -> str:
    """The one that the first line of a CSV has most of."""
    return max(_DELIMITERS, key=text.partition("\n")[0].count)


def parse_record(line: str) -> dict[str, Any]:
    """A line of JSON as a row. Raises `FormatMismatch`."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FormatMismatch("Not every line is JSON, so this is shown as text.") from error
    return value if isinstance(value, dict) else {"value": value}


def to_text(value: Any) -> str | None:
    """A value of JSON as the text of a cell."""
    if value is None or isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"
