"""A Parquet file, and its schema and first rows as text, to compare them. Runs in a sandboxed process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow
from pyarrow import parquet

from artifacts.previews.reader import Reader, SeekableFile
from artifacts.previews.results import MAX_COLUMNS, FormatMismatch


@contextmanager
def opened(reader: Reader) -> Iterator[parquet.ParquetFile]:
    """The file. Within the block Arrow's errors are `FormatMismatch`, or `MemoryError`."""
    try:
        source = pyarrow.PythonFile(SeekableFile(reader), mode="r")
        yield parquet.ParquetFile(source, pre_buffer=False, buffer_size=64 * 2**10)
    except pyarrow.ArrowMemoryError as error:
        raise MemoryError from error
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        raise FormatMismatch("This Parquet file cannot be read.") from error


def schema(reader: Reader) -> tuple[dict[str, str], int, int]:
    """The types of the first columns by name, the number of rows, and that of columns. Raises `FormatMismatch`."""
    with opened(reader) as file:
        fields = list(file.schema_arrow)
        types = {field.name: str(field.type)[:200] for field in fields[:MAX_COLUMNS]}
        return types, file.metadata.num_rows, len(fields)


def rows(reader: Reader, columns: list[str], limit: int) -> list[tuple[str | None, ...]]:
    """The first rows. Column by column, so that the pages of only one are in memory."""
    with opened(reader) as file:
        limit = min(limit, file.metadata.num_rows)
        return list(zip(*(_values(file, column, limit) for column in columns), strict=False))


def _values(file: parquet.ParquetFile, column: str, limit: int) -> list[str | None]:
    values: list[str | None] = []
    for batch in file.iter_batches(batch_size=limit, columns=[column], use_threads=False) if limit else ():
        values += _texts(batch.column(0).slice(0, limit - len(values)))
        if len(values) >= limit:
            break
    return values


def _texts(column: Any) -> list[str | None]:
    """The values as text. Arrow makes it many times faster, and of 1 and 1.0 the same; it cannot of lists."""
    try:
        return column.cast(pyarrow.string()).to_pylist()
    except (pyarrow.ArrowNotImplementedError, pyarrow.ArrowInvalid):
        return [None if value is None else str(value) for value in column.to_pylist()]
