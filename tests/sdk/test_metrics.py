"""`define_metric`: what the summary keeps, and which rows get the value of their x axis."""

from collections.abc import Iterator

import pytest

import wanllmdb as wandb


@pytest.fixture
def run() -> Iterator[wandb.Run]:
    with wandb.init(mode="disabled") as run:
        yield run


def test_the_summary_keeps_what_was_asked_for(run):
    run.define_metric("loss", summary="min,last, mean")
    run.define_metric("acc", summary=["best", "max", "first"], goal="maximize")
    run.define_metric("noise", summary="none")
    run.define_metric("plain", summary="copy")
    for loss, acc in ((2.0, 0.5), (float("nan"), 0.75), (1.0, 0.25), (3.0, True)):
        run.log({"loss": loss, "acc": acc, "noise": 1, "plain": loss, "other": acc})

    assert dict(run.summary) == {
        "loss": {"min": 1.0, "last": 3.0, "mean": 2.0},
        "acc": True,  # not a number, so it is kept as it is
        "plain": 3.0,
        "other": True,
    }
    run.log({"acc": 0.3, "loss": "NaN"})
    assert run.summary["acc"] == {"best": 0.75, "max": 0.75, "first": 0.5}
    assert run.summary["loss"] == {"min": 1.0, "last": "NaN", "mean": 2.0}


def test_a_run_that_goes_on_keeps_its_minimum(run):
    run.summary.update({"loss": {"min": 0.5}, "acc": {"best": 0.9}, "odd": {"min": "x"}, "new": 3})
    for name, goal in (("loss", None), ("acc", "maximize"), ("odd", None), ("new", None)):
        run.define_metric(name, summary="best" if goal else "min", goal=goal)
    run.log(dict.fromkeys(("loss", "acc", "odd", "new"), 0.7))

    assert dict(run.summary) == {"loss": {"min": 0.5}, "acc": {"best": 0.9}, "odd": {"min": 0.7}, "new": {"min": 0.7}}


def test_the_longest_pattern_that_covers_a_metric_holds(run):
    run.define_metric("*", summary="max")
    run.define_metric("val/*", summary="min")
    run.define_metric("val/f1", summary="last")
    run.log({"val/f1": 1, "val/loss": 1, "lr": 1})

    assert dict(run.summary) == {"val/f1": {"last": 1}, "val/loss": {"min": 1}, "lr": {"max": 1}}


def test_rows_get_the_last_value_of_their_x_axis(run):
    epoch = run.define_metric("epoch")
    run.define_metric("val/*", step_metric=epoch)
    run.define_metric("train/*", step_metric="epoch", step_sync=False)
    complete = run._metrics.complete

    assert complete({"val/loss": 1}) == {"val/loss": 1}
    assert complete({"epoch": 3}) == {"epoch": 3}
    assert complete({"val/loss": 1}) == {"val/loss": 1, "epoch": 3}
    assert complete({"val/loss": 1, "epoch": 4}) == {"val/loss": 1, "epoch": 4}
    assert complete({"train/loss": 1}) == {"train/loss": 1}


def test_what_a_second_call_leaves_open_stays(run):
    run.define_metric("loss", step_metric="epoch", summary="min", hidden=True)
    again = run.define_metric("loss", summary="max")
    assert (again.step_metric, again.summary, again.hidden) == ("epoch", ("max",), True)
    assert run.define_metric("loss", overwrite=True) == wandb.Metric("loss")
    assert wandb.define_metric("x").name == "x"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "name is a text of 1 to 512"),
        ({"name": "a*b"}, "at its end alone"),
        ({"name": "a", "step_metric": "b*"}, "one metric"),
        ({"name": "a", "summary": "median"}, "not 'median'"),
        ({"name": "a", "summary": 3}, "summary takes some of"),
        ({"name": "a", "goal": "up"}, "'minimize' or 'maximize'"),
        ({"name": "a", "step_sync": True}, "needs a step_metric"),
    ],
)
def test_refusals(run, arguments, message):
    with pytest.raises(wandb.Invalid, match=message):
        run.define_metric(**arguments)


def test_an_alert_is_checked_before_it_is_sent(run, capsys):
    run.alert("Low\naccuracy", "0.3", level="warn", wait_duration=0)
    assert "alert: Low accuracy: 0.3" in capsys.readouterr().err
    for arguments, message in (
        ({"title": " "}, "not empty"),
        ({"title": "x", "level": "loud"}, "level is INFO"),
        ({"title": "x", "wait_duration": "soon"}, "number of seconds"),
    ):
        with pytest.raises(wandb.Invalid, match=message):
            run.alert(**arguments)
