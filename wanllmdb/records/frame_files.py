"""Data frames as files that others read and write: CSV, JSON records and Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Any

from wanllmdb.records import parquet
from wanllmdb.records.errors import PackageMissing
from wanllmdb.sdk.errors import Invalid

FORMATS = {"csv": "text/csv", "json": "application/json", "parquet": parquet.CONTENT_TYPE}
# What pandas calls an index that has no name.
_NAMELESS_INDEX = re.compile(r"__index_level_\d+__")


def read_table(content: bytes, format: str) -> Any:
    """The table of a CSV or Parquet file as a frame of pandas, or of polars where pandas is not installed.

    Raises `Invalid` for what is no such file, `PackageMissing`.
    """
    try:
        library = parquet.require("pandas", f"A {format} file")
    except ImportError as error:
        try:
            library = parquet.require("polars", f"A {format} file")
        except ImportError:
            raise PackageMissing(f"A {format} file needs pandas or polars: pip install pandas pyarrow") from error
    read = library.read_csv if format == "csv" else library.read_parquet
    try:
        frame = read(io.BytesIO(content))
    except ImportError as error:
        raise PackageMissing(f"A {format} file needs pyarrow: pip install pyarrow") from error
    except Exception as error:  # either library raises what it likes for a file that is something else
        raise Invalid(f"This is not a {format} file that {library.__name__} reads: {_first_line(error)}") from error
    if library.__name__ == "pandas":
        # Without it the frame would be stored as a pickle, which nobody else can read.
        _require_pyarrow("A data frame of pandas")
    return frame


def convert(content: bytes, format: str) -> bytes:
    """A frame that is stored as Parquet, as `csv`, as `json` (a list of records), or as it is. Raises `PackageMissing`.

    The same values as a server writes.
    """
    if format == "parquet":
        return content
    table = _require_pyarrow(f"A data frame as {format}").read_table(io.BytesIO(content))
    names = ["index" if _NAMELESS_INDEX.fullmatch(name) else name for name in table.schema.names]
    columns = [[_plain(value) for value in column.to_pylist()] for column in table.columns]
    rows: Iterator[tuple[Any, ...]] = zip(*columns, strict=True)
    if format == "json":
        records = ",\n".join(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows)
        return f"[{records}]\n".encode()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def _require_pyarrow(what: str) -> Any:
    try:
        return parquet.require("pyarrow.parquet", what)
    except parquet.PackageNotInstalled as error:
        raise PackageMissing(str(error)) from error


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _plain(value: Any) -> Any:
    """The value as JSON has it: no NaN, and times, decimals and bytes as texts."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
