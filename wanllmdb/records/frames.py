"""Data frames as JSON: `PandasDataFrame` for whoever reads it, `DataFrame` for whoever wants the same frame again.

Nothing is imported before it is used, and a missing package is named in a sentence.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from wanllmdb.records import parquet
from wanllmdb.records.parquet import Library, require


class DataFrame(BaseModel):
    """A frame of pandas or polars as JSON that loses nothing: dtypes, index, NaN, categories, time zones.

    A frame in a record's data is kept like that by itself. This is for data that has to be JSON.
    """

    model_config = ConfigDict(extra="forbid")

    library: Library = Field(description="Which library the frame is of")
    columns: list[str] = Field(description="Names of the columns, for readers")
    rows: int = Field(ge=0)
    content: str = Field(repr=False, description="The frame as Parquet, in Base64")

    @classmethod
    def from_dataframe(cls, frame: Any) -> DataFrame:
        """Raises `ValueError` for what is no frame, and for a frame of Python objects that Parquet does not have."""
        library = parquet.library_of(frame)
        if library is None:
            raise ValueError(f"{type(frame).__name__} is not a data frame of pandas or polars")
        if library == "pandas":
            require("pyarrow", "A data frame of pandas")
        content = parquet.from_frame(frame)
        if content is None:
            raise ValueError(
                "Parquet does not keep this frame as it is, such as one of Python objects: keep the frame itself in "
                "the record's data"
            )
        columns = [str(name) for name in frame.columns]
        return cls(library=library, columns=columns, rows=len(frame), content=base64.b64encode(content).decode())

    def to_dataframe(self) -> Any:
        """The frame as it was. Raises `ValueError` for damaged bytes, `ImportError` without its library."""
        try:
            content = base64.b64decode(self.content, validate=True)
        except binascii.Error as error:
            raise ValueError("The Parquet of this frame is damaged") from error
        return parquet.to_frame(content, self.library)


class PandasDataFrame(BaseModel):
    """A table of pandas as plain JSON that anybody can read: names of columns, and rows.

    Numbers, texts, booleans, times and missing values come back with their dtypes, with a simple index. What JSON
    has no words for is refused; `DataFrame` keeps it.
    """

    model_config = ConfigDict(extra="forbid")

    columns: list[str | int | float | bool]
    data: list[list[Any]] = Field(description="The rows. A missing value is null, a time is in ISO 8601")
    dtypes: list[str] | None = Field(default=None, description="The dtype of each column, as pandas names it")
    index: list[Any] | None = Field(default=None, description="Labels of the rows, unless they count from 0")
    index_name: str | None = None
    index_dtype: str | None = None

    @classmethod
    def from_dataframe(cls, df: Any) -> PandasDataFrame:
        """Raises `ValueError` for a frame with several levels of labels, or with values that are no JSON."""
        pandas = require("pandas", "PandasDataFrame")
        if not isinstance(df, pandas.DataFrame):
            raise ValueError(f"{type(df).__name__} is not a data frame of pandas")
        if isinstance(df.index, pandas.MultiIndex) or isinstance(df.columns, pandas.MultiIndex):
            raise ValueError("The frame has labels of several levels: use DataFrame.from_dataframe, which keeps them")
        columns = [_to_cells(df.iloc[:, number], name) for number, name in enumerate(df.columns)]
        is_counted = isinstance(df.index, pandas.RangeIndex) and df.index.equals(pandas.RangeIndex(len(df)))
        rows = [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(len(df))]
        return cls(
            columns=[_to_cell(name, "names of columns") for name in df.columns],
            data=rows,
            dtypes=[str(kind) for kind in df.dtypes],
            index=None if is_counted else _to_cells(df.index.to_series(), "index"),
            index_name=None if df.index.name is None else str(df.index.name),
            index_dtype=None if is_counted else str(df.index.dtype),
        )

    def to_dataframe(self) -> Any:
        """The frame. Without `dtypes`, pandas chooses them."""
        pandas = require("pandas", "PandasDataFrame")
        index = None
        if self.index is not None:
            index = pandas.Index(_from_cells(pandas, self.index, self.index_dtype))
        if self.dtypes is None:
            df = pandas.DataFrame(self.data, columns=self.columns, index=index)
        else:
            cells = zip(*self.data, strict=True) if self.data else ([] for _ in self.columns)
            series = [
                _from_cells(pandas, list(column), dtype) for column, dtype in zip(cells, self.dtypes, strict=True)
            ]
            df = pandas.DataFrame(dict(enumerate(series)), index=pandas.RangeIndex(len(self.data)))
            df.columns = pandas.Index(self.columns) if self.columns else pandas.RangeIndex(0)
            if index is not None:
                df.index = index
        df.index.name = self.index_name
        return df


def _to_cells(column: Any, name: Any) -> list[Any]:
    """The values of a column. Raises `ValueError` for those that would come back as others."""
    where = f"column {name!r}"
    if str(column.dtype) == "category":
        kind = column.dtype
        if kind.ordered or kind.categories.tolist() != sorted(column.dropna().unique().tolist()):
            raise ValueError(
                f"The categories of {where} have an order of their own: use DataFrame, or the frame itself"
            )
    is_time = str(column.dtype).startswith(("datetime64", "timedelta64", "period"))
    return [_to_cell(value, where, is_time) for value in column.tolist()]


def _to_cell(value: Any, where: str, is_time: bool = False) -> Any:
    """The value as JSON; a missing one is None."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return value if math.isfinite(value) else repr(value)
    kind = type(value)
    if kind.__name__ in ("NaTType", "NAType"):
        return None
    if is_time:
        return value.isoformat() if hasattr(value, "isoformat") else str(value)
    if kind.__module__ == "numpy" and hasattr(value, "item"):
        return _to_cell(value.item(), where)
    if isinstance(value, list):
        return [_to_cell(member, where) for member in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _to_cell(member, where) for key, member in value.items()}
    raise ValueError(f"JSON has no {kind.__name__}, which is in {where}: use DataFrame, or the frame itself")


def _from_cells(pandas: Any, cells: list[Any], dtype: str | None) -> Any:
    """A series of this dtype."""
    if dtype is None:
        return pandas.Series(cells)
    if dtype.startswith("float"):
        return pandas.Series([math.nan if cell is None else float(cell) for cell in cells], dtype=dtype)
    if dtype == "category":
        return pandas.Series(pandas.Categorical(cells))
    if dtype.startswith("datetime64"):
        return pandas.Series(pandas.to_datetime(cells, utc="," in dtype, format="ISO8601")).astype(dtype)
    return pandas.Series(cells, dtype=object).astype(dtype)
