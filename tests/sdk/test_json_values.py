import argparse
import array
import collections
import copy
import dataclasses
import enum
import json
import math
import pickle
import types
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from wanllmdb.sdk import errors
from wanllmdb.sdk.json_values import JsonDict, SyncedDict, to_canonical, to_jsonable, to_object


class Scalar:
    """The interface that numbers and arrays of numpy and torch share."""

    def __init__(self, value):
        self.value = value

    def tolist(self):
        return self.value


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Optimizer:
    rate: float = 0.1


@dataclasses.dataclass(slots=True)
class Slotted:
    colour: Colour = Colour.RED
    optimizer: Optimizer = dataclasses.field(default_factory=Optimizer)


class OfAttrs:
    """What the decorator of attrs makes."""

    __slots__ = ("rate",)
    __attrs_attrs__ = (types.SimpleNamespace(name="rate"),)

    def __init__(self):
        self.rate = 0.1


class WithSlots:
    __slots__ = ("rate",)

    def __init__(self):
        self.rate = 0.1


class WithAttributes:
    def __init__(self):
        self.rate = Scalar(0.1)


class OfPydantic:
    def model_dump(self):
        return {"rate": 0.1}


class Hostile(collections.abc.Mapping):
    """Fails at everything."""

    def fail(self, *args):
        raise RuntimeError("no")

    __getitem__ = __iter__ = __len__ = __str__ = __repr__ = tolist = fail


