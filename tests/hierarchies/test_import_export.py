"""Records as JSON Lines: out with all that they have, in with all of it or with nothing."""

import base64
import json

import pytest

from accounts.actor import Actor
from artifacts.models import Blob, BlobHold
from hierarchies import errors, exports, hierarchies, imports, payloads, records, trees, ulids
from hierarchies.models import Record, RecordPayload
from hierarchies.records import RecordSpec
from projects.models import Project
from tests.artifacts.client import HTTP

LONG = {"text": "x" * 100_000}


def line(**values):
    return json.dumps(values).encode()


def state(hierarchy):
    """What of its records an export must carry along."""
    rows = Record.objects.filter(hierarchy=hierarchy).order_by("id")
    payload_rows = RecordPayload.objects.filter(record__in=rows).order_by("record", "pointer")
    return (
        [
            (row.pk, row.parent_id, row.level, row.type, payloads.read_data(row), row.tags, row.created_at)
            for row in rows
        ],
        [(row.record_id, row.pointer, row.kind, row.signature, payloads.read(row)) for row in payload_rows],
    )


def test_what_was_exported_is_imported_as_it_was(bob, hierarchy, upload, save):
    objects = [
        upload(bob, b"small", "/a", signature="s"),
        upload(bob, b"small", "/b"),
        upload(bob, b"l" * 70_000, "/c"),
    ]
    root = records.create(Actor(bob), hierarchy, RecordSpec({"name": "x"}, tags=["best"], payloads=objects))
    child = records.create(Actor(bob), hierarchy, RecordSpec(LONG, parent_id=root.pk))
    save(child, type="generic", metadata={}, content=1)
    before, lines = state(hierarchy), list(exports.lines(hierarchy))
    kinds = [(json.loads(text)["kind"], "url" in json.loads(text)) for text in lines]
    assert kinds == [("record", False), *[("payload", False)] * 2, ("payload", True), *[("record", False)] * 2]
    assert HTTP.request("GET", json.loads(lines[3])["url"]).data == b"l" * 70_000
    records.delete_subtree(Actor(bob), root)
    # Parents come in any order; the bytes of the long payload are still in the store.
    assert imports.run(Actor(bob), hierarchy, [*lines[4:], *lines[:4]]) == (3, 3)
    assert state(hierarchy) == before
    hierarchy.refresh_from_db()
    assert hierarchy.record_count == 3


def test_an_export_goes_on_behind_a_record(hierarchy, save):
    root = save(n=0)
    ids = [root.pk, *(save(root, n=n).pk for n in range(5))]
    whole = [json.loads(text)["id"] for text in exports.lines(hierarchy)]
    assert whole == ids
    assert [json.loads(text)["id"] for text in exports.lines(hierarchy, after=ids[2].lower())] == ids[3:]
    with pytest.raises(errors.RecordNotFound):
        exports.lines(hierarchy, after=ulids.new())


def test_an_export_of_more_than_a_page_has_each_record_once(bob, hierarchy):
    made = records.create_many(Actor(bob), hierarchy, [RecordSpec({"n": n}) for n in range(450)])
    assert [json.loads(text)["id"] for text in exports.lines(hierarchy)] == [row.pk for row in made]


def test_one_bad_line_of_ten_thousand_imports_nothing(bob, hierarchy):
    lines = [line(data={"n": n}) for n in range(10_000)]
    lines[6_789] = b'{"data": {"n": '
    with pytest.raises(errors.ImportRefused, match="Line 6790 is not JSON") as refused:
        imports.run(Actor(bob), hierarchy, lines)
    assert refused.value.extra["line"] == 6_790
    assert not Record.objects.exists()


A, B, C = (f"01ARZ3NDEKTSV4RRFFQ69G5FA{last}" for last in "ABC")
TRAINING = {"type": "ml_training_workspace", "metadata": {"status": "done"}, "content": 1}


