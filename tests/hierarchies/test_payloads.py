"""Bytes of records: sent to signed URLs or stored by the server, verified, shared, and freed with the record."""

import pytest

from accounts.actor import Actor
from artifacts.models import Blob, BlobHold, StoredObject
from hierarchies import errors, hierarchies, payloads, records
from hierarchies.models import Record, RecordPayload
from hierarchies.payloads import UploadSpec
from hierarchies.records import PayloadSpec, RecordSpec
from projects import projects
from tests.artifacts.client import log, sha256

PICKLE = {"content_type": "application/x-pickle", "type": "Model", "module": "models"}
LONG = {"text": "x" * 100_000, "name": "weather", "metrics": {"rmse": 0.25}}


def test_an_object_appears_at_its_place_and_beside_its_neighbours(bob, hierarchy, upload):
    spec = upload(bob, b"pickled", "/models/0", repr="r" * 300, error="no JSON", **PICKLE)
    record = records.create(
        Actor(bob), hierarchy, RecordSpec({"models": [None, "kept"], "name": "weather"}, payloads=[spec])
    )
    placeholder = {"_type": "Model", "_module": "models", "_repr": "r" * 200, "_serialization_error": "no JSON"}
    assert Record.objects.get(pk=record.pk).data == {"models": [placeholder, "kept"], "name": "weather"}
    payload = payloads.find(record, "/models/0")
    assert (payload.size, payload.kind, payload.content_type) == (7, "object", "application/x-pickle")
    assert payloads.read(payload) == b"pickled"


def test_data_over_64_kib_is_in_the_store(bob, hierarchy, work):
    record = records.create(Actor(bob), hierarchy, RecordSpec(LONG))
    row = Record.objects.get(pk=record.pk)
    assert row.has_stored_data
    assert row.data == {"name": "weather", "metrics": {"rmse": 0.25}}
    assert payloads.read_data(row) == LONG
    work()
    blob = payloads.find(row).blob
    assert (blob.state, blob.project_id) == ("verified", hierarchy.project_id)
    records.update(Actor(bob), row, data={"name": "short"})
    row.refresh_from_db()
    assert payloads.read_data(row) == {"name": "short"}
    assert not BlobHold.objects.exists()


def test_the_same_bytes_are_stored_once(bob, hierarchy, artifact, work):
    log(bob, artifact, {"model.pkl": b"the same bytes"})
    [begun] = payloads.begin_uploads(Actor(bob), hierarchy, [UploadSpec(sha256(b"the same bytes"), 14)])
    assert begun.put is None
    records.create_many(Actor(bob), hierarchy, [RecordSpec(LONG), RecordSpec(LONG)])
    work()
    records.create(Actor(bob), hierarchy, RecordSpec(LONG))
    work()
    holds = BlobHold.objects.all()
    assert holds.count() == 3
    assert holds.values("blob").distinct().count() == 1


def test_bytes_that_arrived_twice_are_merged_and_stay_held(bob, alice, hierarchy, upload, work):
    first, second = upload(bob, b"twins"), upload(alice, b"twins")
    for user, spec in ((bob, first), (alice, second)):
        records.create(Actor(user), hierarchy, RecordSpec({}, payloads=[spec]))
    work()
    assert BlobHold.objects.values("blob").distinct().count() == 1
    assert {payloads.read(row) for row in RecordPayload.objects.all()} == {b"twins"}


def test_garbage_collection_leaves_what_a_record_holds(bob, hierarchy, upload, collect_garbage):
    record = records.create(Actor(bob), hierarchy, RecordSpec({"a": 1}, payloads=[upload(bob, b"needed")]))
    upload(bob, b"never attached")
    assert collect_garbage() == 1
    assert payloads.read(payloads.find(record, "/content")) == b"needed"
    records.delete(Actor(bob), record)
    # What was needed until now has its grace.
    assert not Blob.objects.filter(holds__isnull=False).exists()
    assert collect_garbage() == 1
    assert not StoredObject.objects.exists()


