"""What servicekit and chapkit did wrong, each by its name: it must not come back."""

import pytest

from accounts.actor import Actor
from hierarchies import hierarchies

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def shape(node: dict) -> dict:
    return {"level": node["level"], "children": {child["id"]: shape(child) for child in node["children"]}}


def refused(answer, status: int, type: str) -> str:
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (status, f"urn:servicekit:error:{type}"), problem
    return problem["detail"]


@pytest.mark.parametrize("target", ["left", "leaf"])
def test_a_record_moved_under_itself_or_its_descendant_is_refused_at_once(hands, bob, tree, target):
    editor = hands(bob)
    before = editor.get(f"/{tree['root']}/$tree").json()
    refused(editor.put(f"/{tree['left']}", {"parent_id": tree[target]}), 400, "validation-failed")

    assert editor.get(f"/{tree['root']}/$tree").json() == before


def test_a_record_with_children_is_not_deleted_and_the_tree_is_intact(hands, bob, tree):
    editor = hands(bob)
    before = editor.get(f"/{tree['root']}/$tree").json()
    assert "below it" in refused(editor.delete(f"/{tree['left']}"), 409, "conflict")

    assert editor.get(f"/{tree['root']}/$tree").json() == before
    assert editor.delete(f"/{tree['leaf']}").status_code == 204
    assert editor.delete(f"/{tree['left']}").status_code == 204


def test_an_unknown_parent_is_not_found(hands, bob):
    assert UNKNOWN in refused(hands(bob).post("", {"data": {}, "parent_id": UNKNOWN}), 404, "not-found")
    assert hands(bob).get().json()["total"] == 0


@pytest.mark.parametrize("body", [{"data": None}, {}])
def test_data_that_is_null_or_missing_fails_validation(hands, bob, body):
    answer = hands(bob).post("", body)
    refused(answer, 400, "validation-failed")
    assert list(answer.json()["errors"]) == ["data"]


def test_levels_beyond_the_labels_are_refused_under_enforcement(hands, alice, bob, hierarchy, tree):
    hierarchies.update(Actor(alice), hierarchy, enforce_levels=True)
    editor = hands(bob)
    detail = refused(editor.post("", {"data": {}, "parent_id": tree["leaf"]}), 400, "validation-failed")
    assert "no level 3" in detail
    refused(editor.put(f"/{tree['left']}", {"parent_id": tree["right"]}), 400, "validation-failed")


def test_a_subtree_that_is_moved_gets_its_new_levels(hands, bob, tree):
    editor = hands(bob)
    moved = editor.put(f"/{tree['left']}", {"parent_id": tree["right"]}).json()
    assert (moved["parent_id"], moved["level"], moved["level_label"]) == (tree["right"], 2, "predictions")
    assert shape(editor.get(f"/{tree['root']}/$tree").json()) == {
        "level": 0,
        "children": {
            tree["right"]: {
                "level": 1,
                "children": {tree["left"]: {"level": 2, "children": {tree["leaf"]: {"level": 3, "children": {}}}}},
            }
        },
    }

    root = editor.put(f"/{tree['left']}", {"parent_id": None}).json()
    assert (root["parent_id"], root["level"]) == (None, 0)
    assert editor.get(f"/{tree['leaf']}").json()["level"] == 1


def test_a_tree_has_64_levels_and_a_sentence_says_so(hands, bob):
    editor = hands(bob)
    items = [{"data": {}, "parent_id": f"#{nth - 1}" if nth else None} for nth in range(64)]
    made = editor.post("/$batch", {"items": items}).json()["items"]
    assert [made[0]["level"], made[-1]["level"]] == [0, 63]

    detail = refused(editor.post("", {"data": {}, "parent_id": made[-1]["id"]}), 400, "validation-failed")
    assert "64 levels" in detail


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "size=0", "size=201", "size=1e9", f"page={10**30}"])
def test_pages_are_bounded(hands, bob, query):
    refused(hands(bob).get(f"?{query}"), 400, "validation-failed")


def test_ulids_in_lower_case_are_accepted_and_answered_in_upper_case(hands, bob, tree):
    editor = hands(bob)
    lower = tree["left"].lower()
    child = editor.post("", {"data": {}, "parent_id": lower}).json()
    assert child["parent_id"] == tree["left"]
    assert editor.get(f"/{lower}").json()["id"] == tree["left"]
    assert editor.post("/$tree", {"root_id": lower}).json()["id"] == tree["left"]
    assert editor.get(f"?ids={lower}").json()["items"][0]["id"] == tree["left"]
    assert (
        editor.put(f"/{child['id'].lower()}", {"parent_id": tree["root"].lower()}).json()["parent_id"] == tree["root"]
    )


@pytest.mark.parametrize("text", ["01PARENT123...", "x", "0" * 25, "8" * 26, "01ARZ3NDEKTSV4RRFFQ69G5FAI", "é" * 26])
def test_what_is_no_ulid_is_refused_as_such(hands, bob, text):
    editor = hands(bob)
    refused(editor.get(f"/{text}"), 400, "invalid-ulid")
    refused(editor.post("", {"data": {}, "parent_id": text}), 400, "invalid-ulid")
    refused(editor.post("/$tree", {"root_id": text}), 400, "invalid-ulid")
    refused(editor.post("/$expand", {"artifact_id": text}), 400, "invalid-ulid")
