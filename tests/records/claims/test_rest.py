"""The API of a hierarchy on the server, as the guide describes it, and the same of a service with its router."""

import json
import re
import urllib.error
import urllib.parse
import urllib.request

import pytest

from tests.records.claims.conftest import serve

ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UNKNOWN = "01JADZ8Y3V5M6Q7R8S9TAVBWCX"


class Artifacts:
    """`/api/v1/artifacts` of one base URL, without a key."""

    def __init__(self, base: str) -> None:
        self.url = f"{base}/api/v1/artifacts"

    def __call__(self, method, path="", body=None, expect=200):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request) as response:
                status, self.headers, content = response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, self.headers, content = error.code, error.headers, error.read()
        assert status == expect, content
        return json.loads(content) if content else None

    def post(self, data, parent=None, expect=201):
        return self("POST", "", {"data": data} if parent is None else {"parent_id": parent["id"], "data": data}, expect)


@pytest.fixture(params=["server", "service"])
def artifacts(request, tmp_path) -> Artifacts:
    if request.param == "server":
        return Artifacts(request.getfixturevalue("new_hierarchy")(access="open"))
    return Artifacts(serve("four_lines_service", tmp_path))


@pytest.fixture
def family(artifacts):
    """A root, its two children, and a grandchild."""
    root = artifacts.post({"name": "root"})
    left, right = (artifacts.post({"name": name}, root) for name in ("left", "right"))
    return root, left, right, artifacts.post({"name": "leaf"}, left)


def test_post_creates(artifacts):
    parent = artifacts.post({"experiment": "weather_prediction", "version": "1.0.0"})
    assert artifacts.headers["Location"].endswith(f"/api/v1/artifacts/{parent['id']}")
    child = artifacts.post({"experiment": "weather_prediction", "version": "1.0.0"}, parent)

    assert ULID.fullmatch(child["id"])
    assert (parent["parent_id"], parent["level"]) == (None, 0)
    assert (child["parent_id"], child["level"]) == (parent["id"], 1)
    assert child["data"] == {"experiment": "weather_prediction", "version": "1.0.0"}
    assert TIME.fullmatch(child["created_at"])
    assert TIME.fullmatch(child["updated_at"])


def test_a_list_has_page_1_and_size_50(artifacts):
    for n in range(51):
        artifacts.post({"n": n})

    listed = artifacts("GET")

    assert (listed["page"], listed["size"], listed["total"], listed["pages"]) == (1, 50, 51, 2)
    assert len(listed["items"]) == 50


def test_a_list_counts_its_pages(artifacts):
    saved = [artifacts.post({"n": n})["id"] for n in range(7)]

    pages = [artifacts("GET", f"?page={page}&size=3") for page in (1, 2, 3)]

    assert [len(page["items"]) for page in pages] == [3, 3, 1]
    assert {item["id"] for page in pages for item in page["items"]} == set(saved)
    assert {(page["total"], page["size"], page["pages"]) for page in pages} == {(7, 3, 3)}
    for query in ("?size=0", "?size=100000", "?page=0", "?page=x"):
        assert artifacts("GET", query, expect=400)["type"] == "urn:servicekit:error:validation-failed"


def test_get_by_id(artifacts, family):
    root, *_ = family

    assert artifacts("GET", f"/{root['id']}")["data"] == {"name": "root"}
    assert artifacts("GET", f"/{root['id'].lower()}")["id"] == root["id"]
    assert artifacts("GET", f"/{UNKNOWN}", expect=404)["type"] == "urn:servicekit:error:not-found"
    assert artifacts("GET", "/no-ulid", expect=400)["type"] == "urn:servicekit:error:invalid-ulid"


def test_put_updates_data(artifacts, family):
    root, left, *_ = family

    changed = artifacts("PUT", f"/{left['id']}", {"data": {"updated": "value"}})

    assert (changed["data"], changed["parent_id"], changed["level"]) == ({"updated": "value"}, root["id"], 1)
    assert artifacts("GET", f"/{left['id']}")["data"] == {"updated": "value"}
    assert artifacts("PUT", f"/{UNKNOWN}", {"data": {}}, expect=404)["status"] == 404


def test_delete(artifacts, family):
    *_, leaf = family

    assert artifacts("DELETE", f"/{leaf['id']}", expect=204) is None
    artifacts("GET", f"/{leaf['id']}", expect=404)
    artifacts("DELETE", f"/{leaf['id']}", expect=404)


def test_delete_fails_with_children(artifacts, family):
    root, left, right, leaf = family

    assert artifacts("DELETE", f"/{root['id']}", expect=409)["type"] == "urn:servicekit:error:conflict"

    tree = artifacts("GET", f"/{root['id']}/$tree")
    assert {child["id"] for child in tree["children"]} == {left["id"], right["id"]}
    assert artifacts("GET", f"/{leaf['id']}")["level"] == 2


def test_tree_takes_a_root_and_a_depth(artifacts, family):
    root, *_ = family

    def depth(node):
        return 1 + max((depth(child) for child in node["children"] or []), default=-1)

    assert depth(artifacts("POST", "/$tree", {"root_id": root["id"]})) == 2
    assert depth(artifacts("POST", "/$tree", {"root_id": root["id"], "max_depth": 3})) == 2
    assert depth(artifacts("POST", "/$tree", {"root_id": root["id"], "max_depth": 1})) == 1
    assert depth(artifacts("GET", f"/{root['id']}/$tree?max_depth=1")) == 1
    assert artifacts("POST", "/$tree", {"root_id": UNKNOWN}, expect=404)["status"] == 404
    assert artifacts("POST", "/$tree", {}, expect=400)["type"] == "urn:servicekit:error:validation-failed"


def test_a_tree_nests_children(artifacts, family):
    root, left, right, leaf = family

    tree = artifacts("POST", "/$tree", {"root_id": root["id"]})

    assert (tree["id"], tree["level"], tree["data"]) == (root["id"], 0, {"name": "root"})
    children = {child["id"]: child for child in tree["children"]}
    assert set(children) == {left["id"], right["id"]}
    assert children[right["id"]]["children"] == []
    [grandchild] = children[left["id"]]["children"]
    assert (grandchild["id"], grandchild["level"], grandchild["data"]) == (leaf["id"], 2, {"name": "leaf"})


def test_expand_answers_all_ancestors_and_descendants(artifacts, family):
    root, left, right, leaf = family

    expanded = artifacts("POST", "/$expand", {"artifact_id": left["id"]})

    assert expanded["id"] == left["id"]
    assert [node["id"] for node in expanded["ancestors"]] == [root["id"]]
    assert [node["id"] for node in expanded["children"]] == [leaf["id"]]
    assert artifacts("GET", f"/{left['id']}/$expand") == expanded
    assert right["id"] not in json.dumps(expanded)
    whole = artifacts("POST", "/$expand", {"artifact_id": root["id"]})
    assert whole["ancestors"] == []
    assert leaf["id"] in json.dumps(whole["children"])
