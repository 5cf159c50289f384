import pytest

import core.validators
from wanllmdb.sdk import errors, json_limits
from wanllmdb.sdk.json_limits import FitOnce, fit, require_fit
from wanllmdb.sdk.json_values import to_jsonable


def nested(levels, wrap=lambda value: [value]):
    value = 0
    for _ in range(levels):
        value = wrap(value)
    return value


BAD = {
    "NUL": "a\0b",
    "half a surrogate pair": "\ud800",
    "a NUL deep inside": [{"a": ["\0"]}],
    "a bad name inside": [{"\0": 1}],
    "too many numbers": list(range(300_000)),
    "a large text": "x" * (1 << 20),
    "too deep": nested(80),
    "too deep dicts": nested(80, lambda value: {"a": value}),
    "one level too deep": nested(64),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_bad_value_is_left_out_and_named(bad):
    kept, refused = fit(to_jsonable({"loss": 0.1, "bad": bad, "acc": 0.99}))
    assert kept == {"loss": 0.1, "acc": 0.99}
    assert list(refused) == ["bad"]
    with pytest.raises(errors.Invalid, match="metadata: 'bad': "):
        require_fit({"bad": bad}, "metadata")


def test_what_stays_is_what_the_server_takes():
    values = {"a": nested(63), "b": nested(63, lambda value: {"é": value}), "c": {}, "d": [], "é": "é\\u0000"}
    assert fit(values) == (values, {})
    assert core.validators.validate_json_object(values)
    for limit in ("MAX_JSON_BYTES", "MAX_JSON_DEPTH"):
        assert getattr(json_limits, limit.replace("_JSON", "")) == getattr(core.validators, limit)


def test_a_bad_name_is_left_out():
    assert fit({"\0": 1, "a": 2, "\udc80": {"x": 1}})[0] == {"a": 2}


def test_inside_a_dict_only_what_is_bad_is_left_out():
    model = {"rate": 0.1, "note": "\0", "inner": {"x": ["\0"]}, "weights": list(range(300_000))}
    kept, refused = fit({"model": model, "seed": 1})
    assert kept == {"model": {"rate": 0.1}, "seed": 1}
    assert set(refused) == {"model.note", "model.inner", "model.weights"}
    assert model["weights"]


@pytest.mark.parametrize("text", ["x" * 1000, "x" * 100, "x" * 30], ids=len)
def test_of_too_many_small_values_as_many_are_kept_as_fit(text):
    many = {f"number-{index}": text for index in range(2_000_000 // (len(text) + 18))}
    kept, refused = fit({**many, "loss": 0.123456789, "acc": 0.99})
    assert (kept["loss"], kept["acc"]) == (0.123456789, 0.99)
    assert core.validators.validate_json_object(kept)
    assert len(kept) + len(refused) == len(many) + 2
    with pytest.raises(Exception, match="Larger than 1024 KiB"):
        core.validators.validate_json_object({**kept, next(iter(refused)): text, "more": "x" * 1000})


def test_those_that_were_set_last_stay():
    many = {f"{'x' * 40}-{index}": index for index in range(25_000)}
    assert fit({"loss": 1, **many}, [*many, "loss"])[0]["loss"] == 1


def test_each_value_is_warned_of_once():
    warnings = []
    once = FitOnce(warnings.append)
    for step in range(3):
        assert once.fit("the summary", {"loss": step, "bad": "\0"}) == {"loss": step}
    assert once.fit("the summary", {"loss": 3, "bad": "\0", "worse": "\0"}) == {"loss": 3}
    assert once.fit("the config", {"bad": "\0"}) == {}
    assert [("'bad'" in warning, "'worse'" in warning) for warning in warnings] == [
        (True, False),
        (False, True),
        (True, False),
    ]


def test_values_that_grow_in_number_do_not_warn_at_each_sending():
    warnings = []
    once = FitOnce(warnings.append)
    values = {f"{'x' * 40}-{index}": index for index in range(20_000)}
    for step in range(5):
        values[f"more-{step}"] = step
        once.fit("the summary", values)
    assert len(warnings) == 1
    assert " more: all values together are larger than 1 MiB" in warnings[0]