@pytest.mark.parametrize(
    ("lines", "number", "message"),
    [
        ([line(id=A, data={}), line(id=A.lower(), data={})], 2, "is in line 1 already"),
        ([line(id=A, data={}, parent_id=C)], 1, "neither here nor in the hierarchy"),
        ([line(id=A, data={}, parent_id=B), line(id=B, data={}, parent_id=A)], 1, "would be below itself"),
        ([line(id=A, data={}), b"", line(id="1", data={})], 3, "is not a ULID"),
        ([line(data={}), line(data=None)], 2, "null is not one that a record can have"),
        ([line(data={}), b"[]"], 2, "is not a JSON object"),
        ([line(data={}), b'{"data": NaN}'], 2, "NaN and Infinity"),
        ([line(data={}), b"\xff"], 2, "is not JSON"),
        ([line(data=TRAINING)], 1, "metadata.status"),
        ([line(data={}, tags="best")], 1, "Give a list of texts"),
        ([line(data={}, created_at="yesterday")], 1, "created_at is not a time"),
        ([line(kind="payload", record_id=A)], 1, "does not follow the line of its record"),
        ([line(id=A, data={}), line(kind="payload", record_id=A, pointer="/x", base64="?")], 2, "not base64"),
        ([line(id=A, data={}), line(kind="payload", record_id=A, pointer="/x")], 2, "neither base64 nor sha256"),
        (
            [line(id=A, data={}), line(kind="payload", record_id=A, pointer="/x", sha256="0" * 64, size=1)],
            2,
            "which the store does not have: upload them first",
        ),
        ([line(id=A, data={}), line(kind="payload", record_id=A, pointer="/x/y", base64="")], 1, "has no place"),
        ([line(kind="folder")], 1, "is no kind of line"),
    ],
)
def test_the_line_that_is_wrong_is_named(bob, hierarchy, lines, number, message):
    with pytest.raises(errors.ImportRefused, match=f"^Line {number} .*{message}") as refused:
        imports.run(Actor(bob), hierarchy, lines)
    assert refused.value.extra["line"] == number
    assert not (Record.objects.exists() or BlobHold.objects.exists())


def test_levels_and_ids_of_lines_are_refused_by_the_line(bob, hierarchy, save):
    taken = save(n=1)
    with pytest.raises(errors.ImportRefused, match=f"Line 2 has the id {taken.pk}"):
        imports.run(Actor(bob), hierarchy, [line(data={}), line(id=taken.pk, data={})])
    hierarchies.update(Actor(bob), hierarchy, level_labels={"0": "one"}, enforce_levels=True)
    with pytest.raises(errors.ImportRefused, match=r"Line 2 .*has no level 1"):
        imports.run(Actor(bob), hierarchy, [line(data={}), line(parent_id=taken.pk, data={})])


def test_payloads_may_be_uploaded_before(bob, hierarchy, upload):
    spec = upload(bob, b"sent before")
    [blob] = Blob.objects.filter(pk=spec.id)
    payload = line(kind="payload", record_id=A, pointer="/model", sha256=blob.sha256, size=11, payload_kind="object")
    assert imports.run(Actor(bob), hierarchy, [line(id=A, data={}), payload]) == (1, 1)
    record = Record.objects.get()
    assert payloads.read(payloads.find(record, "/model")) == b"sent before"
    assert set(record.data["model"]) == {"_type", "_module", "_repr", "_serialization_error"}


def test_long_data_of_an_archive_is_a_payload(bob, hierarchy):
    body = base64.b64encode(json.dumps(LONG).encode()).decode()
    payload = line(kind="payload", record_id=A, pointer="", payload_kind="data", base64=body)
    imports.run(Actor(bob), hierarchy, [line(kind="archive"), line(kind="record", id=A, data={}), payload])
    assert payloads.read_data(Record.objects.get()) == LONG


def test_references_to_what_is_not_there_stay_texts(bob, hierarchy):
    imports.run(Actor(bob), hierarchy, [line(data={"source": "artifact://acme/demo/gone:v1"})])
    record = Record.objects.get()
    assert record.data == {"source": "artifact://acme/demo/gone:v1"}
    assert not record.references.exists()


def test_records_are_imported_below_those_that_are_there(bob, hierarchy, save):
    root = save(n=0)
    imports.run(Actor(bob), hierarchy, [line(id=B, parent_id=A, data={}), line(id=A, parent_id=root.pk, data={})])
    assert [(row.pk, row.level) for row in trees.subtree(root)] == [(root.pk, 0), (A, 1), (B, 2)]


def test_who_may_not_write_imports_nothing(vera, hierarchy):
    with pytest.raises(errors.Denied):
        imports.run(Actor(vera), hierarchy, [line(data={})])


def test_another_hierarchy_of_the_project_does_not_take_the_same_ids(alice, bob, project, hierarchy, save):
    save(n=1)
    other = hierarchies.create(Actor(alice), Project.objects.get(pk=project.pk), "other")
    with pytest.raises(errors.ImportRefused, match="which a record has already"):
        imports.run(Actor(bob), other, exports.lines(hierarchy))


def test_lines_are_split_wherever_chunks_end():
    body = b'{"a": 1}\n\n{"b": "\xc3\xa9"}\n{"c": 3}'
    for size in range(1, len(body)):
        chunks = [body[start : start + size] for start in range(0, len(body), size)]
        assert list(imports.split_lines(chunks)) == body.split(b"\n")


def test_a_line_without_end_is_refused_before_it_is_read():
    endless = iter(lambda: b"x" * 2**20, b"")
    with pytest.raises(errors.ImportRefused, match="Line 1 is longer than 24 MiB"):
        list(imports.split_lines(endless))
