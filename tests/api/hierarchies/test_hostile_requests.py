"""What nobody should send is refused with a sentence: never a bug of ours, and never half of it done."""

import json

import pytest

from hierarchies.models import Record

JUNK = [
    b"",
    b"{",
    b"\xff",
    b"[]",
    b"1",
    b"null",
    b'"data"',
    b'{"data": NaN}',
    b'{"data": 1e999}',
    b'{"data": [-Infinity]}',
    b'{"data": "\\ud800"}',
    b'{"data": {"\\u0000": 1}}',
    b'{"data": {"a": ["\\u0000"]}}',
    b"[" * 100_000,
    b'{"data": ' + b"[" * 100 + b"]" * 100 + b"}",
    b'{"data": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}",
    b'{"data": 1, "parent_id": {}}',
    b'{"data": 1, "parent_id": "#0"}',
    b'{"data": 1, "parent_id": 5}',
    b'{"data": 1, "tags": "x"}',
    b'{"data": 1, "tags": [""]}',
    b'{"data": 1, "tags": [[]]}',
    b'{"data": 1, "type": {}}',
    b'{"data": 1, "type": "' + b"x" * 65 + b'"}',
    b'{"data": 1, "type": "a\\nb"}',
    b'{"data": {"type": "generic"}, "type": "other"}',
    b'{"data": 1, "id": "x"}',
    b'{"data": 1, "payloads": {}}',
    b'{"data": 1, "payloads": [1]}',
    b'{"data": 1, "payloads": [{"id": "x"}]}',
    b'{"data": 1, "payloads": [{"id": "00000000-0000-0000-0000-000000000001", "pointer": "x"}]}',
    b'{"data": 1, "payloads": [{"id": "00000000-0000-0000-0000-000000000001", "pointer": "/no/place"}]}',
    b'{"data": 1, "payloads": [{"id": "00000000-0000-0000-0000-000000000001", "kind": "data"}]}',
]

# A record keeps its id.
CHANGE_NOTHING = (b"", b'{"data": 1, "id": "x"}')


@pytest.mark.parametrize("body", JUNK, ids=lambda body: body[:40])
def test_bodies_that_make_no_sense_are_refused(hands, bob, tree, body):
    editor = hands(bob)
    for method, path in (("POST", ""), ("PUT", f"/{tree['leaf']}"), ("POST", "/$batch"), ("POST", "/$delete")):
        if method == "PUT" and body in CHANGE_NOTHING:
            continue
        answer = editor.raw(method, path, body)
        assert answer.status_code in (400, 404), (method, path, answer.content)
        assert answer.json()["type"].startswith("urn:servicekit:error:")
    assert Record.objects.count() == 4


@pytest.mark.parametrize("body", [b"{}", b'{"root_id": null}', b'{"root_id": []}', b'{"max_depth": 1}', b"[]"])
def test_trees_of_nothing_are_refused(hands, bob, body):
    for path in ("/$tree", "/$expand"):
        assert hands(bob).raw("POST", path, body).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "level=x", "level=-1", "level=64", "parent_id=x", "ids=x", "envelope=maybe", "cursor=%00", "cursor=zz",
        "ids=" + ",".join(["01ARZ3NDEKTSV4RRFFQ69G5FAV"] * 201), "tag=%00", "type=" + "x" * 65,
        "data.a=%00", "data.=x", 'data."=x', "data.a%5C=x", "data.%F0%9F%92%A5=" + "x" * 300,
        "data." + ".".join("abcdefghij") + "=1",
    ],
    ids=lambda query: query[:30],
)  # fmt: skip
def test_queries_that_make_no_sense_are_refused(hands, bob, tree, query):
    answer = hands(bob).get(f"?{query}")
    assert answer.status_code == 400, answer.content
    assert answer.json()["type"].startswith("urn:servicekit:error:")


@pytest.mark.parametrize("path", ["/%00", "/%ff", "/a/b", "/$nothing", "/$tree/x", "/" + "0" * 3000])
def test_addresses_that_lead_nowhere(hands, bob, path):
    assert hands(bob).get(path).status_code in (400, 404)


@pytest.mark.parametrize(
    "query", ["pointer=x", "pointer=/a/b", "pointer=" + "/x" * 2000, "payload=x", "format=xml", "format=csv"]
)
def test_downloads_of_nothing(hands, bob, query):
    record = hands(bob).make({"n": 1})
    answer = hands(bob).get(f"/{record}/$download?{query}")
    assert answer.status_code in (400, 404)


def test_data_has_at_most_16_mib_and_bodies_too(hands, bob, settings):
    answer = hands(bob).raw("POST", "", b'{"data": "' + b"x" * settings.MAX_BODY_BYTES + b'"}')
    assert (answer.status_code, answer.json()["code"]) == (413, "PayloadTooLarge")


def test_a_visitor_sends_no_long_body(hands, open_to_all):
    visitor = hands(to=open_to_all)
    answer = visitor.raw("POST", "", json.dumps({"data": "x" * 70_000}).encode())
    assert (answer.status_code, answer.json()["code"]) == (413, "PayloadTooLarge")
    assert answer.json()["type"] == "urn:servicekit:error:payload-too-large"


def test_a_batch_has_at_most_a_thousand_records(hands, bob):
    answer = hands(bob).post("/$batch", {"items": [{"data": 1}] * 1001})
    assert answer.status_code == 400
    assert not Record.objects.exists()


def test_an_id_is_there_once(hands, bob, tree):
    answer = hands(bob).post("", {"data": 1, "id": tree["leaf"].lower()})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:servicekit:error:conflict")


def test_a_trailing_slash_changes_nothing(hands, bob, tree):
    assert hands(bob).get("/").json() == hands(bob).get().json()
    assert hands(bob).get(f"/{tree['root']}/$tree/").status_code == 200
