"""Many records at once: batches, deletions, exports, imports. All of it or nothing."""

import json

import pytest

from accounts.actor import Actor
from artifacts.content import downloads
from core.stream_pool import StreamPool
from hierarchies import hierarchies
from hierarchies.models import Hierarchy, Record
from tests.api.hierarchies.test_downloads import attach

NDJSON = "application/x-ndjson"


@pytest.fixture
def copy(alice, project) -> Hierarchy:
    return hierarchies.create(Actor(alice), project, "copy")


def export(hands, query: str = "") -> list[dict]:
    answer = hands.get(f"/$export{query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, NDJSON)
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def put_in(hands, lines: list[dict | bytes], type: str = NDJSON):
    body = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return hands.raw("POST", "/$import", body, type)


def test_a_batch_is_a_tree(hands, bob):
    items = [
        {"data": {"n": 0}},
        {"data": {"n": 1}, "parent_id": "#2"},
        {"data": {"n": 2}, "parent_id": "#0", "tags": ["x"]},
    ]
    made = hands(bob).post("/$batch", {"items": items})
    assert made.status_code == 201
    assert [item["level"] for item in made.json()["items"]] == [0, 2, 1]
    assert made.json()["items"][1]["parent_id"] == made.json()["items"][2]["id"]


@pytest.mark.parametrize("fault", [{"data": None}, {"data": 1, "parent_id": "#9"}, {"data": 1, "parent_id": "#1"}])
def test_a_batch_with_a_fault_makes_nothing(hands, bob, fault):
    assert hands(bob).post("/$batch", {"items": [{"data": 1}, fault]}).status_code == 400
    assert not Record.objects.exists()


def test_many_are_deleted_or_none(hands, bob, tree):
    editor = hands(bob)
    refused = editor.post("/$delete", {"ids": [tree["right"], tree["left"]]})
    assert (refused.status_code, Record.objects.count()) == (409, 4)
    unknown = editor.post("/$delete", {"ids": [tree["right"], "01ARZ3NDEKTSV4RRFFQ69G5FAV"]})
    assert (unknown.status_code, Record.objects.count()) == (404, 4)
    for recursive in (False, True):
        assert editor.post("/$delete", {"ids": [], "recursive": recursive}).json() == {"deleted": 0}
    assert editor.post("/$delete", {"ids": [tree["left"], tree["leaf"]]}).json() == {"deleted": 2}
    assert editor.post("/$delete", {"ids": [tree["root"]], "recursive": True}).json() == {"deleted": 2}
    assert editor.get().json()["total"] == 0


def test_what_is_exported_is_imported_again(hands, bob, alice, hierarchy, tree):
    editor = hands(bob)
    attach(editor, b"a pickle", kind="object", type="Model")
    long = editor.make({"text": "x" * 70_000}, tree["leaf"])
    before = {item["id"]: item for item in (editor.get(f"/{row}").json() for row in [*tree.values(), long])}
    lines = export(editor)
    assert [line["kind"] for line in lines].count("payload") == 1

    assert (
        editor.post("/$delete", {"ids": [line["id"] for line in lines if line["kind"] == "record"]}).status_code == 200
    )
    answer = put_in(editor, lines)
    assert (answer.status_code, answer.json()) == (201, {"imported": 6, "payloads": 1})
    assert {pk: editor.get(f"/{pk}").json() for pk in before} == before
    model = next(line["record_id"] for line in lines if line["kind"] == "payload")
    assert editor.get(f"/{model}/$download").content == b"a pickle"


def test_an_export_goes_on_after_the_last_record_that_arrived(hands, bob, tree):
    whole = export(hands(bob))
    assert [line["level"] for line in whole] == [0, 1, 1, 2]
    for count, line in enumerate(whole, 1):
        assert export(hands(bob), f"?after={line['id']}") == whole[count:]
    assert hands(bob).get("/$export?after=01ARZ3NDEKTSV4RRFFQ69G5FAV").status_code == 404
    assert hands(bob).get("/$export?after=x").json()["type"] == "urn:servicekit:error:invalid-ulid"


def test_a_person_reads_one_export_at_a_time(hands, bob, tree, monkeypatch):
    monkeypatch.setattr(downloads, "_pool", StreamPool(size=2, per_person=1))
    first = hands(bob).get("/$export")
    busy = hands(bob).get("/$export")
    assert (busy.status_code, busy["Retry-After"]) == (503, "5")
    b"".join(first.streaming_content)
    assert hands(bob).get("/$export").status_code == 200


def test_of_10_000_lines_with_a_bad_one_nothing_is_imported_and_the_line_is_named(hands, bob, hierarchy):
    lines = [b'{"data": {"n": %d}}' % nth for nth in range(10_000)]
    lines[7_311] = b'{"data": {"n": '
    answer = put_in(hands(bob), lines)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["line"]) == (400, "ImportRefused", 7_312)
    assert problem["type"] == "urn:servicekit:error:validation-failed"
    assert "7312" in problem["detail"].replace(",", "") and "Nothing was imported" in problem["detail"]
    hierarchy.refresh_from_db()
    assert (Record.objects.count(), hierarchy.record_count) == (0, 0)


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b"1",
        b"\xff",
        b'{"data": NaN}',
        b'{"data": null}',
        b"{}",
        b'{"data": "\\ud800"}',
        b'{"data": 1, "type": "\\ud800"}',
        b'{"data": 1, "tags": ["\\u0000"]}',
        b'{"data": 1, "tags": 5}',
        b'{"data": 1, "id": "x"}',
        b'{"data": 1, "parent_id": {}}',
        b'{"data": 1, "parent_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}',
        b'{"data": 1, "created_at": "yesterday"}',
        b'{"kind": "payload", "record_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV", "base64": ""}',
        b'{"kind": "other"}',
        b'{"data": {"type": "ml_prediction"}}',
        b"[" * 10_000,
    ],
    ids=lambda line: line[:40],
)
def test_a_line_that_makes_no_sense_is_named(hands, bob, line):
    answer = put_in(hands(bob), [{"data": {"n": 1}}, b"", line])
    assert (answer.status_code, answer.json()["line"]) == (400, 3), answer.content
    assert not Record.objects.exists()


def test_what_is_here_already_is_not_imported_again(hands, bob, copy, tree):
    answer = put_in(hands(bob, copy), export(hands(bob)))
    assert (answer.status_code, answer.json()["code"], answer.json()["line"]) == (400, "ImportRefused", 1)


def test_an_import_is_json_lines(hands, bob):
    assert put_in(hands(bob), [{"data": 1}], "application/jsonl").status_code == 201
    assert put_in(hands(bob), [{"data": 1}], "application/json").status_code == 415
    assert put_in(hands(bob), [{"data": 1}], "text/plain").status_code == 415
    assert put_in(hands(bob), []).json() == {"imported": 0, "payloads": 0}


def test_an_import_is_bounded(hands, bob):
    answer = put_in(hands(bob), [b"[]," * 300_000])
    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert "lists and objects" in answer.json()["detail"]


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2025-10-18T12:00:00", 5])
def test_a_time_outside_of_the_calendar_is_refused_with_its_line(hands, bob, time):
    answer = put_in(hands(bob), [{"data": 1}, {"data": 1, "created_at": time}])
    assert (answer.status_code, answer.json()["line"]) == (400, 2)
    assert not Record.objects.exists()
