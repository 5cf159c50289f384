"""Filters and orders of runs in the language of MongoDB, on the database that the tests run on."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actor import Actor
from core import errors
from projects import runs
from projects.models import Run, State
from wandb_api import filters


@pytest.fixture(autouse=True)
def rows(project, bob, alice) -> list[Run]:
    """Three runs, of which the last one has almost nothing."""
    first = runs.start(
        Actor(bob),
        project,
        name="first",
        display_name="a first try",
        config={"lr": 0.1, "net": {"depth": 4}, "a.b": 1, "deep": True, "opt": "adam", "7": "seven", "é": 1},
        summary={"loss": 0.5, "train/acc": 0.9, "bad": "NaN"},
        tags=["base", "good run"],
        group="night",
        job_type="train",
    )
    second = runs.start(
        Actor(alice),
        project,
        name="second",
        config={"lr": "0.1", "net": {"depth": 8}, "opt": "sgd", "deep": False, "none": None},
        summary={"loss": 2},
        tags=["base"],
    )
    runs.complete(Actor(alice), second, 1)
    third = runs.start(Actor(bob), project, name="third", config={"huge": 10**40})
    return [first, second, third]


def names(condition: object) -> list[str]:
    return list(Run.objects.filter(filters.read(condition)).order_by("pk").values_list("name", flat=True))


ALL = ["first", "second", "third"]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (None, ALL),
        ({}, ALL),
        ({"state": "failed"}, ["second"]),
        ({"state": {"$ne": "failed"}}, ["first", "third"]),
        ({"state": {"$in": ["running", "nonsense"]}}, ["first", "third"]),
        ({"state": {"$nin": ["running"]}}, ["second"]),
        ({"name": "third", "group": ""}, ["third"]),
        ({"group": None}, ["second", "third"]),
        ({"group": {"$exists": True}}, ["first"]),
        ({"jobType": "train"}, ["first"]),
        ({"username": "bob"}, ["first", "third"]),
        ({"display_name": {"$regex": "^a .*try$"}}, ["first"]),
        ({"displayName": {"$contains": "first"}}, ["first"]),
        ({"name": {"$gt": "first"}}, ["second", "third"]),
        ({"exitcode": 1}, ["second"]),
        ({"exitcode": {"$lt": 10**30}}, ["second"]),
        # Types are told apart: 0.1 is not "0.1".
        ({"config.lr": 0.1}, ["first"]),
        ({"config.lr": "0.1"}, ["second"]),
        ({"config.lr.value": {"$gte": 0.05}}, ["first"]),
        ({"config.lr": {"$ne": 0.1}}, ["second", "third"]),
        ({"config.lr": {"$lt": 10**500}}, []),
        ({"config.net.depth": {"$gt": 4}}, ["second"]),
        ({"config.net.value.depth": 4}, ["first"]),
        ({"config.a.b": 1}, ["first"]),
        ({"config.7": "seven"}, ["first"]),
        ({"config.é": 1}, ["first"]),
        ({"config.huge": {"$gt": 1e39}}, ["third"]),
        ({"config.deep": True}, ["first"]),
        ({"config.deep": {"$ne": True}}, ["second", "third"]),
        ({"config.deep": 1}, []),
        ({"config.none": None, "config.opt": "sgd"}, ["second"]),
        ({"config.opt": None}, ["third"]),
        ({"config.none": {"$exists": True}}, ["second"]),
        ({"config.opt": {"$exists": False}}, ["third"]),
        ({"config.opt": {"$in": ["adam", "sgd", 3, None]}}, ALL),
        ({"config.opt": {"$regex": "(?i)^AD"}}, ["first"]),
        ({"config.opt": {"$not": {"$regex": "^ad"}}}, ["second", "third"]),
        ({"summary_metrics.loss": {"$gte": 0.5, "$lt": 2}}, ["first"]),
        ({"summary_metrics.loss": 2.0}, ["second"]),
        ({"summary_metrics.train/acc": {"$gt": 0.5}}, ["first"]),
        ({"summary_metrics.bad": "NaN"}, ["first"]),
        ({"tags": "good run"}, ["first"]),
        ({"tags": {"$in": ["base"]}}, ["first", "second"]),
        ({"tags": {"$nin": ["good run"]}}, ["second", "third"]),
        ({"tags": {"$contains": "base"}}, ["first", "second"]),
        ({"tags": {"$exists": False}}, ["third"]),
        ({"tags": {"$regex": "good"}}, ["first"]),
        ({"created_at": {"$lt": "2020-01-01"}}, []),
        ({"createdAt": {"$gt": "2020-01-01T00:00:00Z"}}, ALL),
        ({"heartbeat_at": {"$exists": True}}, ALL),
        ({"$or": [{"name": "first"}, {"config.huge": {"$exists": True}}]}, ["first", "third"]),
        ({"$and": [{"tags": "base"}, {"$not": {"name": "first"}}]}, ["second"]),
        ({"$nor": [{"name": "first"}, {"name": "second"}]}, ["third"]),
        ({"$or": []}, []),
        ({"$and": []}, ALL),
        ({"$or": [{}]}, ALL),
        ({"$not": {}}, []),
    ],
)
def test_a_filter_finds_runs(condition, found):
    assert names(condition) == found


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ({"config.lr": {"$near": 1}}, "$near"),
        ({"$where": "1"}, "$where"),
        ({"colour": "red"}, "colour"),
        ({"config": 1}, "config"),
        ({"config.": 1}, "config."),
        ({'config.a"b': 1}, "a"),
        ({"name": {"$in": "first"}}, "$in"),
        ({"$or": {}}, "$or"),
        ({"name": {"$regex": "("}}, "$regex"),
        ({"name": {"$regex": "(a+)+$"}}, "$regex"),
        ({"name": {"$regex": "a*b*c*d*"}}, "$regex"),
        ({"name": {"$regex": r"(a)\1"}}, "$regex"),
        ({"name": {"$regex": "a{256}"}}, "$regex"),
        ({"name": {"$regex": "a{2,1000}"}}, "$regex"),
        ({"name": {"$regex": 5}}, "$regex"),
        ({"created_at": {"$gt": "yesterday"}}, "yesterday"),
        ({"created_at": {"$gt": "0001-01-01T00:00:00+14:00"}}, "0001"),
        ({"name": "a\0b"}, "NUL"),
        ({"name": {"$in": ["x"] * 300}}, "200"),
        ([], "object"),
        ("x", "object"),
    ],
)
def test_what_is_unknown_is_refused_by_its_name(condition, named):
    with pytest.raises(errors.Invalid) as refusal:
        names(condition)
    assert named in str(refusal.value)


def test_a_filter_without_end_is_refused():
    condition: dict = {}
    for _ in range(500):
        condition = {"$not": condition}
    with pytest.raises(errors.Invalid):
        names(condition)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, ["third", "second", "first"]),
        ("+created_at", ALL),
        ("-created_at", ["third", "second", "first"]),
        ("+summary_metrics.loss", ALL),
        ("-summary_metrics.loss", ["second", "first", "third"]),
        ("-config.net.depth.value", ["second", "first", "third"]),
        ("+config.opt.value", ALL),
        ("-heartbeat_at", ["first", "third", "second"]),
        ("-state,+created_at", ["first", "third", "second"]),
    ],
)
def test_an_order_sorts_runs(rows, text, found):
    for number, name in enumerate(["second", "third", "first"]):
        at = timezone.now() + timedelta(minutes=number)
        Run.objects.filter(name=name).update(heartbeat_at=at)
    assert list(Run.objects.order_by(*filters.order(text)).values_list("name", flat=True)) == found


def test_an_order_by_what_runs_do_not_have_is_refused():
    for text in ("colour", "+tags", "config", ",".join(f"config.{number}" for number in range(1000))):
        with pytest.raises(errors.Invalid):
            filters.order(text)


def test_the_states_of_a_filter_are_those_of_runs():
    assert names({"state": {"$in": list(State)}}) == ALL
