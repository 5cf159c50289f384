"""Parquet: the schema and some rows, read by ranges from a file of any size, with pyarrow."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow
from pyarrow import parquet

from artifacts.previews import column_summary, parquet_rows
from artifacts.previews.column_summary import ColumnSummary
from artifacts.previews.reader import Reader
from artifacts.previews.results import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Column, Summary, Table, cell

# Of which columns are summarised; whole files by their own statistics, if they have not too many of them.
SUMMARY_ROWS = 5_000
MAX_ROW_GROUPS = 200
# Of a list in a cell; the cell is truncated anyway.
_MAX_ITEMS = 20
# How many rows are decoded at once on the way to those that are asked for.
_SKIPPED_BATCH = 4_096
_NO_TEXT = "…"


def preview(reader: Reader, rows: str = "") -> Table:
    """`rows` is the number of the first row, from 1."""
    with parquet_rows.opened(reader) as file:
        return _table(file, rows)


def summarised(table: Table, reader: Reader) -> Table:
    """The same table with summaries of its columns."""
    with parquet_rows.opened(reader) as file:
        count = min(SUMMARY_ROWS, file.metadata.num_rows)
        statistics = _statistics(file)
        columns = [replace(column, summary=_summary(file, column, count, statistics)) for column in table.columns]
    if count < file.metadata.num_rows:
        which = f"Distinct values and histograms of the first {count:,} rows; the rest by the file's own statistics."
    else:
        which = f"Columns of all {count:,} row{'' if count == 1 else 's'}."
    return replace(table, columns=columns, summarised=which)


def _table(file: parquet.ParquetFile, cursor: str) -> Table:
    schema, row_count = file.schema_arrow, max(file.metadata.num_rows, 0)
    first = int(cursor) - 1 if cursor.isascii() and cursor.isdecimal() and len(cursor) < 16 else 0
    first = first if 0 < first < row_count else 0
    columns, values = [], []
    for field in list(schema)[:MAX_COLUMNS]:
        is_number = pyarrow.types.is_integer(field.type) or pyarrow.types.is_floating(field.type)
        columns.append(Column(field.name[:MAX_CELL], str(field.type)[:MAX_CELL], is_number))
        values.append([_text(scalar) for scalar in _values(file, field.name, first, min(MAX_ROWS, row_count - first))])
    rows = list(zip(*values, strict=False))
    note = f"{row_count:,} row{'' if row_count == 1 else 's'} of {len(schema):,} columns."
    if row_count > len(rows) and not first:
        note += f" The first {len(rows):,} are shown."
    has_more = first + len(rows) < row_count and bool(rows)
    return Table(
        columns,
        rows,
        note,
        first=first + 1,
        is_text=False,
        previous=str(max(first - MAX_ROWS, 0) + 1) if first else None,
        next=str(first + MAX_ROWS + 1) if has_more else None,
        last=str((row_count - 1) // MAX_ROWS * MAX_ROWS + 1) if has_more else None,
    )


def _values(file: parquet.ParquetFile, column: str, start: int, count: int) -> Iterator[Any]:
    """`count` values of the column from row `start` on. Column by column, so that the pages of only one are in memory.

    Groups of rows before them are not read.
    """
    groups, skip = _row_groups(file, start)
    if not count or not groups:
        return
    size = _SKIPPED_BATCH if skip else count
    for batch in file.iter_batches(batch_size=size, row_groups=groups, columns=[column], use_threads=False):
        values = batch.column(0).slice(skip, count)
        skip = max(skip - batch.num_rows, 0)
        count -= len(values)
        yield from values
        if not count:
            return


def _row_groups(file: parquet.ParquetFile, start: int) -> tuple[list[int], int]:
    """The groups from the one that has row `start` on, and how many rows it has before that."""
    metadata = file.metadata
    for index in range(metadata.num_row_groups):
        length = metadata.row_group(index).num_rows
        if start < length:
            return list(range(index, metadata.num_row_groups)), start
        start -= length
    return [], 0


def _summary(
    file: parquet.ParquetFile, column: Column, count: int, statistics: dict[str, tuple[str, str, str]]
) -> Summary:
    """Of the first `count` values; of all of them, what the file's own statistics say."""
    groups, _ = _row_groups(file, 0)
    summary = ColumnSummary()
    if not count or not groups:
        return summary.result()
    for batch in file.iter_batches(batch_size=count, row_groups=groups, columns=[column.name], use_threads=False):
        values = batch.column(0).slice(0, count - summary.rows)
        summary.add(_texts(values))
        if summary.rows >= count:
            break
    result = summary.result()
    if column.name in statistics and count < file.metadata.num_rows:
        least, greatest, nulls = statistics[column.name]
        return replace(result, least=least, greatest=greatest, nulls=nulls)
    return Summary(nulls=result.nulls) if result.greatest == _NO_TEXT else result


def _texts(values: Any) -> list[str | None]:
    """Values as texts; lists, structures and bytes, which nobody sorts or counts, as `_NO_TEXT`."""
    try:
        return values.cast(pyarrow.string()).to_pylist()
    except (pyarrow.ArrowNotImplementedError, pyarrow.ArrowInvalid):
        return [None if is_null else _NO_TEXT for is_null in values.is_null().to_pylist()]


def _statistics(file: parquet.ParquetFile) -> dict[str, tuple[str, str, str]]:
    """Smallest and largest value and number of nulls of each column for which every group of rows has them."""
    metadata = file.metadata
    if metadata.num_row_groups > MAX_ROW_GROUPS:
        return {}
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    found: dict[str, tuple[str, str, str]] = {}
    for index in range(min(metadata.num_columns, MAX_COLUMNS)):
        parts = [group.column(index) for group in groups]
        statistics = [part.statistics for part in parts]
        if parts and all(one and one.has_min_max and one.has_null_count for one in statistics):
            least, greatest = min(one.min for one in statistics), max(one.max for one in statistics)
            nulls = sum(one.null_count for one in statistics)
            found[parts[0].path_in_schema] = (_as_text(least), _as_text(greatest), f"{nulls:,}")
    return found


def _as_text(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return column_summary.number_text(value)
    return column_summary.short_text("" if isinstance(value, bytes) else str(value))


def _text(scalar: Any) -> str | None:
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pyarrow.ListScalar) and len(scalar) > _MAX_ITEMS:
        items = ", ".join(map(str, scalar.values.slice(0, _MAX_ITEMS).to_pylist()))
        return f"[{items}, … ({len(scalar):,})]"
    if isinstance(scalar, (pyarrow.BinaryScalar, pyarrow.LargeBinaryScalar)) and not _is_text(scalar):
        return f"{len(scalar.as_buffer()):,} bytes"
    return cell(str(scalar.as_py()))


def _is_text(scalar: Any) -> bool:
    return pyarrow.types.is_string(scalar.type) or pyarrow.types.is_large_string(scalar.type)