class Itself:
    def tolist(self):
        return self

    def __str__(self):
        return "itself"


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (True, True),
        (None, None),
        (0.5, 0.5),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ({"a": (1, {2})}, {"a": [1, [2]]}),
        ({1: "x", (1, 2): 3}, {"1": "x", "(1, 2)": 3}),
        ({Colour.RED: 1, Level.HIGH: 2, date(2026, 1, 2): 3}, {"red": 1, "3": 2, "2026-01-02": 3}),
        (Scalar(0.25), 0.25),
        (Scalar([1, math.nan]), [1, "NaN"]),
        (Scalar, str(Scalar)),
        (Itself(), "itself"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (date(2026, 1, 2), "2026-01-02"),
        (datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),
        (time(3), "03:00:00"),
        (Path("a/b"), "a/b"),
        (b"ab", "ab"),
        (Optimizer(), {"rate": 0.1}),
        ([Slotted()], [{"colour": "red", "optimizer": {"rate": 0.1}}]),
        (OfAttrs(), {"rate": 0.1}),
        (OfPydantic(), {"rate": 0.1}),
        (Point(1, Optimizer()), {"x": 1, "y": {"rate": 0.1}}),
        (types.SimpleNamespace(a=argparse.Namespace(b=1)), {"a": {"b": 1}}),
        (collections.deque([1]), [1]),
        (range(3), [0, 1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.values(), [1]),
        (array.array("i", [1]), [1]),
        (collections.UserDict(a=1), {"a": 1}),
        (collections.UserString("x"), "x"),
        (Decimal("1.5"), 1.5),
        (Decimal("NaN"), "NaN"),
        (Fraction(1, 2), 0.5),
        (1j, "1j"),
        (argparse.ArgumentParser, str(argparse.ArgumentParser)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_become_json_types(value, expected):
    converted = to_jsonable(value)
    assert converted == expected
    json.dumps(converted, allow_nan=False)
    assert to_jsonable({"deep": [value]}) == {"deep": [expected]}


def test_a_number_with_more_digits_than_json_can_have_is_text():
    assert to_jsonable([10**5000, 10**400]) == [hex(10**5000), 10**400]
    json.dumps(to_jsonable(10**5000))


def test_nothing_makes_it_raise():
    circle = {"name": "x"}
    circle["self"] = [circle]
    assert to_jsonable(circle) == {"name": "x", "self": ["..."]}
    deep = 0
    for _ in range(10_000):
        deep = [deep]
    for value in (deep, Hostile(), [Hostile()], {Hostile: Hostile()}, MagicMock(), {"a": MagicMock(spec=date)}):
        json.dumps(to_jsonable(value))
    assert to_jsonable([1, Hostile()]) == [1, "<Hostile>"]


def test_the_copy_shares_nothing():
    inner = {"a": [1]}
    converted = to_jsonable([inner, inner])
    inner["a"].append(2)
    converted[0]["a"].append(3)
    assert converted == [{"a": [1, 3]}, {"a": [1]}]


@pytest.mark.parametrize(
    "config", [Optimizer(), OfAttrs(), WithSlots(), WithAttributes(), OfPydantic(), argparse.Namespace(rate=0.1)]
)
def test_an_object_with_fields_is_its_fields(config):
    assert to_object(config, "config") == {"rate": 0.1}


def test_named_tuples_and_empty_namespaces_are_their_fields():
    assert to_object(Point(1, 2), "config") == {"x": 1, "y": 2}
    assert to_object(argparse.Namespace(), "config") == {}


@pytest.mark.parametrize(
    "config",
    [5, "lr: 1", b"x", [1], [("a", 1)], {1}, None, True, Optimizer, print, math, object(), Path("a"), Colour.RED],
    ids=lambda config: type(config).__name__,
)
def test_what_has_no_fields_is_invalid(config):
    with pytest.raises(errors.Invalid, match="config takes a mapping, a dataclass or another object with attributes"):
        to_object(config, "config")


def test_equal_numbers_of_other_types_are_other_values():
    assert len({to_canonical(value) for value in (1, 1.0, True)}) == 3
    assert to_canonical({"a": 1, "b": 2}) == to_canonical({"b": 2, "a": 1})


def test_items_are_attributes_and_changes_are_reported():
    changes = []
    config = SyncedDict({"lr": 0.1}, lambda: changes.append(1))
    config.epochs = 3
    config["name"] = "x"
    config.update(batch=8)
    del config.name
    assert (config.lr, config["epochs"], config.get("name")) == (0.1, 3, None)
    assert dict(config) == {"lr": 0.1, "epochs": 3, "batch": 8}
    assert len(changes) == 4


def test_a_missing_item_is_an_attribute_error():
    config = SyncedDict({}, lambda: None)
    assert not hasattr(config, "lr")
    with pytest.raises(KeyError):
        config["lr"]
    with pytest.raises(AttributeError):
        del config.lr


def test_a_key_of_any_type_finds_what_was_set_with_it():
    config = SyncedDict({Colour.RED: 1}, lambda: None)
    config[3] = "three"
    assert config == {"red": 1, "3": "three"}
    assert (config[Colour.RED], config[3], config.get(3)) == (1, "three", "three")
    assert Colour.RED in config and 4 not in config
    assert (config.setdefault(3, 4), config.pop(3), config.get(3, 5)) == ("three", "three", 5)
    del config[Colour.RED]
    assert config == {}


def test_an_item_that_cannot_be_read_does_not_spoil_the_others():
    class Missing(collections.UserDict):
        def __getitem__(self, key):
            if key == "bad":
                raise LookupError("a mandatory value is missing")
            return super().__getitem__(key)

    class Failing(OfAttrs):
        __attrs_attrs__ = (types.SimpleNamespace(name="rate"), types.SimpleNamespace(name="bad"))
        bad = property(lambda self: 1 / 0)

    assert to_object(Missing(a=1, bad=2), "config") == {"a": 1, "bad": "<LookupError>"}
    assert to_jsonable(Failing()) == {"rate": 0.1, "bad": "<ZeroDivisionError>"}


def test_every_way_to_change_a_dict_converts_and_reports():
    changes = []
    config = SyncedDict({}, lambda: changes.append(1))
    config.update(argparse.Namespace(a=Scalar(1)))
    config.update({"b": Colour.RED}, allow_val_change=True)
    config.update([("c", range(2))])
    config |= {"d": Optimizer()}
    assert config.setdefault("e", {3}) == [3]
    assert config.setdefault("e", 4) == [3]
    assert config == {"a": 1, "b": "red", "c": [0, 1], "d": {"rate": 0.1}, "e": [3]}
    assert (config.pop("a"), config.pop("a", 5), config.popitem()) == (1, 5, ("e", [3]))
    config.clear()
    assert len(changes) == 9
    with pytest.raises(errors.Invalid, match="update takes a mapping"):
        config.update(5)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_a_copy_of_config_is_a_plain_dict_of_its_own(copied):
    config = SyncedDict({"model": {"layers": [1]}}, lambda: None)
    plain = copied(config)
    assert type(plain) is dict
    assert plain == config
    plain["model"]["layers"].append(2)
    assert config == {"model": {"layers": [1]}}
    assert json.loads(json.dumps(config)) == config
    metadata = copied(JsonDict({"a": [1]}))
    metadata["b"] = Scalar(1)
    assert metadata == {"a": [1], "b": 1}
