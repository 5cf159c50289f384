"""Data frames that are JSON in the data of a record: `{"columns": […], "data": [[…]]}`, as of `PandasDataFrame`."""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

import pyarrow
from pyarrow import parquet

from hierarchies import errors

CSV = "text/csv"
JSON = "application/json"
PARQUET = "application/vnd.apache.parquet"


def is_frame(value: Any) -> bool:
    """Whether it is a frame: names of columns, and rows with a value for each."""
    if not (isinstance(value, dict) and isinstance(value.get("columns"), list) and isinstance(value.get("data"), list)):
        return False
    width = len(value["columns"])
    names = all(isinstance(name, (str, int, float)) for name in value["columns"])
    return names and all(isinstance(row, list) and len(row) == width for row in value["data"])


def convert(frame: dict[str, Any], media_type: str) -> bytes:
    """The frame as CSV, JSON records or Parquet. Raises `InvalidData` where Parquet has no type for a column."""
    names, rows = _unique([str(name) for name in frame["columns"]]), frame["data"]
    if media_type == CSV:
        return _csv(names, rows)
    if media_type == JSON:
        return json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False).encode()
    return _parquet(names, rows)


def _csv(names: list[str], rows: Iterable[list[Any]]) -> bytes:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return lines.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, (bool, list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return value


def _parquet(names: list[str], rows: list[list[Any]]) -> bytes:
    target = io.BytesIO()
    try:
        columns = [pyarrow.array([row[place] for row in rows]) for place in range(len(names))]
        parquet.write_table(pyarrow.table(columns, names=names), target)
    except (pyarrow.ArrowException, ValueError, OverflowError, TypeError) as error:
        raise errors.InvalidData(
            "A column of this frame has values of several types, for which Parquet has none: use format=csv or json."
        ) from error
    return target.getvalue()


def _unique(names: list[str]) -> list[str]:
    """Names that are there twice get a number: neither JSON nor Parquet has a name twice."""
    taken: dict[str, int] = {}
    found = []
    for name in names:
        count = taken[name] = taken.get(name, 0) + 1
        found.append(name if count == 1 else f"{name}_{count}")
    return found
