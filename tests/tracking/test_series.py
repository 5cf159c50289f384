"""What charts are drawn from: rows that have the keys, evenly spread, from thinned series where a history is long."""

import json
from itertools import pairwise

import pytest

from accounts.actor import Actor
from projects import runs
from projects.models import Run, State
from tracking import history, series, streams
from tracking.models import RunSeries, RunStream, Stream

LONG = 12_000


def log(bob, run: Run, first: int, count: int, **changes) -> None:
    """Rows with `loss`, of which every hundredth has `val.loss` too."""
    rows = []
    for step in range(first, first + count):
        row = {"_step": step, "_runtime": step / 10, "loss": 1 / (step + 1), "acc": -step, **changes}
        rows.append(row | {"val": {"loss": step}} if step % 100 == 99 else row)
    streams.append(Actor(bob), run, Stream.HISTORY, first, [json.dumps(row) for row in rows])


def test_the_keys_are_counted_as_rows_come_and_are_replaced(run, bob):
    assert history.keys(run) is None
    sent = [
        {"_step": 0, "loss": 2, "a": {"b": "x", "c": {"d": True}}, "image": {"_type": "image-file", "path": "p"}},
        {"_step": 1, "loss": "NaN", "list": [1], "none": None, "empty": {}},
        {"_step": 2, "loss": 1.5},
    ]
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [json.dumps(row) for row in sent])
    found = history.keys(run)

    assert {key: about["typeCounts"] for key, about in found["keys"].items()} == {
        "_step": [{"type": "number", "count": 3}],
        "loss": [{"type": "number", "count": 3}],
        "a.b": [{"type": "string", "count": 1}],
        "a.c.d": [{"type": "boolean", "count": 1}],
        "image": [{"type": "image-file", "count": 1}],
        "list": [{"type": "list", "count": 1}],
        "none": [{"type": "nil", "count": 1}],
        "empty": [{"type": "map", "count": 1}],
    }
    assert (found["sets"], found["lastStep"]) == ([], 2)
    assert (found["keys"]["_step"]["monotonic"], found["keys"]["loss"]["monotonic"]) == (True, False)
    assert (found["keys"]["loss"]["previousValue"], found["keys"]["list"]["previousValue"]) == (1.5, None)

    streams.append(Actor(bob), run, Stream.HISTORY, 1, ['{"_step": 1, "loss": "text"}'])
    found = history.keys(run)["keys"]
    assert found["loss"]["typeCounts"] == [{"type": "number", "count": 2}, {"type": "string", "count": 1}]
    assert "list" not in found and "empty" not in found


def test_further_keys_are_kept_but_not_counted(run, bob):
    row = {"_step": 0} | {f"key{number}": number for number in range(2_100)} | {"x" * 600: 1, "N\0L": 2}
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [json.dumps(row)])
    assert len(history.keys(run)["keys"]) == 2_000
    assert history.read(run, limit=1) == [row]


def test_a_sample_has_rows_with_all_keys_evenly_spread(run, bob):
    log(bob, run, 0, 1000)

    found = history.sample(run, ["_step", "loss"], 11)
    assert [row["_step"] for row in found] == [0, 100, 200, 300, 400, 500, 599, 699, 799, 899, 999]
    assert found[1] == {"_step": 100, "loss": 1 / 101}
    assert [row["_step"] for row in history.sample(run, ["_step", "val.loss"], 100)] == list(range(99, 1000, 100))
    assert history.sample(run, ["loss", "val.loss"], 2) == [
        {"loss": 1 / 100, "val.loss": 99},
        {"loss": 1 / 1000, "val.loss": 999},
    ]
    # Both steps are included.
    assert [row["_step"] for row in history.sample(run, ["_step"], 10, 3, 5)] == [3, 4, 5]
    assert history.sample(run, ["none"], 10) == history.sample(run, ["loss"], 0) == []
    assert len(history.sample(run, ["loss"], 1)) == 1
    assert [row["_step"] for row in history.spread(run, 3)] == [0, 500, 999]


@pytest.fixture
def long(run, bob, work) -> Run:
    log(bob, run, 0, LONG)
    work()
    return run


