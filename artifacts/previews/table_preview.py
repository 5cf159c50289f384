"""CSV, TSV and JSON lines: some rows as a table. Rows are cut to the columns that are shown as they are read.

The next rows are asked for by where they begin, as `{row}-{offset in bytes}`, so that no page reads what is before it.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from artifacts.previews import text_preview
from artifacts.previews.column_summary import ColumnSummary
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

# Of which columns are summarised.
MAX_SUMMARY = 4 * 2**20
_HEAD = 256 * 2**10
_CHUNK = 1_000
_DELIMITERS = ",;\t|"
_CURSOR = re.compile(r"([0-9]{1,15})-([0-9]{1,15})")
_ENCODINGS = ("utf-8", "utf-8-sig", "cp1252")


@dataclass(frozen=True)
class _Excerpt:
    """Whole lines of the file, of which the first is row `row`, or the header, and begins at the byte `offset`."""

    data: bytes
    text: str
    row: int
    offset: int
    is_whole: bool

    def cursor(self, position: int, rows: int) -> str | None:
        """What asks for the rows after `rows` rows, which end before the character `position`."""
        for encoding in _ENCODINGS:
            try:
                before = self.text[:position].encode(encoding)
            except UnicodeEncodeError:
                continue
            if self.data.startswith(before):
                return f"{self.row + rows}-{self.offset + len(before)}"
        return None


def csv_rows(reader: Reader, rows: str = "") -> Table:
    """The first line names the columns. The delimiter is the character that it has most of."""
    first = _excerpt(reader)
    return _csv(reader, rows, first, delimiter_of(first.text))


def tsv_rows(reader: Reader, rows: str = "") -> Table:
    return _csv(reader, rows, _excerpt(reader), "\t")


def json_lines(reader: Reader, rows: str = "") -> Table:
    """A row for each line, a column for each key; lines that are not objects are in a column `value`."""
    excerpt = _excerpt_at(reader, rows) or _excerpt(reader)
    records: list[dict[str, Any]] = []
    position = end = 0
    for line in excerpt.text.split("\n"):
        if line.strip():
            records.append(parse_record(line))
        position += len(line) + 1
        if len(records) == MAX_ROWS and not end:
            end = position
        if len(records) > MAX_ROWS:
            break
    columns = list(dict.fromkeys(key for record in records[:MAX_ROWS] for key in record))
    cells = [[to_text(record.get(key)) for key in columns[:MAX_COLUMNS]] for record in records]
    return _table(columns[:MAX_COLUMNS], cells, excerpt, len(columns), end)


def summarised(table: Table, name: str, reader: Reader) -> Table:
    """The same table with summaries of its columns, from the first `MAX_SUMMARY` bytes of the file."""
    text = text_preview.complete_lines(reader.head(MAX_SUMMARY), is_whole=reader.size <= MAX_SUMMARY)
    rows = _json_rows(text, table) if name.lower().endswith(("jsonl", "ndjson")) else _csv_rows(text, name)
    summaries = [ColumnSummary() for _ in table.columns]
    while chunk := list(islice(rows, _CHUNK)):
        for summary, values in zip(summaries, _transposed(chunk, len(summaries)), strict=True):
            summary.add(values)
    columns = [
        replace(column, type=summary.type, is_number=summary.is_number, summary=summary.result())
        for column, summary in zip(table.columns, summaries, strict=True)
    ]
    count = summaries[0].rows if summaries else 0
    which = "all" if reader.size <= MAX_SUMMARY else "the first"
    return replace(table, columns=columns, summarised=f"Columns of {which} {count:,} row{'' if count == 1 else 's'}.")


def _transposed(rows: list[list[str | None]], width: int) -> Iterable[list[str | None]]:
    return ([row[index] if index < len(row) else None for row in rows] for index in range(width))


def _csv_rows(text: str, name: str) -> Iterator[list[str | None]]:
    delimiter = delimiter_of(text) if name.lower().endswith(".csv") else "\t"
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        next(rows, None)
        yield from (row[:MAX_COLUMNS] for row in rows if row)
    except csv.Error:
        return


def _json_rows(text: str, table: Table) -> Iterator[list[str | None]]:
    for line in text.split("\n"):
        if line.strip():
            record = parse_record(line)
            yield [to_text(record.get(column.name)) for column in table.columns]


def _excerpt(reader: Reader) -> _Excerpt:
    return _lines(reader.head(_HEAD), 1, 0, reader.size)


def _excerpt_at(reader: Reader, cursor: str) -> _Excerpt | None:
    """The lines that the cursor asks for; None without one, or where it is none of this file."""
    match = _CURSOR.fullmatch(cursor)
    row, offset = (int(match[1]), int(match[2])) if match else (0, 0)
    if row < 2 or not 0 < offset < reader.size:
        return None
    return _lines(reader.read(offset, _HEAD), row, offset, reader.size)


def _lines(data: bytes, row: int, offset: int, size: int) -> _Excerpt:
    is_whole = offset + len(data) >= size
    return _Excerpt(data, text_preview.complete_lines(data, is_whole=is_whole), row, offset, is_whole)


def _csv(reader: Reader, cursor: str, first: _Excerpt, delimiter: str) -> Table:
    header, _, width = _parse_csv(first, delimiter, 1)
    excerpt = _excerpt_at(reader, cursor)
    body, end, widest = _parse_csv(excerpt or first, delimiter, MAX_ROWS if excerpt else MAX_ROWS + 1)
    if not excerpt:
        if len(body) == 1 and not first.is_whole:
            raise FormatMismatch("This table has a row that is too long to show, so it is shown as text.")
        body = body[1:]
    width = max(width, widest)
    count = min(width, MAX_COLUMNS)
    names = [*header[0], *[""] * (count - len(header[0]))]
    rows = [[*row, *[None] * (count - len(row))] for row in body]
    return _table(names, rows, excerpt or first, width, end)


def _parse_csv(excerpt: _Excerpt, delimiter: str, limit: int) -> tuple[list[list[str]], int, int]:
    """The first rows, one more than `limit` if there are so many; where row `limit` ends, or 0; how wide they are."""
    stream = io.StringIO(excerpt.text, newline="")
    rows: list[list[str]] = []
    width = end = 0
    try:
        for row in csv.reader(stream, delimiter=delimiter):
            width = max(width, len(row))
            if row:
                rows.append(row[:MAX_COLUMNS])
            if len(rows) == limit and not end:
                end = stream.tell()
            if len(rows) > limit:
                break
    except csv.Error as error:
        raise FormatMismatch("This table cannot be read, so it is shown as text.") from error
    if not rows:
        raise FormatMismatch("This table has no rows, so it is shown as text.")
    return rows, end, width


def _table(names: list[str], rows: list[list[str | None]], excerpt: _Excerpt, width: int, end: int) -> Table:
    """A table of these columns, which are the first ones of `width`; its last row ends before the character `end`."""
    cells = [[None if value is None else cell(value) for value in row] for row in rows[:MAX_ROWS]]
    columns = [Column(cell(name), is_number=numeric([row[index] for row in cells])) for index, name in enumerate(names)]
    has_more = len(rows) > MAX_ROWS or not excerpt.is_whole
    return Table(
        columns,
        cells,
        _note(width, has_more and excerpt.row == 1, len(cells)),
        first=excerpt.row,
        next=excerpt.cursor(end, len(cells)) if has_more and end else None,
    )


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
