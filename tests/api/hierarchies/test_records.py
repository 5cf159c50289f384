"""Records over HTTP: made, listed, found by their data, shown, changed, as trees."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from api.hierarchies.views import trees
from core.person_slots import PersonSlots
from hierarchies.models import Hierarchy
from tests.api.hierarchies.conftest import LABELS

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
FIELDS = [
    "id", "parent_id", "level", "level_label", "type", "data", "tags", "payloads", "created_by", "created_at",
    "updated_at",
]  # fmt: skip


def test_a_record_is_made_and_says_where_it_is(hands, bob, hierarchy):
    editor = hands(bob)
    made = editor.post("", {"data": {"experiment": "test"}, "tags": ["a", "b", "a"]})
    record = made.json()
    assert (made.status_code, list(record)) == (201, FIELDS)
    assert made["Location"] == f"/h/acme/demo/trees/api/v1/artifacts/{record['id']}"
    assert editor.client.get(made["Location"]).json() == record
    assert (record["level"], record["level_label"], record["parent_id"]) == (0, "experiment", None)
    assert (record["data"], record["tags"], record["created_by"]) == ({"experiment": "test"}, ["a", "b"], "bob")
    assert TIME.fullmatch(record["created_at"]) and TIME.fullmatch(record["updated_at"])
    assert Hierarchy.objects.get().record_count == 1


@pytest.mark.parametrize("data", [{}, [], 0, False, "", "text", [1, {"a": [None]}], 1.5])
def test_any_json_but_null_is_data(hands, bob, data):
    editor = hands(bob)
    made = editor.post("", {"data": data}).json()
    assert editor.get(f"/{made['id']}").json()["data"] == data


def test_the_type_is_that_of_the_data(hands, bob):
    metadata = {"anything": 1}
    data = {"type": "generic", "metadata": metadata, "content": [1]}
    record = hands(bob).post("", {"data": data}).json()
    assert record["type"] == "generic"
    assert hands(bob).get(f"/{record['id']}/$metadata").json() == metadata
    assert hands(bob).get("?type=generic").json()["total"] == 1
    assert hands(bob).get(f"/{hands(bob).make([1])}/$metadata").json() == {}


def test_typed_data_with_wrong_metadata_is_refused(hands, bob):
    data = {"type": "ml_training_workspace", "metadata": {"status": "perhaps"}, "content": None}
    answer = hands(bob).post("", {"data": data})
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:servicekit:error:validation-failed")
    assert "status" in str(answer.json()["errors"])


def test_lists_have_pages(hands, bob, tree):
    editor = hands(bob)
    first = editor.get("?size=3").json()
    assert {name: value for name, value in first.items() if name != "items"} == {
        "total": 4, "page": 1, "size": 3, "pages": 2,
    }  # fmt: skip
    last = editor.get("?size=3&page=2").json()
    assert [item["id"] for item in first["items"] + last["items"]] == sorted(tree.values())
    assert editor.get("?page=3").json()["items"] == []
    assert editor.get().json()["size"] == 50
    assert editor.get("?envelope=false").json() == editor.get().json()["items"]


def test_a_list_by_cursor_meets_each_once(hands, bob, tree):
    editor, found, cursor = hands(bob), [], ""
    while cursor is not None:
        page = editor.get(f"?size=3&cursor={cursor}").json()
        found += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert found == sorted(tree.values())
    assert editor.get("?cursor=!").status_code == 400


@pytest.mark.parametrize(
    "query, names",
    [
        ("level=1", ["left", "right"]),
        ("parent_id=null", ["root"]),
        ("parent_id={left}", ["leaf"]),
        ("ids={left},{leaf}", ["left", "leaf"]),
        ("ids=", []),
        ("data.name=right", ["right"]),
        ("data.name=right&level=2", []),
        ("tag=x", []),
        ("type=generic", []),
    ],
)
def test_lists_are_filtered(hands, bob, tree, query, names):
    answer = hands(bob).get("?" + query.format(**tree)).json()
    assert sorted(item["data"]["name"] for item in answer["items"]) == sorted(names)
    assert answer["total"] == len(names)


def test_records_are_found_by_their_data(hands, bob):
    editor = hands(bob)
    first = editor.make({"experiment_name": "weather", "metrics": {"rmse": 0.25, "good": True}}, tags=["demo"])
    editor.make({"experiment_name": "traffic"})

    for query in ("data.experiment_name=weather", "data.metrics.rmse=0.25", "data.metrics.good=true", "tag=demo"):
        assert [item["id"] for item in editor.get(f"?{query}").json()["items"]] == [first], query
    for query in ("data.experiment_name=weath", "data.metrics=x", "data.no.such=1"):
        assert editor.get(f"?{query}").json()["total"] == 0, query
    for query in ("data.=1", "data.a..b=1", "&".join(f"data.a{nth}=1" for nth in range(17))):
        assert editor.get(f"?{query}").status_code == 400, query


def test_what_is_sent_is_changed(hands, bob, vera, tree):
    editor = hands(bob)
    path = f"/{tree['left']}"
    before = editor.get(path).json()
    tagged = editor.put(path, {"tags": ["new"]}).json()
    assert (tagged["tags"], tagged["data"]) == (["new"], before["data"])
    changed = editor.put(path, {"data": {"updated": "value"}, "parent_id": None}).json()
    assert (changed["data"], changed["tags"], changed["level"]) == ({"updated": "value"}, ["new"], 0)
    assert changed["created_at"] == before["created_at"] and changed["updated_at"] > before["updated_at"]
    assert editor.put(path, {"data": None}).status_code == 400


def test_a_change_and_a_move_are_both_made_or_neither(hands, bob, tree):
    editor = hands(bob)
    before = editor.get(f"/{tree['left']}").json()
    answer = editor.put(f"/{tree['left']}", {"data": {"x": 1}, "parent_id": tree["leaf"]})
    assert answer.status_code == 400
    assert editor.get(f"/{tree['left']}").json() == before


def test_trees(hands, bob, tree):
    editor = hands(bob)
    whole = editor.post("/$tree", {"root_id": tree["root"]}).json()
    assert list(whole) == [*FIELDS, "children"]
    assert [child["data"]["name"] for child in whole["children"]] == ["left", "right"]
    assert whole["children"][0]["children"][0] == editor.get(f"/{tree['leaf']}").json() | {"children": []}
    assert editor.get(f"/{tree['root']}/$tree").json() == whole

    for depth, children in ((0, []), (1, ["left", "right"])):
        short = editor.get(f"/{tree['root']}/$tree?max_depth={depth}").json()
        assert [child["data"]["name"] for child in short["children"]] == children
        assert not any(child["children"] for child in short["children"])
        assert editor.post("/$tree", {"root_id": tree["root"], "max_depth": depth}).json() == short
    assert editor.get(f"/{tree['root']}/$tree?max_depth=-1").status_code == 400


def test_a_record_is_expanded_with_all_above_and_below_it(hands, bob, tree):
    editor = hands(bob)
    found = editor.post("/$expand", {"artifact_id": tree["left"]}).json()
    assert list(found) == [*FIELDS, "children", "ancestors"]
    assert [above["id"] for above in found["ancestors"]] == [tree["root"]]
    assert [below["id"] for below in found["children"]] == [tree["leaf"]]
    assert editor.get(f"/{tree['left']}/$expand").json() == found
    leaf = editor.get(f"/{tree['leaf']}/$expand?max_depth=0").json()
    assert [above["data"]["name"] for above in leaf["ancestors"]] == ["root", "left"]


def test_large_trees_are_read_by_few_at_once(hands, bob, vera, tree, monkeypatch):
    monkeypatch.setattr(trees, "LARGE_TREE", 3)
    slots = PersonSlots(per_person=1, size=2)
    monkeypatch.setattr(trees, "_slots", slots)
    path = f"/{tree['root']}/$tree"
    whole = hands(bob).get(path).json()
    assert slots.take(str(bob.pk))

    busy = hands(bob).get(path)
    assert (busy.status_code, busy["Retry-After"]) == (503, "5")
    assert busy.json()["type"] == "urn:servicekit:error:unavailable"
    assert hands(vera).get(path).json() == whole
    assert hands(bob).get(f"/{tree['left']}/$tree").status_code == 200


def test_head_has_no_content(hands, bob, tree):
    viewer = hands(bob)
    for path in ("", f"/{tree['root']}", f"/{tree['root']}/$tree", f"/{tree['root']}/$download", "/$export"):
        answer = viewer.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path
    assert viewer.head("/01ARZ3NDEKTSV4RRFFQ69G5FAV").status_code == 404


def test_what_a_hierarchy_says_of_itself(hands, bob, hierarchy, tree):
    client, base = hands(bob).client, hands(bob).base
    assert client.get(f"{base}/health").json()["status"] == "healthy"
    info = client.get(f"{base}/api/v1/info").json()
    assert (info["display_name"], info["hierarchy"]["level_labels"]) == ("trees", LABELS)
    assert info["hierarchy"]["record_count"] == 4
    schema = hands(bob).get("/$schema").json()
    assert schema["required"] == ["data"] and "MLTrainingWorkspaceArtifactData" in schema["$defs"]


def test_problems_have_types_and_say_where_and_which_request(hands, bob):
    answer = hands(bob).get("/01ARZ3NDEKTSV4RRFFQ69G5FAV", headers={"X-Request-ID": "abc"})
    assert answer["Content-Type"] == "application/problem+json"
    assert {name: value for name, value in answer.json().items() if name != "detail"} == {
        "type": "urn:servicekit:error:not-found",
        "title": "Not found",
        "status": 404,
        "code": "RecordNotFound",
        "request_id": "abc",
        "instance": "/h/acme/demo/trees/api/v1/artifacts/01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "trace_id": "abc",
    }


def test_problems_outside_of_views_have_types_too(api, db):
    for path, type in (("/h/a/b/c/nowhere", "not-found"), ("/h/a/b/c/api/v1/artifacts?x=%ff", "bad-request")):
        answer = api().get(path)
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == f"urn:servicekit:error:{type}"


def test_elsewhere_problems_are_as_they_were(api, db):
    assert api().get("/api/v1/nowhere").json()["type"] == "about:blank"


def test_queries_are_few_and_do_not_grow(hands, bob, tree):
    """One for the key, one for the hierarchy; then the count and records of a page with their data, payloads, names."""
    editor = hands(bob)
    paths = ["", "?cursor=", f"/{tree['root']}/$tree", f"/{tree['root']}/$expand", f"/{tree['root']}"]

    def counts() -> list[int]:
        found = []
        for path in paths:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert editor.get(path).status_code == 200
            found.append(len(queries))
        return found

    # The first request records that the key is used.
    editor.get()
    before = counts()
    items = [{"data": {"n": nth}, "parent_id": tree["root"], "tags": ["t"]} for nth in range(60)]
    assert editor.post("/$batch", {"items": items}).status_code == 201
    assert counts() == before
    assert max(before) <= 10, before
