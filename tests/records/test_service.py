"""A service with the router: what it has besides what the guide describes (`claims/test_rest.py`)."""

import asyncio
import json
import urllib.error
import urllib.request

import pandas as pd
import pytest
from fastapi import FastAPI

from tests.records.claims.test_quick_start import Running
from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn
from wanllmdb.records.fastapi import ArtifactRouter, mount

HIERARCHY = ArtifactHierarchy(name="ml", level_labels={0: "experiment", 1: "model"})
ARTIFACTS = "/api/v1/artifacts"


class Client:
    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, method, path, body=None, expect=200, **headers):
        data = json.dumps(body).encode() if isinstance(body, dict | list) else body
        request = urllib.request.Request(
            self.url + ARTIFACTS + path, data, {"Content-Type": "application/json", **headers}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                status, self.headers, content = response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                status, self.headers, content = error.code, error.headers, error.read()
        assert status == expect, content
        is_json = "json" in self.headers.get("Content-Type", "") and "ndjson" not in self.headers["Content-Type"]
        return json.loads(content) if is_json and content else content


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/data.db"


@pytest.fixture
def service(url):
    app = FastAPI()
    mount(app, url, HIERARCHY, permissions={"expand": False})
    with Running(app) as running:
        yield Client(running.url)


def save(url, *items):
    """Store records from Python beside the service. Their ids."""

    async def store():
        async with records.connect(url) as manager:
            return [str(record.id) for record in await manager.save_all(items)]

    return asyncio.run(store())


def test_objects_appear_as_placeholders_and_are_downloaded(service, url):
    frame = pd.DataFrame({"city": ["oslo", "bergen"], "rain": [1.5, None]})
    [record_id] = save(url, ArtifactIn(data={"metadata": {"a": 1}, "content": frame, "raw": b"\0\1", "n": 1}))

    data = service("GET", f"/{record_id}")["data"]
    assert (data["n"], data["content"]["_type"], data["raw"]["_type"]) == (1, "DataFrame", "bytes")
    assert set(data["raw"]) == {"_type", "_module", "_repr", "_serialization_error"}
    assert service("GET", f"/{record_id}/$metadata") == {"a": 1}
    assert service("GET", f"/{record_id}/$download?pointer=/raw") == b"\0\1"
    rows = service("GET", f"/{record_id}/$download?pointer=/content", Accept="application/json")
    assert rows == [{"city": "oslo", "rain": 1.5}, {"city": "bergen", "rain": None}]
    text = service("GET", f"/{record_id}/$download?pointer=/content&format=csv").decode()
    assert text.splitlines()[:2] == ["city,rain", "oslo,1.5"]
    assert ".csv" in service.headers["Content-Disposition"]
    parquet = service("GET", f"/{record_id}/$download?pointer=/content&format=parquet")
    assert parquet[:4] == b"PAR1"
    assert service("GET", f"/{record_id}/$download?pointer=/none", expect=404)["type"].endswith("not-found")


def test_a_batch_is_created_whole_or_not_at_all(service):
    made = service("POST", "/$batch", {"items": [{"data": {}}, {"parent_id": "#0", "data": {"n": 1}}]}, expect=201)
    root, child = made["items"]
    assert (child["parent_id"], child["level"], child["level_label"]) == (root["id"], 1, "model")

    for items in (
        [{"data": {}}, {"data": None}],
        [{"data": {}}, {"parent_id": "#7", "data": {}}],
        [{"data": {}}, {"parent_id": child["id"], "data": {}}],
    ):
        assert service("POST", "/$batch", {"items": items}, expect=400)["type"].endswith("validation-failed")
    assert service("POST", "/$batch", {"items": [{"id": root["id"], "data": {}}]}, expect=409)["code"] == "IdTaken"
    assert service("GET", "")["total"] == 2
    service("POST", "/$delete", {"ids": [root["id"]]}, expect=409)
    assert service("POST", "/$delete", {"ids": [root["id"], child["id"]]}) == {"deleted": 2}
    service("POST", "/$delete", {"ids": [root["id"]]}, expect=404)


def test_lists_are_filtered(service):
    root = service("POST", "", {"data": {"name": "a", "m": {"rmse": 0.25}}, "tags": ["good"]}, expect=201)
    child = service("POST", "", {"parent_id": root["id"], "data": {"name": "b"}, "type": "leaf"}, expect=201)

    def ids(query):
        return [item["id"] for item in service("GET", f"?envelope=false&{query}")]

    for query in ("parent_id=null", "level=0", "tag=good", "data.name=a", "data.m.rmse=0.25", f"ids={root['id']}"):
        assert ids(query) == [root["id"]], query
    for query in (f"parent_id={root['id'].lower()}", "level=1", "type=leaf", "data.name=b"):
        assert ids(query) == [child["id"]], query
    assert ids("data.name=c") == []


def test_a_record_is_moved_and_never_below_itself(service):
    one, two = (service("POST", "", {"data": {"n": n}}, expect=201) for n in (1, 2))

    moved = service("PUT", f"/{two['id']}", {"data": {"n": 2}, "parent_id": one["id"]})
    assert (moved["level"], moved["parent_id"]) == (1, one["id"])
    for parent in (one["id"], two["id"]):
        refusal = service("PUT", f"/{one['id']}", {"data": {}, "parent_id": parent}, expect=400)
        assert (refusal["code"], refusal["status"]) == ("MoveRefused", 400)
    assert service("PUT", f"/{two['id']}", {"data": {"n": 2}, "parent_id": None})["level"] == 0


def test_what_is_wrong_is_a_problem(service):
    for body, path in (({"data": None}, "data"), ({}, "data"), ({"data": {}, "tags": "x"}, "tags")):
        problem = service("POST", "", body, expect=400, **{"X-Request-ID": "mine"})
        assert problem["type"] == "urn:servicekit:error:validation-failed"
        assert path in problem["errors"]
        assert (problem["instance"], problem["trace_id"]) == (ARTIFACTS, "mine")
    wrong = service("POST", "", {"data": {"type": "ml_prediction", "metadata": {}, "content": 1}}, expect=400)
    assert "metadata.status" in wrong["errors"]
    assert service("POST", "", {"data": {}, "parent_id": "x"}, expect=400)["type"].endswith("invalid-ulid")
    assert service("POST", "", b"{", expect=400)["status"] == 400
    unknown = service("POST", "", {"data": {}, "parent_id": "01JADZ8Y3V5M6Q7R8S9TAVBWCX"}, expect=404)
    assert unknown["type"].endswith("not-found")


def test_operations_are_switched_off(service):
    record = service("POST", "", {"data": {}}, expect=201)

    refusal = service("GET", f"/{record['id']}/$expand", expect=405)
    assert refusal["type"] == "urn:servicekit:error:method-not-allowed"
    with pytest.raises(ValueError, match="'fly'"):
        ArtifactRouter.create("/x", [], lambda: None, permissions={"fly": False})


def test_head_answers_without_content(service):
    record = service("POST", "", {"data": {}}, expect=201)

    assert service("HEAD", f"/{record['id']}") == b""
    assert service("HEAD", "") == b""
    assert service("HEAD", "/01JADZ8Y3V5M6Q7R8S9TAVBWCX", expect=404) == b""
    assert service("GET", "/$schema")["title"] == "Record of ml"


def test_what_was_exported_is_imported(service, tmp_path):
    root = service("POST", "", {"data": {"n": 1}}, expect=201)
    child = service("POST", "", {"parent_id": root["id"], "data": {"n": 2}}, expect=201)
    lines = service("GET", "/$export")
    assert len(service("GET", f"/$export?after={root['id']}").splitlines()) == 1

    app = FastAPI()
    mount(app, f"sqlite:///{tmp_path}/other.db", HIERARCHY)
    with Running(app) as other:
        target = Client(other.url)
        broken = target("POST", "/$import", lines + b'{"kind":"record","data":null}\n', expect=400)
        assert broken["line"] == len(lines.splitlines()) + 1
        assert target("GET", "")["total"] == 0
        assert target("POST", "/$import", lines, expect=201) == {"imported": 2}
        assert target("GET", f"/{child['id']}")["parent_id"] == root["id"]
