import argparse
import enum
import math
from datetime import date
from pathlib import Path

import pytest

from wanllmdb.sdk.json_values import SyncedDict, to_jsonable


class Scalar:
    """The interface that numbers and arrays of numpy and torch share."""

    def __init__(self, value):
        self.value = value

    def tolist(self):
        return self.value


class Colour(enum.Enum):
    RED = "red"


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
        ({1: "x"}, {"1": "x"}),
        (Scalar(0.25), 0.25),
        (Scalar([1, 2]), [1, 2]),
        (Colour.RED, "red"),
        (date(2026, 1, 2), "2026-01-02"),
        (Path("a/b"), "a/b"),
        (argparse.ArgumentParser, str(argparse.ArgumentParser)),
    ],
)
def test_values_become_json_types(value, expected):
    assert to_jsonable(value) == expected


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
