"""Data frames of pandas and polars as Parquet that loses nothing.

What Parquet has no place for is written down in the schema's metadata, or as JSON in a column of texts. What comes
back is compared with what was given before anybody relies on it.
"""

from __future__ import annotations

import io
import json
import sys
from importlib import import_module
from typing import Any, Literal

from wanllmdb.records import values

CONTENT_TYPE = "application/vnd.apache.parquet"

Library = Literal["pandas", "polars"]

_METADATA_KEY = b"wanllmdb"


class PackageNotInstalled(ImportError):
    """A package is missing. The message says which, and what for."""


def require(package: str, what: str) -> Any:
    """The package; `what` needs it. Raises `PackageNotInstalled`."""
    try:
        return import_module(package)
    except ImportError as error:
        name = package.partition(".")[0]
        raise PackageNotInstalled(f"{what} needs {name}, which is not installed: pip install {name}") from error


def library_of(value: Any) -> Library | None:
    """Which library the value is a data frame of. None for anything else, and for subclasses, which are more."""
    # Whoever has a frame has imported its library.
    for name in ("pandas", "polars"):
        library = sys.modules.get(name)
        if library is not None and type(value) is getattr(library, "DataFrame", None):
            return "pandas" if name == "pandas" else "polars"
    return None


def from_frame(frame: Any) -> bytes | None:
    """The frame as Parquet, if the same frame comes back from it: values, types, index, names. Else None.

    None too if it is no frame, and without pyarrow, which pandas needs for it.
    """
    library = library_of(frame)
    if library == "polars":
        return _unless_impossible(_from_polars, frame)
    if library == "pandas":
        content = _unless_impossible(_from_pandas, frame, False)
        return content if content is not None else _unless_impossible(_from_pandas, frame, True)
    return None


def to_frame(content: bytes, library: Library = "pandas") -> Any:
    """The frame that `from_frame` was given. Raises `PackageNotInstalled`."""
    return _to_polars(content) if library == "polars" else _to_pandas(content)


def _unless_impossible(write: Any, *args: Any) -> bytes | None:
    try:
        content: bytes | None = write(*args)
        return content
    # Both libraries raise what they like for what they cannot write. What polars raises may be no Exception.
    except BaseException as error:
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            return None
        raise


# --- polars -----------------------------------------------------------------------------------------------------------


def _from_polars(frame: Any) -> bytes | None:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    content = buffer.getvalue()
    back = _to_polars(content)
    return content if back.schema == frame.schema and back.equals(frame) else None


def _to_polars(content: bytes) -> Any:
    return require("polars", "This data frame").read_parquet(io.BytesIO(content))


# --- pandas -----------------------------------------------------------------------------------------------------------


def _from_pandas(frame: Any, is_annotated: bool) -> bytes | None:
    """`is_annotated`: names of columns, categories and Python objects are written apart. Others see less in it then."""
    pyarrow = require("pyarrow", "A data frame")
    notes: dict[str, Any] = {}
    freq = getattr(frame.index, "freqstr", None) if hasattr(frame.index, "freq") else None
    if freq:
        notes["freq"] = freq
    plain = _annotate(frame, notes) if is_annotated else frame
    table = pyarrow.Table.from_pandas(plain)
    if notes:
        table = table.replace_schema_metadata(
            {**(table.schema.metadata or {}), _METADATA_KEY: json.dumps(notes).encode()}
        )
    buffer = io.BytesIO()
    require("pyarrow.parquet", "A data frame").write_table(table, buffer, compression="zstd")
    content = buffer.getvalue()
    return content if _is_same(frame, _to_pandas(content)) else None


def _to_pandas(content: bytes) -> Any:
    pandas = require("pandas", "This data frame")
    require("pyarrow", "This data frame")
    table = require("pyarrow.parquet", "This data frame").read_table(io.BytesIO(content))
    notes = json.loads((table.schema.metadata or {}).get(_METADATA_KEY, b"{}"))
    frame = table.to_pandas()
    if "columns" in notes:
        frame = _restore(pandas, frame, notes)
    if "freq" in notes and not isinstance(frame.index, pandas.PeriodIndex):
        frame.index.freq = notes["freq"]
    return frame


def _annotate(frame: Any, notes: dict[str, Any]) -> Any:
    """The frame in types and names that Parquet has. Raises `values.NotPlain` for objects of classes."""
    pandas = sys.modules["pandas"]
    columns = frame.columns
    if isinstance(columns, pandas.MultiIndex):
        raise values.NotPlain
    notes["columns"] = {
        "names": [values.to_json(name) for name in columns.tolist()],
        "range": [columns.start, columns.stop, columns.step] if isinstance(columns, pandas.RangeIndex) else None,
        "dtype": str(columns.dtype),
        "name": values.to_json(columns.name),
    }
    notes["objects"], notes["categories"] = [], {}
    plain = frame.copy(deep=False)
    plain.columns = [str(number) for number in range(len(columns))]
    for number, dtype in enumerate(frame.dtypes):
        column = frame.iloc[:, number]
        if isinstance(dtype, pandas.CategoricalDtype):
            notes["categories"][number] = {
                "values": [values.to_json(value) for value in dtype.categories.tolist()],
                "dtype": str(dtype.categories.dtype),
                "ordered": dtype.ordered,
            }
            plain[str(number)] = column.cat.codes.astype("int32")
        elif str(dtype) == "object":
            notes["objects"].append(number)
            plain[str(number)] = [json.dumps(values.to_json(value)) for value in column]
    return plain


def _restore(pandas: Any, frame: Any, notes: dict[str, Any]) -> Any:
    for number in notes["objects"]:
        cells = [values.from_json(json.loads(text)) for text in frame[str(number)]]
        frame[str(number)] = pandas.Series(cells, index=frame.index, dtype=object)
    for number, kept in notes["categories"].items():
        categories = pandas.Index([values.from_json(value) for value in kept["values"]], dtype=kept["dtype"])
        codes = frame[number].to_numpy()
        frame[number] = pandas.Categorical.from_codes(codes, categories=categories, ordered=kept["ordered"])
    columns = notes["columns"]
    name = values.from_json(columns["name"])
    if columns["range"] is not None:
        frame.columns = pandas.RangeIndex(*columns["range"], name=name)
    else:
        names = [values.from_json(value) for value in columns["names"]]
        frame.columns = pandas.Index(names, dtype=columns["dtype"], name=name)
    return frame


def _is_same(frame: Any, back: Any) -> bool:
    pandas = sys.modules["pandas"]
    try:
        # Names of columns, types and the frequency of the index too.
        pandas.testing.assert_frame_equal(
            frame, back, check_exact=True, check_index_type="exact", check_column_type="exact", check_freq=True
        )
    except AssertionError:
        return False
    # Among objects None, NaN, NaT and NA are different, and so are a list and an array of the same values.
    has_same_types = all(
        list(map(type, frame.iloc[:, number])) == list(map(type, back.iloc[:, number]))
        for number, dtype in enumerate(frame.dtypes)
        if str(dtype) == "object"
    )
    return has_same_types and bool(frame.attrs == back.attrs) and frame.flags == back.flags
