"""A sandboxed process: reads the schema and the first rows of a Parquet file with pyarrow."""

from typing import Any

import pyarrow
from pyarrow import parquet

from artifacts.previews import sandbox_worker

# Of a list in a cell; the cell is truncated anyway.
_MAX_ITEMS = 20


def main() -> None:
    job = sandbox_worker.read_job()
    try:
        source = pyarrow.PythonFile(sandbox_worker.RemoteFile(job["size"]), mode="r")
        file = parquet.ParquetFile(source, pre_buffer=False, buffer_size=64 * 2**10)
        result = _table(file, job["rows"], job["columns"], job["cell"])
    except (pyarrow.ArrowException, OSError, ValueError, KeyError) as error:
        if isinstance(error, pyarrow.ArrowMemoryError):
            raise
        sandbox_worker.write_message(mismatch="This Parquet file cannot be read.")
        return
    sandbox_worker.write_message(done=result)


def _table(file: parquet.ParquetFile, rows: int, columns: int, cell: int) -> dict[str, Any]:
    schema = file.schema_arrow
    row_count = min(rows, file.metadata.num_rows)
    return {
        "rows": file.metadata.num_rows,
        "width": len(schema),
        "columns": [
            {
                "name": field.name[:cell],
                "type": str(field.type)[:cell],
                "is_number": pyarrow.types.is_integer(field.type) or pyarrow.types.is_floating(field.type),
                "values": _values(file, field.name, row_count, cell),
            }
            for field in list(schema)[:columns]
        ],
    }


def _values(file: parquet.ParquetFile, column: str, rows: int, cell: int) -> list[str | None]:
    """The column's first values as text. Column by column, so that the pages of only one are in memory."""
    values: list[str | None] = []
    for batch in file.iter_batches(batch_size=rows, columns=[column], use_threads=False) if rows else ():
        values += [_text(scalar, cell) for scalar in batch.column(0).slice(0, rows - len(values))]
        if len(values) >= rows:
            break
    return values


def _text(scalar: Any, cell: int) -> str | None:
    if not scalar.is_valid:
        return None
    if isinstance(scalar, pyarrow.ListScalar) and len(scalar) > _MAX_ITEMS:
        items = ", ".join(map(str, scalar.values.slice(0, _MAX_ITEMS).to_pylist()))
        return f"[{items}, … ({len(scalar):,})]"
    if isinstance(scalar, (pyarrow.BinaryScalar, pyarrow.LargeBinaryScalar)) and not _is_text(scalar):
        return f"{len(scalar.as_buffer()):,} bytes"
    text = str(scalar.as_py())
    return text if len(text) <= cell else f"{text[:cell]}…"


def _is_text(scalar: Any) -> bool:
    return pyarrow.types.is_string(scalar.type) or pyarrow.types.is_large_string(scalar.type)


if __name__ == "__main__":
    main()
