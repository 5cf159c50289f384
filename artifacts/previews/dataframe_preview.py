"""Data frames as JSON: `{"columns": […], "data": [[…], …]}`, of which some rows are shown as a table."""

import json
from collections.abc import Mapping
from typing import Any

from artifacts.previews.reader import Reader
from artifacts.previews.results import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_ROWS,
    Column,
    FormatMismatch,
    PreviewTooLarge,
    Table,
    cell,
)

MAX_BYTES = 16 * 2**20


def preview(reader: Reader) -> Table:
    """The first rows of a file. Raises `PreviewTooLarge` or `FormatMismatch`."""
    if reader.size > MAX_BYTES:
        raise PreviewTooLarge
    try:
        value = json.loads(reader.read(0, reader.size))
    except (ValueError, RecursionError) as error:
        raise FormatMismatch("This is not JSON, despite its name.") from error
    if not is_frame(value):
        raise FormatMismatch("This is not a data frame, despite its name.")
    return table(value)


def is_frame(value: Any) -> bool:
    """Whether the value has columns, and rows with a value for each of them."""
    if not isinstance(value, Mapping) or not isinstance(value.get("columns"), list) or not value["columns"]:
        return False
    rows, width = value.get("data"), len(value["columns"])
    return isinstance(rows, list) and all(isinstance(row, list) and len(row) == width for row in rows)


def table(frame: Mapping[str, Any]) -> Table:
    """The first rows and columns of what `is_frame`."""
    names, rows = frame["columns"], frame["data"]
    shown = [row[:MAX_COLUMNS] for row in rows[:MAX_ROWS]]
    columns = [
        Column(_text(name)[:MAX_CELL], is_number=_is_numeric([row[index] for row in shown]))
        for index, name in enumerate(names[:MAX_COLUMNS])
    ]
    note = f"{len(rows):,} row{'' if len(rows) == 1 else 's'} of {len(names):,} columns."
    if len(rows) > len(shown):
        note += f" The first {len(shown):,} are shown."
    return Table(columns, [[None if item is None else cell(_text(item)) for item in row] for row in shown], note)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_numeric(values: list[Any]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
