"""Parquet: the schema and the first rows, read by ranges from a file of any size, with pyarrow."""

from typing import Any

import pyarrow
from pyarrow import parquet

from artifacts.previews.reader import Reader, SeekableFile
from artifacts.previews.results import MAX_CELL, MAX_COLUMNS, MAX_ROWS, Column, FormatMismatch, Table, cell

# Of a list in a cell; the cell is truncated anyway.
_MAX_ITEMS = 20


def preview(reader: Reader) -> Table:
    try:
        source = pyarrow.PythonFile(SeekableFile(reader), mode="r")
        return _table(parquet.ParquetFile(source, pre_buffer=False, buffer_size=64 * 2**10))
    except pyarrow.ArrowMemoryError as error:
        raise MemoryError from error
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        raise FormatMismatch("This Parquet file cannot be read.") from error


def _table(file: parquet.ParquetFile) -> Table:
    schema, row_count = file.schema_arrow, file.metadata.num_rows
    columns, values = [], []
    for field in list(schema)[:MAX_COLUMNS]:
        is_number = pyarrow.types.is_integer(field.type) or pyarrow.types.is_floating(field.type)
        columns.append(Column(field.name[:MAX_CELL], str(field.type)[:MAX_CELL], is_number))
        values.append(_values(file, field.name, min(MAX_ROWS, row_count)))
    rows = list(zip(*values, strict=False))
    note = f"{row_count:,} row{'' if row_count == 1 else 's'} of {len(schema):,} columns."
    if row_count > len(rows):
        note += f" The first {len(rows):,} are shown."
    return Table(columns, rows, note)


def _values(file: parquet.ParquetFile, column: str, rows: int) -> list[str | None]:
    """The column's first values as text. Column by column, so that the pages of only one are in memory."""
    values: list[str | None] = []
    for batch in file.iter_batches(batch_size=rows, columns=[column], use_threads=False) if rows else ():
        values += [_text(scalar) for scalar in batch.column(0).slice(0, rows - len(values))]
        if len(values) >= rows:
            break
    return values


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
