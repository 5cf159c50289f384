"""What is not JSON: objects, frames and bytes, and how they come back."""

import datetime as dt
import math

import pandas as pd
import polars as pl
import pytest

from wanllmdb import records
from wanllmdb.records import ArtifactIn, errors

pytestmark = pytest.mark.anyio


class Model:
    """Of a class of one's own, which is pickled."""

    def __init__(self, weights):
        self.weights = weights

    def __eq__(self, other):
        return isinstance(other, Model) and self.weights == other.weights

    __hash__ = None


def is_placeholder(value) -> bool:
    return set(value) == {"_type", "_module", "_repr", "_serialization_error"}


async def test_objects_come_back_where_they_were(manager):
    data = {
        "model": Model([1.0, 2.0]),
        "json": {"a": [1, None]},
        "deep": [{"when": dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc), "beside": "text"}],
        "bytes": b"\0\1",
        "same bytes": b"\0\1",
        "a/b~c": {1, 2},
        "large": b"x" * 300_000,
    }
    saved = await manager.save(ArtifactIn(data=data))
    assert saved.data == data
    assert (await manager.find_by_id(saved.id)).data == data
    (found,) = await manager.find_all(load_objects=True)
    assert found.data == data


async def test_lists_without_objects_have_placeholders(manager):
    saved = await manager.save(ArtifactIn(data={"content": Model(list(range(1_000))), "beside": 1}))
    (found,) = await manager.find_all(load_objects=False)
    assert found.data["beside"] == 1
    assert is_placeholder(found.data["content"])
    assert len(found.data["content"]["_repr"]) <= 200
    tree = await manager.build_tree(saved.id, load_objects=False)
    assert tree.data == found.data


async def test_frames_lose_nothing(manager):
    frame = pd.DataFrame(
        {
            "number": pd.array([1, None, 3], dtype="Int64"),
            "kind": pd.Categorical(["a", "b", "a"]),
            "when": pd.date_range("2026-01-01", periods=3, tz="Europe/Oslo"),
            "float": [1.5, math.nan, 2.5],
        },
        index=pd.Index(["x", "y", "z"], name="label"),
    )
    other = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})
    saved = await manager.save(ArtifactIn(data={"pandas": frame, "polars": other}))
    found = await manager.find_by_id(saved.id)
    pd.testing.assert_frame_equal(found.data["pandas"], frame)
    assert found.data["polars"].equals(other)


async def test_the_whole_data_may_be_an_object(manager):
    saved = await manager.save(ArtifactIn(data=Model([3])))
    assert (await manager.find_by_id(saved.id)).data == Model([3])


async def test_new_data_comes_with_new_objects(manager):
    saved = await manager.save(ArtifactIn(data={"content": Model([1]), "other": b"1"}))
    await manager.save(ArtifactIn(id=saved.id, data={"content": Model([2])}))
    assert (await manager.find_by_id(saved.id)).data == {"content": Model([2])}


async def test_many_objects_of_many_records(manager):
    await manager.save_all([ArtifactIn(data={"n": n, "content": Model([n])}) for n in range(20)])
    found = await manager.find_all(load_objects=True)
    assert [record.data["content"].weights for record in found] == [[n] for n in range(20)]


async def test_a_pickle_of_another_installation_is_refused(new_address, home, monkeypatch):
    address = new_address()
    async with records.connect(address) as manager:
        saved = await manager.save(ArtifactIn(data={"content": Model([1])}))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "another"))
    async with records.connect(address) as manager:
        with pytest.raises(errors.PickleRefused, match="allow_pickle"):
            await manager.find_by_id(saved.id)
        placeholder = (await manager.find_by_id(saved.id, load_objects=False)).data["content"]
        assert placeholder["_type"] == "Model"
    async with records.connect(address, allow_pickle=True) as manager:
        assert (await manager.find_by_id(saved.id)).data == {"content": Model([1])}
