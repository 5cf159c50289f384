"""Numbers and arrays of numpy, in all that takes values."""

import numpy
import pytest

import wanllmdb as wandb

VALUES = {
    "float": (numpy.float32(0.5), 0.5),
    "integer": (numpy.int64(2**40), 2**40),
    "bool": (numpy.bool_(True), True),
    "NaN": (numpy.float64("nan"), "NaN"),
    "text": (numpy.str_("a"), "a"),
    "date": (numpy.datetime64("2026-01-02"), "2026-01-02"),
    "array": (numpy.arange(40), list(range(40))),
    "matrix": (numpy.array([[1.5, numpy.inf]]), [[1.5, "Infinity"]]),
    "array without dimensions": (numpy.array(3), 3),
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_of_numpy_become_json_types(monkeypatch, kind):
    monkeypatch.setenv("WANLLMDB_MODE", "disabled")
    value, expected = VALUES[kind]
    artifact = wandb.Artifact("data", "dataset", metadata={"x": value})
    artifact.metadata["y"] = {"z": [value]}
    assert artifact.metadata == {"x": expected, "y": {"z": [expected]}}
    with wandb.init(project="acme/x", config={"x": value}) as run:
        run.log({"x": value})
        assert (run.config["x"], run.summary["x"]) == (expected, expected)
        logged = run.log_artifact(artifact)
    assert logged.metadata["x"] == expected
    for stored in (artifact.metadata, logged.metadata, run.config.as_dict(), run.summary.as_dict()):
        assert type(stored["x"]) is type(expected)
