"""Frames that are stored as Parquet, as CSV and as JSON records: made where a hostile one does no harm."""

import io
import json
from datetime import date, timedelta
from decimal import Decimal

import pandas
import pyarrow
import pytest
from pyarrow import parquet

from artifacts.previews import frame_conversion, sandbox
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, PreviewTooLarge


def reader_of(frame: pandas.DataFrame | pyarrow.Table | bytes) -> Reader:
    target = io.BytesIO()
    if isinstance(frame, pandas.DataFrame):
        frame.to_parquet(target)
    elif isinstance(frame, pyarrow.Table):
        parquet.write_table(frame, target)
    else:
        target.write(frame)
    data = target.getvalue()
    return Reader(len(data), lambda offset, length: data[offset : offset + length])


@pytest.fixture
def frame() -> pandas.DataFrame:
    columns = {
        "area": [1.5, float("nan")],
        "kind": pandas.Categorical(["flat", "house, large"]),
        "seen": pandas.to_datetime(["2024-01-01T00:00:00Z", "2024-06-01T12:30:00Z"]),
        "rooms": [[1, 2], None],
        "new": [True, False],
    }
    return pandas.DataFrame(columns, index=["first", "second"])


def test_a_frame_as_csv(frame):
    assert sandbox.frame(reader_of(frame), "csv", "alice") == (
        "area,kind,seen,rooms,new,index\n"
        '1.5,flat,2024-01-01T00:00:00+00:00,"[1, 2]",true,first\n'
        ',"house, large",2024-06-01T12:30:00+00:00,,false,second\n'
    )


def test_a_frame_as_json_records_has_no_nan(frame):
    first, second = json.loads(sandbox.frame(reader_of(frame), "json", "alice"), parse_constant=pytest.fail)

    assert first == {
        "area": 1.5, "kind": "flat", "seen": "2024-01-01T00:00:00+00:00", "rooms": [1, 2], "new": True,
        "index": "first",
    }  # fmt: skip
    assert second["area"] is None and second["rooms"] is None


def test_an_empty_frame_has_its_columns():
    empty = pandas.DataFrame({"a": [], "b": []})
    assert sandbox.frame(reader_of(empty), "csv", "alice") == "a,b\n"
    assert json.loads(sandbox.frame(reader_of(empty), "json", "alice")) == []


def test_what_json_does_not_have_is_text():
    table = pyarrow.table(
        {"d": [Decimal("1.10")], "b": [b"\x00\xff"], "t": [timedelta(minutes=1)], "y": [date(2024, 1, 2)]}
    )
    assert json.loads(sandbox.frame(reader_of(table), "json", "alice")) == [
        {"d": "1.10", "b": "00ff", "t": 60.0, "y": "2024-01-02"}
    ]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"\xff" * 500 + b"PAR1"])
def test_what_is_no_parquet_is_refused(data):
    with pytest.raises(FormatMismatch):
        sandbox.frame(reader_of(data), "csv", "alice")


def test_a_frame_that_grows_too_large_as_text_is_refused(monkeypatch):
    monkeypatch.setattr(frame_conversion, "MAX_BYTES", 1000)
    with pytest.raises(PreviewTooLarge, match="As CSV it is over"):
        list(frame_conversion.convert(reader_of(pandas.DataFrame({"a": ["x" * 100] * 20})), "csv"))
