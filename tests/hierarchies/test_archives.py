"""What retention deletes is written to the object store before, and comes back from there."""

import json
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from accounts.actor import Actor
from artifacts import storage
from artifacts.content import garbage_collection, held_bytes, verification
from artifacts.models import Blob, BlobHold, StoredObject
from harness import servers
from hierarchies import (
    archives,
    errors,
    hierarchies,
    imports,
    payloads,
    records,
    restoration,
    retention,
    retention_rules,
)
from hierarchies.models import Hierarchy, Record, RecordArchive, RecordPayload
from hierarchies.payloads import UploadSpec
from hierarchies.records import PayloadSpec, RecordSpec
from tests.artifacts.client import send, sha256

DAY = timedelta(days=1)
LARGE = b"large" * 60_000
SMALL = b"\x80small"


@pytest.fixture(autouse=True)
def store():
    server = servers.store()
    yield server
    server.start()


def upload(user, hierarchy: Hierarchy, *bodies: bytes) -> list[str]:
    begun = payloads.begin_uploads(Actor(user), hierarchy, [UploadSpec(sha256(body), len(body)) for body in bodies])
    for one, body in zip(begun, bodies, strict=True):
        if one.put:
            send(one.put, body)
    return [str(one.id) for one in begun]


@pytest.fixture
def tree(bob, hierarchy) -> list[Record]:
    """An experiment with long data, and a model with an object in the file and one that is too large for it."""
    small, large = upload(bob, hierarchy, SMALL, LARGE)
    specs = [
        RecordSpec({"name": "first", "text": "x" * 70_000}, tags=["a", "b"]),
        RecordSpec(
            {"name": "second", "small": None, "large": None},
            parent_id="#0",
            payloads=[
                PayloadSpec(small, "/small", "application/x-pickle", type="Model", module="m", repr="Model()"),
                PayloadSpec(large, "/large", "application/octet-stream", "bytes"),
            ],
        ),
    ]
    return records.create_many(Actor(bob), hierarchy, specs)


@pytest.fixture
def archive(alice, hierarchy, tree) -> RecordArchive:
    retention_rules.create(Actor(alice), hierarchy, older_than_days=1)
    Record.objects.update(created_at=F("created_at") - 2 * DAY)
    assert retention.apply(hierarchy.pk) == 2
    return load()


def load() -> RecordArchive:
    return RecordArchive.objects.select_related("hierarchy__project__team", "blob_hold__blob__object").get()


def lines(archive: RecordArchive) -> list[dict]:
    return [json.loads(line) for line in b"".join(storage.download_file(archive.key)).splitlines()]


def state(hierarchy: Hierarchy) -> list[tuple]:
    columns = ("pk", "parent", "level", "type", "data", "data_size", "tags", "created_by", "created_at", "updated_at")
    return list(hierarchy.records.order_by("pk").values_list(*columns))


def test_what_goes_is_in_the_archive_with_its_payloads(hierarchy, archive, tree):
    assert not hierarchy.records.exists() and not RecordPayload.objects.exists()
    assert (archive.record_count, archive.payload_count, archive.levels) == (2, 3, {"0": 1, "1": 1})
    head, first, data, second, *objects = lines(archive)
    assert (head["kind"], head["hierarchy"]) == ("archive", "acme/demo/pipeline")
    assert [first["id"], second["id"]] == [record.pk for record in tree]
    assert (second["parent_id"], second["level"], first["tags"]) == (tree[0].pk, 1, ["a", "b"])
    assert (data["payload_kind"], data["pointer"]) == ("data", "")
    by_pointer = {line["pointer"]: line for line in objects}
    assert by_pointer["/small"]["sha256"] == sha256(SMALL) and "base64" in by_pointer["/small"]
    assert by_pointer["/large"]["sha256"] == sha256(LARGE) and "held" in by_pointer["/large"]
    assert "held" in data
    assert archive.size == archive.blob_hold.blob.size + len(LARGE) + first["data_size"]


def test_it_comes_back_as_it_was(alice, hierarchy, tree):
    retention_rules.create(Actor(alice), hierarchy, older_than_days=1)
    Record.objects.update(created_at=F("created_at") - 2 * DAY)
    before = state(hierarchy)
    retention.apply(hierarchy.pk)

    assert restoration.restore(Actor(alice), load()) == (2, 0)
    assert state(hierarchy) == before
    first, second = (records.get(hierarchy, record.pk) for record in tree)
    assert payloads.read_data(first) == {"name": "first", "text": "x" * 70_000}
    assert payloads.read(payloads.find(second, "/small")) == SMALL
    assert payloads.read(payloads.find(second, "/large")) == LARGE
    small = payloads.find(second, "/small")
    assert (small.type, small.module, small.repr, small.kind) == ("Model", "m", "Model()", "object")
    assert list(hierarchy.records.with_tag("a")) == [first]
    hierarchy.refresh_from_db()
    assert hierarchy.record_count == 2
    assert load().restored_at is not None