def test_a_long_history_is_sampled_from_its_series(long, bob, django_assert_num_queries):
    assert {row.key: row.count for row in RunSeries.objects.all()} == {
        "_step": LONG,
        "_runtime": LONG,
        "loss": LONG,
        "acc": LONG,
        "val.loss": LONG // 100,
    }
    with django_assert_num_queries(3):
        found = history.sample(long, ["_step", "_runtime", "loss"], 500)

    assert len(found) == 500
    assert all(
        row == {"_step": row["_step"], "_runtime": row["_step"] / 10, "loss": 1 / (row["_step"] + 1)} for row in found
    )
    assert (found[0]["_step"], found[-1]["_step"]) == (0, LONG - 1)
    gaps = [later["_step"] - row["_step"] for row, later in pairwise(found)]
    assert max(gaps) <= 2 * LONG / 500
    # The sparse one is there to the last value.
    assert [row["val.loss"] for row in history.sample(long, ["val.loss"], 500)] == list(range(99, LONG, 100))
    assert [row["_step"] for row in history.sample(long, ["_step", "val.loss"], 9, 1000, 1199)] == [1099, 1199]
    with django_assert_num_queries(3):
        found = history.sample(long, ["loss", "acc", "_step"], 500)
    assert len(found) == 500
    assert all((row["loss"], row["acc"]) == (1 / (row["_step"] + 1), -row["_step"]) for row in found)
    # Of a few steps there are all.
    assert [row["_step"] for row in history.sample(long, ["_step", "loss"], 500, 5000, 5099)] == list(range(5000, 5100))
    # Those of several metrics are rows that have all of them.
    assert len(history.sample(long, ["loss", "val.loss"], 500)) == LONG // 100


def test_rows_that_came_since_are_in_the_sample(long, bob, work):
    log(bob, long, LONG, 10)
    assert history.sample(long, ["_step", "loss"], 100)[-1]["_step"] == LONG + 9
    log(bob, long, LONG + 10, 6000)
    assert RunStream.objects.get().series_end == LONG
    work()
    assert RunStream.objects.get().series_end == LONG + 6010
    assert RunSeries.objects.get(key="loss").count == LONG + 6010
    assert history.sample(long, ["_step", "loss"], 100)[-1]["_step"] == LONG + 6009


def test_rows_that_were_replaced_are_in_the_sample(long, bob, work):
    log(bob, long, 0, 100, loss="Infinity")
    assert history.sample(long, ["_step", "loss"], 2, 0, 99) == [
        {"_step": 0, "loss": "Infinity"},
        {"_step": 99, "loss": "Infinity"},
    ]
    work()
    assert RunStream.objects.get().series_end == LONG
    assert RunSeries.objects.get(key="loss").count == LONG
    assert history.sample(long, ["_step", "loss"], 1, 0, 99) == [{"_step": 0, "loss": "Infinity"}]


def test_axes_that_are_infinite_are_texts_in_the_sample(run, bob, work):
    streams.append(Actor(bob), run, Stream.HISTORY, 0, ['{"_step": "Infinity", "_runtime": "-Infinity", "loss": 1}'])
    log(bob, run, 1, LONG)
    work()
    found = history.sample(run, ["_step", "_runtime", "loss"], 2)
    assert found[0] == {"_step": "Infinity", "_runtime": "-Infinity", "loss": 1}
    assert found[1]["_step"] == LONG


def test_rows_that_fill_a_gap_are_in_the_sample(run, bob, work):
    log(bob, run, 0, 10)
    log(bob, run, 20, LONG)
    work()
    log(bob, run, 10, 10)
    work()
    assert RunSeries.objects.get(key="loss").count == LONG + 20
    assert [row["_step"] for row in history.sample(run, ["_step", "loss"], 9, 8, 13)] == [8, 9, 10, 11, 12, 13]


def test_the_series_of_a_run_that_ended_are_complete(long, bob, work):
    log(bob, long, LONG, 10)
    work()
    assert RunStream.objects.get().series_end == LONG
    runs.finish(Actor(bob), long, State.FINISHED)
    work()
    assert RunStream.objects.get().series_end == LONG + 10
    assert history.sample(long, ["_step", "loss"], 2)[-1]["_step"] == LONG + 9


def test_a_series_that_was_replaced_while_it_was_extended_is_made_anew(run, bob, monkeypatch):
    log(bob, run, 0, LONG)
    write = series._write

    def late(*args):
        monkeypatch.undo()
        log(bob, run, 0, 1, loss=7)
        return write(*args)

    monkeypatch.setattr(series, "_write", late)
    series.update(run.pk)
    assert not RunSeries.objects.exists()
    series.update(run.pk)
    assert history.sample(run, ["_step", "loss"], 1) == [{"_step": 0, "loss": 7.0}]


@pytest.mark.parametrize("count", [1, 2, 1999, 2000, 2001, 4001, 9999])
def test_a_series_keeps_the_first_and_the_newest_number_and_is_the_same_when_it_is_read(count):
    thinned = series.Thinned()
    for number in range(count):
        thinned.add(series.Point(number, number, 0.0, 0.0, number))
    assert len(thinned.kept) <= series.MAX_POINTS
    assert [point.line for point in thinned.points] == list(range(0, count, thinned.stride))
    assert (thinned.kept[0].line, thinned.kept[-1].line) == (0, count - 1)

    row = RunSeries(count=thinned.count, stride=thinned.stride, points=series._encode(thinned.kept))
    assert series.Thinned.decode(row).kept == thinned.kept
    assert series.Thinned.decode(row).points == thinned.points
