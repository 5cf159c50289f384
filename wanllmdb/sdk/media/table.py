"""The public class `Table`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.arguments import checked, warn_once
from wanllmdb.sdk.json_values import to_jsonable
from wanllmdb.sdk.media.base import Add, FileMedia, Media

MAX_ROWS = 200_000
MAX_COLUMNS = 1_000
_UNTYPED = "columns have any types"


class Table(FileMedia):
    """Rows and columns: of lists, or of a DataFrame of pandas. Cells are JSON, or media such as `Image`.

    Raises `Invalid`.
    """

    MAX_ROWS = MAX_ROWS
    _type = "table-file"
    _directory = "table"

    @checked(
        ignored={
            "dtype": _UNTYPED, "optional": _UNTYPED, "allow_mixed_types": _UNTYPED,
            "log_mode": "each call of log stores the whole table",
        },
        leaves=("columns", "data", "rows", "dataframe"),
    )  # fmt: skip
    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
    ) -> None:
        super().__init__(b"", "table.json")
        data = rows if data is None else data
        frame = dataframe if dataframe is not None else data if _is_frame(data) else None
        if frame is not None:
            self.columns = [str(name) for name in frame.columns]
            known = frame.astype(object).where(frame.notna(), None)
            self.data = [list(row) for row in known.itertuples(index=False, name=None)]
        else:
            self.columns = [str(name) for name in (("Input", "Output", "Expected") if columns is None else columns)]
            self.data = []
            for row in () if data is None else data:
                self.add_data(*row)
        if len(self.columns) > MAX_COLUMNS:
            raise errors.Invalid(f"Table has at most {MAX_COLUMNS:,} columns, not {len(self.columns):,}")

    def __repr__(self) -> str:
        return f"<Table of {len(self.data)} rows and {len(self.columns)} columns>"

    def add_data(self, *data: Any) -> None:
        """Add a row, with a value for each column."""
        if len(data) != len(self.columns):
            raise errors.Invalid(f"This row has {len(data)} values, the table {len(self.columns)} columns")
        self.data.append(list(data))

    def add_row(self, *row: Any) -> None:
        """The same as `add_data`."""
        self.add_data(*row)

    @checked(leaves=("data",))
    def add_column(self, name: str, data: Any) -> None:
        """Add a column, with a value for each row."""
        values = list(data)
        if self.data and len(values) != len(self.data):
            raise errors.Invalid(f"This column has {len(values)} values, the table {len(self.data)} rows")
        if name in self.columns:
            raise errors.Invalid(f"The table has a column {name!r} already")
        self.data = self.data or [[] for _ in values] if not self.columns else self.data
        self.columns.append(name)
        for row, value in zip(self.data, values, strict=True):
            row.append(value)

    @checked()
    def get_column(self, name: str, convert_to: str | None = None) -> Any:
        """The values of a column; with `convert_to="numpy"` as an array."""
        if name not in self.columns:
            raise errors.Invalid(f"The table has no column {name!r}, but {', '.join(map(repr, self.columns))}")
        index = self.columns.index(name)
        values = [row[index] for row in self.data]
        return values if convert_to != "numpy" else _imported("numpy", "get_column").asarray(values)

    def get_dataframe(self) -> Any:
        """The table as a `pandas.DataFrame`. Raises `Invalid` where pandas is not installed."""
        return _imported("pandas", "get_dataframe").DataFrame.from_records(self.data, columns=self.columns)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Each row, with its number."""
        yield from enumerate(self.data)

    def _to_record(self, add: Add, key: str, step: int) -> dict[str, Any]:
        rows = self.data[:MAX_ROWS]
        if len(rows) < len(self.data):
            warn_once(f"a Table of {len(self.data):,} rows", f"the first {MAX_ROWS:,} are logged")

        def cell(value: Any) -> Any:
            return value._to_record(add, key, step) if isinstance(value, Media) else value

        data = to_jsonable([[cell(value) for value in row] for row in rows])
        contents = {"columns": self.columns, "data": data}
        self._content = json.dumps(contents, separators=(",", ":")).encode("utf-8", "replace")
        return super()._to_record(add, key, step)

    def _details(self) -> dict[str, Any]:
        return {"ncols": len(self.columns), "nrows": min(len(self.data), MAX_ROWS), "log_mode": "IMMUTABLE"}


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and callable(getattr(value, "itertuples", None))


def of_frame(value: Any) -> Table | None:
    """The table of a DataFrame of pandas; None of anything else."""
    return Table(dataframe=value) if _is_frame(value) and isinstance(value.columns, Iterable) else None


def _imported(module: str, function: str) -> Any:
    if find_spec(module) is None:
        raise errors.Invalid(f"{function} needs {module}, which is not installed: pip install {module}")
    return import_module(module)