def test_bytes_that_have_not_arrived_are_refused(bob, hierarchy):
    [begun] = payloads.begin_uploads(Actor(bob), hierarchy, [UploadSpec(sha256(b"later"), 5)])
    with pytest.raises(errors.UploadIncomplete, match="has no bytes with the sha256"):
        records.create(Actor(bob), hierarchy, RecordSpec({}, payloads=[PayloadSpec(str(begun.id), "/content")]))
    assert not Record.objects.exists()


def test_nobody_attaches_what_another_one_uploaded(bob, alice, hierarchy, upload):
    spec = upload(alice, b"hers alone")
    Blob.objects.filter(pk=spec.id).update(state="uploaded")
    with pytest.raises(errors.PayloadNotFound, match="There is no upload"):
        records.create(Actor(bob), hierarchy, RecordSpec({}, payloads=[spec]))


@pytest.mark.parametrize(
    ("pointers", "data", "message"),
    [
        (["content"], {}, "is not a JSON pointer"),
        (["/a/b"], {}, "has no place"),
        (["/a/1"], {"a": [1]}, "has no place"),
        (["/a", "/a"], {}, "at the same place"),
        (["/a", "/a/b"], {"a": {}}, "one is within another"),
    ],
)
def test_places_that_are_none_are_refused(bob, hierarchy, upload, pointers, data, message):
    specs = [upload(bob, pointer.encode(), pointer) for pointer in pointers]
    if len(set(pointers)) < len(pointers):
        specs[1] = upload(bob, b"another", pointers[1])
    with pytest.raises(errors.InvalidData, match=message):
        records.create(Actor(bob), hierarchy, RecordSpec(data, payloads=specs))


def test_an_update_keeps_the_payloads_whose_placeholders_it_keeps(bob, hierarchy, upload):
    specs = [upload(bob, b"one", "/one", **PICKLE), upload(bob, b"two", "/two", **PICKLE)]
    record = records.create(Actor(bob), hierarchy, RecordSpec({"name": "x"}, payloads=specs))
    data = Record.objects.get().data
    records.update(Actor(bob), record, data={"one": data["one"], "name": "y"})
    assert [payload.pointer for payload in record.payloads.all()] == ["/one"]
    assert payloads.read(payloads.find(record, "/one")) == b"one"


def test_an_update_takes_new_payloads_and_moves_old_ones(bob, hierarchy, upload):
    specs = [upload(bob, b"one", "/one", **PICKLE), upload(bob, b"two", "/two", **PICKLE)]
    record = records.create(Actor(bob), hierarchy, RecordSpec({}, payloads=specs))
    one, two = record.payloads.all()
    new = upload(bob, b"three", "/three", **PICKLE)
    swapped = [PayloadSpec(str(one.pk), "/two"), PayloadSpec(str(two.pk), "/one"), new]
    records.update(Actor(bob), record, data={"name": "y"}, payloads=swapped)
    found = {payload.pointer: payloads.read(payload) for payload in record.payloads.all()}
    assert found == {"/one": b"two", "/two": b"one", "/three": b"three"}
    assert Record.objects.get().data["two"]["_type"] == "Model"
    records.update(Actor(bob), record, data={"name": "z"}, payloads=[])
    assert not BlobHold.objects.exists()


def test_a_project_is_deleted_with_its_records_and_their_bytes(alice, bob, project, hierarchy, upload, artifact):
    log(bob, artifact, {"model.pkl": b"shared"})
    records.create(Actor(bob), hierarchy, RecordSpec(LONG, payloads=[upload(bob, b"shared")]))
    projects.delete(Actor(alice), project)
    assert not (Record.objects.exists() or BlobHold.objects.exists() or StoredObject.objects.exists())


def test_a_hierarchy_is_deleted_with_its_records(bob, hierarchy, upload):
    root = records.create(Actor(bob), hierarchy, RecordSpec({}, payloads=[upload(bob, b"bytes")]))
    records.create(Actor(bob), hierarchy, RecordSpec({}, parent_id=root.pk, tags=["best"]))
    hierarchies.delete(Actor(bob), hierarchy)
    assert not (Record.objects.exists() or BlobHold.objects.exists())