def test_to_restore_twice_does_no_harm(alice, hierarchy, archive):
    assert restoration.restore(Actor(alice), archive) == (2, 0)
    before = state(hierarchy), BlobHold.objects.count()

    assert restoration.restore(Actor(alice), load()) == (0, 2)
    assert (state(hierarchy), BlobHold.objects.count()) == before


def test_the_file_can_be_imported_into_another_hierarchy_of_the_project(alice, project, hierarchy, archive, tree):
    other = hierarchies.create(Actor(alice), project, "other")
    for object_id in verification.pending_objects(timezone.now() + DAY):
        verification.hash_object(object_id)

    assert imports.run(Actor(alice), other, b"".join(storage.download_file(archive.key)).splitlines()) == (2, 2)
    model = records.get(other, tree[1].pk)
    assert payloads.read(payloads.find(model, "/large")) == LARGE
    assert payloads.read_data(records.get(other, tree[0].pk))["text"] == "x" * 70_000


def test_the_bytes_stay_as_long_as_the_archive(alice, settings, archive):
    StoredObject.objects.update(created_at=F("created_at") - 2 * settings.ORPHAN_GRACE)
    Blob.objects.update(claimed_at=F("claimed_at") - 2 * settings.ORPHAN_GRACE)
    garbage_collection.delete_orphans()
    assert Blob.objects.filter(sha256=sha256(LARGE)).exists()
    assert lines(archive)

    archives.delete(Actor(alice), archive)
    Blob.objects.update(claimed_at=F("claimed_at") - 2 * settings.ORPHAN_GRACE)
    garbage_collection.delete_orphans()
    assert not Blob.objects.exists() and not StoredObject.objects.exists() and not BlobHold.objects.exists()


def test_a_hierarchy_takes_its_archives_with_it(alice, hierarchy, archive):
    hierarchies.delete(Actor(alice), hierarchy)

    assert not RecordArchive.objects.exists() and not BlobHold.objects.exists()


def test_parents_that_are_gone_are_asked_for_first(alice, hierarchy, tree):
    """The model went first, the experiment by a later step."""
    rule = retention_rules.create(Actor(alice), hierarchy, level=1, older_than_days=1)
    Record.objects.update(created_at=F("created_at") - 2 * DAY)
    retention.apply(hierarchy.pk)
    retention_rules.create(Actor(alice), hierarchy, level=0, older_than_days=1)
    retention.apply(hierarchy.pk)
    retention_rules.delete(Actor(alice), rule)
    rows = RecordArchive.objects.select_related("hierarchy__project__team", "blob_hold__blob__object").order_by("id")
    model, experiment = rows

    with pytest.raises(errors.Conflict, match="a later one"):
        restoration.restore(Actor(alice), model)
    assert not hierarchy.records.exists()
    restoration.restore(Actor(alice), experiment)
    restoration.restore(Actor(alice), model)
    assert hierarchy.records.count() == 2


def test_without_the_store_nothing_is_deleted(alice, hierarchy, tree, store):
    retention_rules.create(Actor(alice), hierarchy, older_than_days=1)
    Record.objects.update(created_at=F("created_at") - 2 * DAY)
    store.stop()

    with pytest.raises(errors.StoreUnavailable):
        retention.apply(hierarchy.pk)
    assert hierarchy.records.count() == 2 and not RecordArchive.objects.exists()
    store.start()
    assert retention.apply(hierarchy.pk) == 2


def test_a_rule_can_do_without(alice, hierarchy, tree):
    retention_rules.create(Actor(alice), hierarchy, older_than_days=1, archive=False)
    Record.objects.update(created_at=F("created_at") - 2 * DAY)

    assert retention.apply(hierarchy.pk) == 2
    assert not RecordArchive.objects.exists() and not BlobHold.objects.exists()


def test_admins_alone_read_restore_and_delete_them(bob, vera, archive):
    for user in (bob, vera):
        for verb in (archives.url, archives.delete, restoration.restore):
            with pytest.raises(errors.Denied):
                verb(Actor(user), archive)
    assert RecordArchive.objects.exists()
    held_bytes.require_readable(archive.blob_hold.blob)
