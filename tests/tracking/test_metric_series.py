"""What charts are drawn from: points of many metrics of several runs, in three queries, however long the histories."""

import json
import math

import pytest

from accounts.actor import Actor
from projects import runs
from projects.models import Run, State
from tests.tracking.test_series import log
from tracking import metric_series, streams
from tracking.metric_series import MetricSeries, Steps
from tracking.models import RunStream, Stream


def read(run: Run, *keys: str, stream: Stream = Stream.HISTORY) -> dict[str, MetricSeries]:
    state = RunStream.objects.get(run=run, stream=stream)
    return metric_series.read([state], keys or None)[run.pk]


def append(run: Run, rows: list[dict], stream: Stream = Stream.HISTORY) -> None:
    offset = streams.line_count(run, stream)
    streams.append(Actor(run.created_by), run, stream, offset, [json.dumps(row) for row in rows])


def test_a_short_history_has_all_points(run, bob):
    append(
        run, [{"_step": 1, "_runtime": 0.5, "loss": 3, "a": {"b": 1}}, {"loss": "NaN"}, {"_step": 3, "loss": "text"}]
    )
    found = read(run, "loss", "a.b", "none")

    assert found.keys() == {"loss", "a.b"}
    loss = found["loss"]
    assert (list(loss.lines), list(loss.steps)[:1], list(loss.runtimes)[:1]) == ([0, 1], [1], [0.5])
    assert loss.values[0] == 3 and math.isnan(loss.values[1]) and math.isnan(loss.timestamps[0])
    assert list(found["a.b"].values) == [1]


def test_a_long_history_is_that_of_its_series_and_of_the_lines_since(run, bob, work, django_assert_num_queries):
    log(bob, run, 0, 12_000)
    work()
    log(bob, run, 12_000, 100)
    state = RunStream.objects.get(run=run, stream=Stream.HISTORY)
    with django_assert_num_queries(3):
        found = metric_series.read([state], ["loss", "val.loss"])[run.pk]

    for key, least in (("loss", 1500), ("val.loss", 121)):
        points = found[key]
        assert least <= len(points.values) < 2_200 and list(points.lines) == sorted(set(points.lines))
        assert list(points.steps) == list(points.lines)
    assert found["loss"].lines[0] == 0 and found["loss"].lines[-1] == 12_099


def test_of_many_lines_some_are_read_also_of_metrics_that_keep_step(run, bob):
    log(bob, run, 0, 9_000)
    found = read(run, "loss", "val.loss")

    assert 1_000 < len(found["loss"].values) < 3_000
    # Every hundredth line has it.
    assert list(found["val.loss"].values) == list(range(99, 9_000, 100))
    assert found["loss"].lines[-1] == 8_999


def test_lines_that_alternate_are_all_met(run, bob):
    append(run, [{"_step": step, f"m{step % 4}": step} for step in range(8_000)])
    counts = {key: len(one.values) for key, one in read(run, "m0", "m1", "m2", "m3").items()}

    assert all(300 < count < 600 for count in counts.values()), counts


def test_large_rows_in_the_object_store_are_read_from_begin_to_end(run, bob, work):
    append(run, [{"_step": step, "loss": step, "filling": f"{step}" * 300} for step in range(6_000)])
    runs.finish(Actor(bob), run, State.FINISHED)
    work()
    points = read(run, "loss")["loss"]

    assert points.lines[0] < 100 and points.lines[-1] == 5_999 and len(points.values) > 300


def test_several_runs_cost_the_same(run, project, bob, django_assert_num_queries):
    others = [runs.start(Actor(bob), project, name=f"other-{number}") for number in range(5)]
    for one in [run, *others]:
        append(one, [{"_step": step, "loss": step} for step in range(10)])
    states = list(RunStream.objects.filter(stream=Stream.HISTORY))
    with django_assert_num_queries(2):
        found = metric_series.read(states, ["loss"])

    assert {list(one["loss"].values)[-1] for one in found.values()} == {9} and len(found) == 6
    assert metric_series.read([], ["loss"]) == metric_series.read(states, []) == {}


def test_without_keys_all_metrics_are_read(run, bob):
    append(run, [{"_runtime": 1, "system.cpu": 5}, {"_runtime": 2, "system.gpu.0.temp": 50}], Stream.EVENTS)
    found = read(run, stream=Stream.EVENTS)

    assert {key: list(one.runtimes) for key, one in found.items()} == {"system.cpu": [1], "system.gpu.0.temp": [2]}


@pytest.mark.parametrize("key", ["ünicode", 'quo"te', "sl/ash", "a.b.c", "loss"])
def test_metrics_that_few_lines_have_are_found_by_any_name(run, bob, key):
    append(run, [{"_step": step, "other": 1} | ({key: step} if step % 500 == 1 else {}) for step in range(5_000)])
    assert list(read(run, key)[key].values) == list(range(1, 5_000, 500))


def test_a_range_of_steps_has_more_points_than_the_series(run, bob, work, django_assert_num_queries):
    log(bob, run, 0, 40_000)
    work()
    state = RunStream.objects.get(run=run, stream=Stream.HISTORY)
    assert len(read(run, "loss")["loss"].values) < 2_000
    with django_assert_num_queries(2):
        points = metric_series.read([state], ["loss"], Steps(20_000, 20_400.5))[run.pk]["loss"]

    assert len([step for step in points.steps if 20_000 <= step <= 20_400.5]) > 100
    assert metric_series.read([state], ["loss"], Steps(1e300, None))[run.pk] == {}
    assert metric_series.read([state], ["loss"], Steps(None, -1))[run.pk] == {}
