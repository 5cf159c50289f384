"""Tables that runs log, as JSON: `{"columns": [names], "data": [rows]}`. Imports nothing of Django."""

import json
from typing import Any

from artifacts.previews import text_preview
from artifacts.previews.reader import Reader
from artifacts.previews.results import (
    MAX_COLUMNS,
    MAX_ROWS,
    Column,
    FormatMismatch,
    PreviewTooLarge,
    Table,
    cell,
    numeric,
)
from artifacts.previews.table_preview import to_text

SUFFIX = ".table.json"
MAX_TABLE = 16 * 2**20
_IMAGE = "image-file"


def preview(reader: Reader, rows: str = "") -> Table:
    """The rows from the one that `rows` names. It needs the whole file: raises `PreviewTooLarge` beyond `MAX_TABLE`."""
    if reader.size > MAX_TABLE:
        raise PreviewTooLarge
    first = int(rows) if rows.isascii() and rows.isdigit() and len(rows) < 10 else 1
    return parse(reader.head(MAX_TABLE), first)


def parse(data: bytes, first: int = 1, max_rows: int = MAX_ROWS, max_columns: int = MAX_COLUMNS) -> Table:
    """The same of the bytes of a table. Raises `FormatMismatch` for what is none."""
    names, body = _parts(data)
    first = first if 1 <= first <= len(body) else 1
    width = min(len(names), max_columns)
    part = body[first - 1 : first - 1 + max_rows]
    cells = [[_cell(row[index]) if index < len(row) else None for index in range(width)] for row in part]
    pictures = [
        (number, index, path)
        for number, row in enumerate(part)
        for index, value in enumerate(row[:width])
        if (path := _picture(value))
    ]
    columns = [
        Column(_cell(name) or "", is_number=numeric([row[index] for row in cells]))
        for index, name in enumerate(names[:width])
    ]
    end = first + max_rows
    last = (len(body) - 1) // max_rows * max_rows + 1 if body else 1
    return Table(
        columns,
        cells,
        f"{len(body):,} row{'' if len(body) == 1 else 's'}" + _cut_note(width, len(names)),
        first=first,
        previous=str(max(1, first - max_rows)) if first > 1 else None,
        next=str(end) if end <= len(body) else None,
        last=str(last) if last > first else None,
        pictures=pictures,
    )


def _parts(data: bytes) -> tuple[list[Any], list[list[Any]]]:
    text = text_preview.decode(data)
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise FormatMismatch("This is not a table in JSON, despite its name.") from error
    names, body = (value.get("columns"), value.get("data")) if isinstance(value, dict) else (None, None)
    if not isinstance(names, list) or not isinstance(body, list) or not all(isinstance(row, list) for row in body):
        raise FormatMismatch("This is not a table in JSON, despite its name.")
    return names, body


def _picture(value: Any) -> str:
    """The path of an image that a cell stands for; empty for any other cell."""
    path = value.get("path") if isinstance(value, dict) and value.get("_type") == _IMAGE else None
    # No file has a NUL in its path, and PostgreSQL refuses a query with one.
    return path.encode(errors="replace").decode() if isinstance(path, str) and "\0" not in path else ""


def _label(value: Any) -> str:
    """What a cell says of its image."""
    path = _picture(value)
    caption = value.get("caption") if path else ""
    return caption if isinstance(caption, str) and caption else path


def _cell(value: Any) -> str | None:
    text = _label(value) or to_text(value)
    # JSON may have half of a surrogate pair, which no page can hold.
    return None if text is None else cell(text).encode(errors="replace").decode()


def _cut_note(shown: int, count: int) -> str:
    return f", of which these are the first {shown} of {count:,} columns." if shown < count else "."
