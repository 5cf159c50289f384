"""Filters of runs in the form of MongoDB."""

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import run_filters

RUN = {
    "name": "brisk-otter-1",
    "display_name": "baseline",
    "state": "finished",
    "tags": ["a", "b"],
    "group": "g",
    "job_type": "train",
    "created_by": "bob",
    "started_at": "2026-05-03T12:00:00Z",
    "config": {"lr": 0.1, "model": {"depth": 3}, "a.b": 1, "debug": True, "name": None},
    "summary": {"acc": 0.9, "label": "cat"},
}
MATCHING = [
    {},
    {"state": "finished"},
    {"name": "brisk-otter-1", "display_name": "baseline", "displayName": "baseline"},
    {"jobType": "train", "username": "bob", "created_at": {"$gt": "2026-05-01"}},
    {"config.lr": 0.1, "config.lr.value": 0.1, "config.model.depth": 3, "config.a.b": 1, "config.model": {"depth": 3}},
    {"config.lr": {"$gt": 0.05, "$lte": 0.1}},
    {"summary_metrics.acc": {"$gte": 0.9, "$lt": 1}, "summary.acc": {"$ne": 0.8}},
    {"tags": "a"},
    {"tags": {"$in": ["x", "b"]}},
    {"tags": {"$nin": ["x"]}},
    {"tags": {"$contains": "a"}},
    {"tags": ("a", "b")},
    {"display_name": {"$regex": "^base"}},
    {"summary.label": {"$contains": "ca"}},
    {"config.nope": {"$exists": False}, "config.lr": {"$exists": True}},
    {"config.nope": None, "config.name": None},
    {"$or": [{"state": "running"}, {"group": "g"}]},
    {"$and": [{"state": "finished"}, {"group": "g"}]},
    {"$nor": [{"state": "running"}, {"group": "h"}]},
    {"config.lr": {"$not": {"$gt": 1}}, "state": {"$not": "running"}},
]
DIFFERING = [
    {"state": "running"},
    {"state": "finished", "group": "h"},
    {"config.lr": {"$gt": 0.05, "$lt": 0.1}},
    # Values of different types are neither equal nor larger.
    {"config.lr": "0.1"},
    {"config.lr": {"$gt": "0"}},
    {"config.lr": {"$lt": None}},
    {"config.debug": 1},
    {"config.debug": {"$gte": 1}},
    {"config.nope": {"$gt": 0}},
    {"config.lr.deeper": 1},
    {"tags": "c"},
    {"tags": {"$contains": "ab"}},
    {"config.lr": {"$regex": "0"}},
    {"$or": []},
    {"$nor": [{"group": "g"}]},
]
INVALID = [
    ({"color": "red"}, "cannot be filtered or ordered by 'color'"),
    ({"config": 1}, "cannot be filtered or ordered by 'config'"),
    ({"config.lr": {"$near": 1}}, "cannot be filtered with '\\$near'"),
    ({"config.lr": {"$gt": 1, "lt": 2}}, "cannot be filtered with 'lt'"),
    ({"state": "running", "tags": {"$in": "a"}}, "take a list"),
    ({"$or": {"state": "running"}}, "\\$or takes a list"),
    ({"name": {"$regex": "("}}, "not a regular expression"),
    (["state"], "filters take a dict"),
    ({"$and": ["state"]}, "filters take a dict"),
]


@pytest.mark.parametrize("filters", MATCHING)
def test_a_run_matches(filters):
    run_filters.require_valid(filters)
    assert run_filters.matches(filters, RUN)


@pytest.mark.parametrize("filters", DIFFERING)
def test_a_run_does_not_match(filters):
    run_filters.require_valid(filters)
    assert not run_filters.matches(filters, RUN)


@pytest.mark.parametrize(("filters", "message"), INVALID)
def test_what_is_no_filter_is_named_before_anything_is_asked(filters, message):
    with pytest.raises(wandb.Invalid, match=message):
        run_filters.require_valid(filters)


def test_runs_are_ordered_by_what_they_have():
    values = [2, "b", None, 0.5, "a", {"x": 1}]
    records = [{"id": str(number), "config": {"n": value}} for number, value in enumerate(values)]

    def order(is_descending: bool) -> list[str]:
        return [record["id"] for record in run_filters.ordered(records, "config.n", is_descending)]

    assert order(False) == ["3", "0", "4", "1", "2", "5"]
    assert order(True) == ["0", "3", "1", "4", "2", "5"]


def test_the_server_applies_exact_values():
    filters = {"state": "finished", "jobType": "train", "group": {"$in": ["g"]}, "config.lr": 0.1}
    assert run_filters.exact(filters) == {"state": "finished", "job_type": "train"}
