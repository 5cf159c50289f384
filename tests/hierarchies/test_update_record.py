"""Data, types and tags of a record change; it stays where it is."""

import pytest

from accounts.actor import Actor
from hierarchies import errors, hierarchies, payloads, records
from hierarchies.models import Record
from hierarchies.records import RecordSpec

METADATA = {
    "status": "success",
    "config_id": "01CONFIG",
    "started_at": "2025-10-18T10:00:00Z",
    "completed_at": "2025-10-18T10:05:00Z",
    "duration_seconds": 300.0,
}
TRAINING = {"type": "ml_training_workspace", "metadata": METADATA, "content": 1, "content_type": None}


def test_what_is_not_given_stays(bob, hierarchy):
    record = records.create(Actor(bob), hierarchy, RecordSpec({"name": "x"}, tags=["one", "two", "one"]))
    assert records.update(Actor(bob), record, data={"name": "y"}).tags == ["one", "two"]
    updated = records.update(Actor(bob), record, tags=["three"])
    assert (updated.data, updated.tags) == ({"name": "y"}, ["three"])
    assert list(Record.objects.with_tag("three")) == [record]
    assert not Record.objects.with_tag("one").exists()
    assert updated.updated_at > record.updated_at


def test_a_known_type_asks_for_its_metadata(bob, hierarchy, save):
    record = save(**TRAINING)
    assert record.type == "ml_training_workspace"
    with pytest.raises(errors.InvalidData, match=r"data\.metadata\.status") as refused:
        records.update(Actor(bob), record, data=TRAINING | {"metadata": METADATA | {"status": "done"}})
    assert list(refused.value.extra["errors"]) == ["metadata.status"]
    with pytest.raises(errors.InvalidData, match=r"data\.metadata"):
        records.create(Actor(bob), hierarchy, RecordSpec({"content": 1}, type="ml_prediction"))
    with pytest.raises(errors.InvalidData, match="give one of them"):
        records.create(Actor(bob), hierarchy, RecordSpec(TRAINING, type="generic"))


def test_other_types_are_free(bob, hierarchy):
    assert records.create(Actor(bob), hierarchy, RecordSpec({"type": "note"})).type == "note"
    assert records.create(Actor(bob), hierarchy, RecordSpec([1, 2], type="numbers")).type == "numbers"
    assert records.create(Actor(bob), hierarchy, RecordSpec({"type": 7})).type == ""


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "null is not one that a record can have"),
        ({"x": float("nan")}, "NaN and Infinity"),
        ({"x": "\0"}, "NUL character"),
        ("x" * (16 * 2**20), "Larger than 16384 KiB"),
    ],
)
def test_data_that_cannot_be_kept_is_refused(bob, hierarchy, data, message):
    with pytest.raises(errors.InvalidData, match=message):
        records.create(Actor(bob), hierarchy, RecordSpec(data))


@pytest.mark.parametrize("data", ["text", 7, 1.5, True, [1, [2]], {}, [], "", {"a": None}])
def test_any_json_value_is_given_back_as_it_was(bob, hierarchy, data):
    record = records.create(Actor(bob), hierarchy, RecordSpec(data))
    assert Record.objects.get(pk=record.pk).data == data


@pytest.mark.parametrize("data", ["y" * 70_000, ["z" * 70_000], {"long": "z" * 70_000, "n": 1}])
def test_any_long_json_value_is_given_back_as_it_was(bob, hierarchy, data):
    record = records.create(Actor(bob), hierarchy, RecordSpec(data))
    row = Record.objects.get(pk=record.pk)
    assert payloads.read_data(row) == data
    assert len(str(row.data)) < 1000


def test_who_may_only_look_changes_nothing(vera, mallory, hierarchy, save):
    record = save(n=1)
    for user in (vera, mallory):
        for act in (
            lambda actor: records.update(actor, record, tags=["x"]),
            lambda actor: records.delete(actor, record),
            lambda actor: records.delete_subtree(actor, record),
            lambda actor: records.delete_many(actor, hierarchy, [record.pk]),
            lambda actor: records.create(actor, hierarchy, RecordSpec({})),
            lambda actor: payloads.begin_uploads(actor, hierarchy, []),
            lambda actor: hierarchies.delete(actor, hierarchy),
            lambda actor: hierarchies.update(actor, hierarchy, name="other"),
        ):
            with pytest.raises(errors.Denied):
                act(Actor(user))
    assert Record.objects.count() == 1


def test_a_record_that_is_gone_is_not_changed(bob, save):
    record = save(n=1)
    records.delete(Actor(bob), record)
    with pytest.raises(errors.RecordNotFound):
        records.update(Actor(bob), record, data={})
    with pytest.raises(errors.RecordNotFound):
        records.delete(Actor(bob), record)
