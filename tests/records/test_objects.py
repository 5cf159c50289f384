"""Values that JSON has not: they come back as they were, and no pickle of somebody else is loaded."""

import json
import math
import threading
from collections import OrderedDict, namedtuple
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePosixPath
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from wanllmdb import records
from wanllmdb.records import ArtifactIn, errors

Point = namedtuple("Point", "x y")
PLACEHOLDER_KEYS = {"_type", "_module", "_repr", "_serialization_error"}


class Status(str, Enum):
    SUCCESS = "success"


class Color(Enum):
    RED = 1


class Model:
    def __init__(self, weight):
        self.weight = weight

    def __eq__(self, other):
        return isinstance(other, Model) and self.weight == other.weight

    __hash__ = None


VALUES = [
    math.inf,
    b"\x00\xff" * 100,
    b"",
    bytearray(b"abc"),
    {1, "a", None},
    frozenset({(1, 2)}),
    {1: "a", "1": "b", (2, 3): {"c": math.inf}},
    date(2025, 10, 18),
    datetime(2025, 10, 18, 10, 0, 0, 123456),
    datetime(2025, 10, 18, 10, tzinfo=timezone.utc),
    datetime(2025, 10, 18, 10, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(2025, 10, 26, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    time(10, 30),
    timedelta(days=-1, microseconds=1),
    Decimal("1.10"),
    Fraction(1, 3),
    UUID(int=5),
    complex(1, -math.inf),
    range(0, 10, 3),
    "half a pair: \ud800",
    "a\0b",
    1 << 20_000,
    Point(1, 2),
    Color.RED,
    PurePosixPath("/a/b"),
    Model(0.5),
    np.datetime64("2025-10-18"),
    slice(1, None, 2),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
async def test_a_value_comes_back_as_it_was(address, value):
    async with records.connect(address) as manager:
        saved = await manager.save(ArtifactIn(data={"before": 1, "deep": [{"value": value}, "after"]}))
        assert saved.data["deep"][0]["value"] is value
        found = await manager.find_by_id(saved.id)
        back = found.data["deep"][0]["value"]
        assert type(back) is type(value)
        assert back == value
        assert getattr(back, "tzinfo", None) == getattr(value, "tzinfo", None)
        assert getattr(back, "fold", 0) == getattr(value, "fold", 0)
        assert (found.data["before"], found.data["deep"][1]) == (1, "after")
        json.dumps(found.model_dump(mode="json"))
        whole = await manager.save(ArtifactIn(data=value))
        assert (await manager.find_by_id(whole.id)).data == value


async def test_nan_comes_back(address):
    async with records.connect(address) as manager:
        saved = await manager.save(ArtifactIn(data={"losses": [0.5, math.nan, 0.25]}))
        first, second, third = (await manager.find_by_id(saved.id)).data["losses"]
        assert (first, third) == (0.5, 0.25)
        assert math.isnan(second)


async def test_special_kinds_of_json_become_plain_json(address):
    """So that filters find them: a number of numpy is a number."""
    async with records.connect(address) as manager:
        data = {
            "rmse": np.float32(0.25),
            "count": np.int64(3),
            "on": np.bool_(True),
            "name": np.str_("a"),
            "status": Status.SUCCESS,
            "shape": (2, 3),
            "ordered": OrderedDict(a=1),
        }
        saved = await manager.save(ArtifactIn(data=data))
        found = await manager.find_all(data={"rmse": 0.25, "count": 3, "on": True, "name": "a", "status": "success"})
        assert [record.id for record in found] == [saved.id]
        plain = {"rmse": 0.25, "count": 3, "on": True, "name": "a", "status": "success"}
        assert found[0].data == plain | {"shape": [2, 3], "ordered": {"a": 1}}
        assert type(found[0].data["rmse"]) is float
        assert type(found[0].data["status"]) is str


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.array([1.5, np.nan], dtype="float16"),
        np.array(5),
        np.array([], dtype="U3"),
        np.array(["2025-01-01"], dtype="datetime64[D]"),
        np.asfortranarray(np.ones((2, 3))),
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([{"a": 1}, None], dtype=object),
    ],
    ids=lambda array: str(array.dtype),
)
async def test_an_array_comes_back(address, array):
    async with records.connect(address) as manager:
        saved = await manager.save(ArtifactIn(data={"array": array}))
        back = (await manager.find_by_id(saved.id)).data["array"]
        assert (back.dtype, back.shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(back, array)


async def test_an_object_is_a_placeholder_in_json_at_any_depth(address):
    async with records.connect(address) as manager:
        data = {"content": Model(1), "a/b": [{"m~n": Model(2), "beside": "kept"}], "metadata": {"k": {1, 2}}}
        saved = await manager.save(ArtifactIn(data=data))
        as_json = json.loads((await manager.find_by_id(saved.id)).model_dump_json())["data"]
        for shown in (as_json["content"], as_json["a/b"][0]["m~n"], as_json["metadata"]["k"]):
            assert shown.keys() == PLACEHOLDER_KEYS
        assert as_json["content"]["_type"] == "Model"
        assert as_json["content"]["_module"] == __name__
        assert as_json["content"]["_serialization_error"] == "Model is not JSON serializable"
        assert as_json["a/b"][0]["beside"] == "kept"
        assert (await manager.find_by_id(saved.id)).data == data
        without = await manager.find_by_id(saved.id, load_objects=False)
        assert without.data["content"].keys() == without.data["a/b"][0]["m~n"].keys() == PLACEHOLDER_KEYS
        assert without.data["a/b"][0]["beside"] == "kept"
        assert (await manager.find_all())[0].data == data
        assert (await manager.build_tree(saved.id)).data == data


async def test_a_repr_has_200_characters_at_most(address):
    class Loud:
        def __repr__(self):
            return "x\0" * 1000

    class Broken:
        def __repr__(self):
            raise OSError

    for value in (Loud(), b"x" * 10_000_000, {1: "y" * 1000}, Broken(), [math.nan] * 2000):
        shown = ArtifactIn(data=value).model_dump(mode="json")["data"]
        assert shown.keys() == PLACEHOLDER_KEYS
        assert len(shown["_repr"]) <= 200
        assert "\0" not in shown["_repr"]


async def test_what_looks_like_a_placeholder_stays_data(address):
    async with records.connect(address) as manager:
        data = {"content": dict.fromkeys(PLACEHOLDER_KEYS, "x")}
        saved = await manager.save(ArtifactIn(data=data))
        assert (await manager.find_by_id(saved.id)).data == data


async def test_more_than_a_thousand_values_are_kept_together(address):
    async with records.connect(address) as manager:
        curve = [math.inf if number % 2 else float(number) for number in range(5_000)]
        saved = await manager.save(ArtifactIn(data={"name": "a", "curve": curve, "end": math.inf}))
        assert (await manager.find_by_id(saved.id)).data == {"name": "a", "curve": curve, "end": math.inf}
        records_found = await manager.repository.find([saved.id])
        assert [payload.pointer for payload in records_found[0].payloads] == ["/curve", "/end"]


async def test_what_cannot_be_stored_is_refused(address):
    itself = {}
    itself["again"] = [itself]
    deep = []
    for _ in range(300):
        deep = [deep]
    async with records.connect(address) as manager:
        for data, sentence in (
            ({"a": [threading.Lock()]}, r"The lock at /a/0 cannot be stored, because it cannot be pickled"),
            (lambda: None, r"that was given cannot be stored"),
            (itself, r"contains itself, at /again/0"),
            (deep, r"nested deeper than 200 levels"),
        ):
            with pytest.raises(errors.InvalidData, match=sentence):
                await manager.save(ArtifactIn(data=data))
        assert await manager.count() == 0


async def test_an_update_replaces_objects(address):
    async with records.connect(address) as manager:
        saved = await manager.save(ArtifactIn(data={"a": Model(1), "b": Model(2)}))
        await manager.save(ArtifactIn(id=saved.id, data={"a": Model(3)}))
        assert (await manager.find_by_id(saved.id)).data == {"a": Model(3)}
        await manager.save(ArtifactIn(id=saved.id, data={"a": 1}))
        assert (await manager.repository.find([saved.id]))[0].payloads == ()
        await manager.move(saved.id, None)
        await manager.save(ArtifactIn(id=saved.id, data=Model(4)))
        assert (await manager.move(saved.id, None)).id == saved.id
        assert (await manager.find_by_id(saved.id)).data == Model(4)
