"""Data frames: as Parquet that loses nothing, and as JSON that anybody reads."""

import datetime as dt
import decimal
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal as assert_polars_equal

from wanllmdb import records
from wanllmdb.records import ArtifactIn, DataFrame, PandasDataFrame, parquet

PANDAS = {
    "plain": pd.DataFrame({"a": [1, 2], "b": [1.5, float("nan")], "c": ["x", None], "d": [True, False]}),
    "empty": pd.DataFrame(),
    "empty columns": pd.DataFrame({"a": pd.Series([], dtype="int32"), "b": pd.Series([], dtype="datetime64[ns, UTC]")}),
    "no columns": pd.DataFrame(index=[1, 2]),
    "category": pd.DataFrame({"a": pd.Categorical(["x", None], categories=["y", "x", "z"], ordered=True)}),
    "category of numbers": pd.DataFrame({"a": pd.Categorical([3, 1, 3])}),
    "time zone": pd.DataFrame({"t": pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin")}),
    "frequency": pd.DataFrame({"v": [1, 2, 3]}, index=pd.date_range("2024-01-01", periods=3, freq="D", name="day")),
    "index of two levels": pd.DataFrame(
        {"v": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", "n"])
    ),
    "columns of two levels": pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("b", "y")])),
    "None and NaN": pd.DataFrame({"o": pd.Series([None, float("nan"), "a", pd.NaT], dtype=object)}),
    "mixed": pd.DataFrame({"o": pd.Series([1, "a", 2.5, True, b"x", {"k": (1, 2)}], dtype=object)}),
    "two of one name": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "numbered columns": pd.DataFrame([[1, 2]]),
    "nullable": pd.DataFrame({"i": pd.array([1, None], dtype="Int64"), "b": pd.array([True, None], dtype="boolean")}),
    "small types": pd.DataFrame({"a": np.array([1, 2], dtype="float16"), "b": np.array([1, 2], dtype="uint8")}),
    "durations": pd.DataFrame({"a": pd.to_timedelta([1, 2], unit="s")}),
    "periods": pd.DataFrame({"a": pd.period_range("2024-01", periods=2, freq="M")}),
    "decimals": pd.DataFrame({"a": [decimal.Decimal("1.10"), decimal.Decimal("2")]}),
    "dates": pd.DataFrame({"a": [dt.date(2024, 1, 1), None]}),
    "lists": pd.DataFrame({"a": [[1, 2], [3]]}),
    "text index": pd.DataFrame({"a": [1, 2]}, index=["x", "y"]),
    "index from 5": pd.DataFrame({"a": [1, 2]}, index=range(5, 7)),
    "infinity": pd.DataFrame({"a": [float("inf"), -float("inf")]}),
    "complex": pd.DataFrame({"a": [1j, 2]}),
    "sparse": pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}),
    "milliseconds": pd.DataFrame({"t": pd.to_datetime(["2024-01-01"]).astype("datetime64[ms]")}),
    "instances": pd.DataFrame({"a": [Exception, dt]}).iloc[:1],
}
# What neither Parquet nor tagged JSON has. Their frames are pickled whole.
PICKLED = {"complex", "sparse", "instances", "None and NaN"}
POLARS = {
    "plain": pl.DataFrame({"a": [1, None], "b": [float("nan"), None], "c": ["x", None], "l": [[1], [2, 3]]}),
    "category": pl.DataFrame(
        {"c": pl.Series(["a"], dtype=pl.Categorical), "e": pl.Series(["a"], dtype=pl.Enum(["b", "a"]))}
    ),
    "time zone": pl.DataFrame({"t": pl.Series([dt.datetime(2024, 1, 1)]).dt.replace_time_zone("Europe/Berlin")}),
    "empty": pl.DataFrame(),
    "empty columns": pl.DataFrame(schema={"a": pl.Int8}),
    "times": pl.DataFrame({"d": [dt.timedelta(1)], "t": [dt.time(1, 2)], "s": [{"q": decimal.Decimal("1.1")}]}),
}


