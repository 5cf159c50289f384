"""A frame that is stored as Parquet, as CSV or as JSON records. Runs in a sandboxed process."""

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from pyarrow import compute, types

from artifacts.previews import parquet_rows
from artifacts.previews.reader import Reader
from artifacts.previews.results import PreviewTooLarge

FORMATS = ("csv", "json")
# What a process of the server holds of one of them until it is sent.
MAX_BYTES = 32 * 2**20
# In each batch of rows.
_BATCH_VALUES = 50_000
# What pandas calls an index that has no name.
_NAMELESS_INDEX = re.compile(r"__index_level_\d+__")
Rows = Iterator[list[list[Any]]]


def convert(reader: Reader, format: str) -> Iterator[str]:
    """The frame as text, in parts. Raises `FormatMismatch` if it is no Parquet, `PreviewTooLarge`."""
    write = _csv if format == "csv" else _json
    size = 0
    with parquet_rows.opened(reader) as file:
        names = [_column_name(name) for name in file.schema_arrow.names]
        for part in write(names, _rows(file)):
            size += len(part.encode())
            if size > MAX_BYTES:
                raise PreviewTooLarge(f"As {format.upper()} it is over {MAX_BYTES // 2**20} MiB")
            yield part


def _rows(file: Any) -> Rows:
    batch_size = max(1, _BATCH_VALUES // max(1, len(file.schema_arrow)))
    for batch in file.iter_batches(batch_size=batch_size, use_threads=False):
        yield [list(row) for row in zip(*map(_values, batch.columns), strict=True)]


def _values(column: Any) -> list[Any]:
    """As JSON has them. Of the commonest types Arrow says it for all values at once."""
    if types.is_floating(column.type):
        column = compute.if_else(compute.is_finite(column), column, None)
    elif not (types.is_integer(column.type) or types.is_string(column.type) or types.is_large_string(column.type)):
        return [_plain(value) for value in column.to_pylist()]
    return column.to_pylist()


def _csv(names: list[str], batches: Rows) -> Iterator[str]:
    yield _csv_lines(lambda writer: writer.writerow(names))
    for rows in batches:
        cells = ([_cell(value) for value in row] for row in rows)
        yield _csv_lines(lambda writer, cells=cells: writer.writerows(cells))


def _csv_lines(write: Callable[[Any], object]) -> str:
    lines = io.StringIO()
    write(csv.writer(lines, lineterminator="\n"))
    return lines.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def _json(names: list[str], batches: Rows) -> Iterator[str]:
    yield "["
    comma = ""
    for rows in batches:
        records = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows]
        if records:
            yield comma + ",\n".join(records)
            comma = ",\n"
    yield "]\n"


def _plain(value: Any) -> Any:
    """The value as JSON has it: no NaN, and times, decimals and bytes as texts."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value)


def _column_name(name: str) -> str:
    return "index" if _NAMELESS_INDEX.fullmatch(name) else name