def assert_same(frame, back):
    pd.testing.assert_frame_equal(
        frame, back, check_exact=True, check_index_type="exact", check_column_type="exact", check_freq=True
    )
    for number in range(frame.shape[1]):
        assert [type(value) for value in frame.iloc[:, number]] == [type(value) for value in back.iloc[:, number]]


@pytest.mark.parametrize("name", PANDAS)
def test_a_frame_of_pandas_loses_nothing(name):
    frame = PANDAS[name]
    content = parquet.from_frame(frame)
    assert (content is None) == (name in PICKLED)
    if content is not None:
        assert_same(frame, parquet.to_frame(content))
        as_json = DataFrame.from_dataframe(frame).model_dump_json()
        assert_same(frame, DataFrame.model_validate_json(as_json).to_dataframe())
    else:
        with pytest.raises(ValueError, match="keep the frame itself"):
            DataFrame.from_dataframe(frame)


@pytest.mark.parametrize("name", POLARS)
def test_a_frame_of_polars_loses_nothing(name):
    frame = POLARS[name]
    assert_polars_equal(frame, parquet.to_frame(parquet.from_frame(frame), "polars"), check_exact=True)
    assert_polars_equal(frame, DataFrame(**DataFrame.from_dataframe(frame).model_dump()).to_dataframe())


async def test_frames_come_back_from_a_record(address):
    frames = {**PANDAS, "polars": POLARS["plain"]}
    async with records.connect(address) as manager:
        saved = await manager.save(ArtifactIn(data={"frames": frames, "name": "all"}))
        back = (await manager.find_by_id(saved.id)).data["frames"]
        for name, frame in PANDAS.items():
            assert_same(frame, back[name])
        assert_polars_equal(back["polars"], POLARS["plain"])
        (stored,) = await manager.repository.find([saved.id])
        kinds = {payload.pointer.rpartition("/")[2]: payload.kind for payload in stored.payloads}
        assert kinds == {name: "object" if name in PICKLED else "frame" for name in frames}
        whole = await manager.save(ArtifactIn(data=PANDAS["plain"]))
        assert_same(PANDAS["plain"], (await manager.find_by_id(whole.id)).data)


def test_attributes_and_subclasses_are_not_lost():
    class Special(pd.DataFrame):
        pass

    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"unit": "m"}
    assert parquet.to_frame(parquet.from_frame(frame)).attrs == {"unit": "m"}
    assert parquet.from_frame(Special({"a": [1]})) is None
    assert parquet.from_frame([1]) is None


@pytest.mark.parametrize("name", [name for name in PANDAS if name not in PICKLED])
def test_a_table_as_json_comes_back_or_is_refused(name):
    frame = PANDAS[name]
    try:
        table = PandasDataFrame.from_dataframe(frame)
    except ValueError as refusal:
        assert name in {"category", "index of two levels", "columns of two levels", "decimals", "dates", "mixed"}
        assert "DataFrame" in str(refusal)
        return
    as_json = json.dumps(table.model_dump(), allow_nan=False)
    pd.testing.assert_frame_equal(PandasDataFrame(**json.loads(as_json)).to_dataframe(), frame, check_freq=False)


def test_a_table_is_columns_and_rows():
    table = PandasDataFrame.from_dataframe(pd.DataFrame({"feature1": [1.0, 2.0], "feature2": [3.0, float("nan")]}))
    assert table.columns == ["feature1", "feature2"]
    assert table.data == [[1.0, 3.0], [2.0, None]]
    by_hand = PandasDataFrame(columns=["a", "b"], data=[[1, "x"], [2, "y"]]).to_dataframe()
    pd.testing.assert_frame_equal(by_hand, pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    with pytest.raises(ValueError, match="not a data frame"):
        PandasDataFrame.from_dataframe([1])
    with pytest.raises(ValueError, match="not a data frame"):
        DataFrame.from_dataframe([1])


def test_a_damaged_frame_is_a_value_error():
    with pytest.raises(ValueError, match="damaged"):
        DataFrame(library="pandas", columns=[], rows=0, content="?").to_dataframe()
