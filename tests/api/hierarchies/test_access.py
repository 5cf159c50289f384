"""Every address below the base of a hierarchy, walked from the resolver: who gets in, by which way, and to do what."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts.actor import Actor
from accounts.models import Scope
from artifacts.models import Blob
from hierarchies import hierarchies
from hierarchies.models import Hierarchy, Record
from tests.api.hierarchies.test_downloads import attach

METHODS = ("get", "head", "post", "put", "delete")
NDJSON = "application/x-ndjson"
# By what each address is called: what a client would send.
BODIES = {
    "record-list": {"data": {"n": 1}},
    "record": {"tags": ["x"]},
    "record-tree-search": {"root_id": "{root}"},
    "record-expand-search": {"artifact_id": "{root}"},
    "record-batch": {"items": [{"data": 1}]},
    "record-delete-many": {"ids": ["{leaf}"]},
    "record-payloads": {"payloads": [{"sha256": "0" * 64, "size": 1}]},
}
READ_BY_POST = {"record-tree-search", "record-expand-search"}


class Call(NamedTuple):
    name: str
    path: str
    view: type[APIView]
    method: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @property
    def reads(self) -> bool:
        return self.method in ("get", "head") or self.name in READ_BY_POST


def walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[Call]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, path)
        elif path.startswith("h/"):
            view = pattern.callback.cls
            for method in METHODS:
                if hasattr(view, "get" if method == "head" else method):
                    yield Call(pattern.name, path, view, method)


CALLS = list(walk(get_resolver().url_patterns))
WRITES = [call for call in CALLS if not call.reads]


@pytest.fixture
def send(tree) -> Callable[..., HttpResponse]:
    def answer(client: APIClient, call: Call, to: Hierarchy | None = None, **headers: str) -> HttpResponse:
        values = {"team": "acme", "project": "demo", "hierarchy": to.name if to else "trees"}
        values["record_id"] = tree["root" if call.reads or call.method == "put" else "leaf"]
        path = "/" + re.sub(r"<\w+:(\w+)>", lambda match: values[match[1]], call.path)
        if call.name == "record-import":
            return client.generic("POST", path, b'{"data": 1}', content_type=NDJSON, headers=headers)
        body = BODIES.get(call.name) if call.method in ("post", "put") else None
        if call.method in ("get", "head"):
            return getattr(client, call.method)(path, headers=headers)
        return getattr(client, call.method)(path, _named(body, tree), headers=headers)

    return answer


def _named(body, tree):
    if isinstance(body, dict):
        return {name: _named(value, tree) for name, value in body.items()}
    if isinstance(body, list):
        return [_named(value, tree) for value in body]
    return body.format(**tree) if isinstance(body, str) and body.startswith("{") else body


def test_there_is_something_to_walk_and_every_view_says_who_gets_in():
    assert len({call.path for call in CALLS}) == 16
    assert {call.view.__name__ for call in CALLS if "permission_classes" not in vars(call.view)} == set()


def test_a_visitor_learns_nothing(send, api, subtests):
    for call in CALLS:
        with subtests.test(str(call)):
            answer = send(api(), call)
            assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
            assert call.method == "head" or answer.json()["type"] == "urn:servicekit:error:unauthorized"
    assert Record.objects.count() == 4


@pytest.mark.parametrize("key", ["Bearer wllm_wrong", "Bearer", "Token \xff"])
def test_a_wrong_key_opens_nothing_not_even_what_is_public(send, public, key, subtests):
    for call in CALLS:
        with subtests.test(str(call)):
            assert send(APIClient(headers={"Authorization": key}), call, public).status_code == 401


def test_a_stranger_learns_nothing(send, api, mallory, subtests):
    client = api(mallory)
    for call in CALLS:
        with subtests.test(str(call)):
            answer = send(client, call)
            assert answer.status_code == 404
            assert call.method == "head" or answer.json()["code"] == "HierarchyNotFound"
    assert Record.objects.count() == 4


def test_a_viewer_reads_and_does_not_write(send, api, vera, subtests):
    client = api(vera)
    for call in CALLS:
        with subtests.test(str(call)):
            assert send(client, call).status_code == (200 if call.reads else 403)
    assert Record.objects.count() == 4


def test_a_key_that_reads_reads_and_writes_nothing(send, api, bob, subtests):
    client = api(bob, scope=Scope.READ)
    for call in CALLS:
        with subtests.test(str(call)):
            answer = send(client, call)
            assert answer.status_code == (200 if call.reads else 403)
            assert call.reads or answer.json()["code"] == "ReadOnlyKey"
    assert Record.objects.count() == 4


@pytest.mark.parametrize("who", ["bob", "alice"])
def test_editors_and_admins_write(send, api, request, who, subtests):
    client = api(request.getfixturevalue(who))
    for call in [*WRITES, *CALLS]:
        with subtests.test(str(call)):
            # What was deleted before is not there any more.
            assert send(client, call).status_code in (200, 201, 204, 404)
    assert {call.method for call in WRITES} == {"post", "put", "delete"}


def test_what_is_public_is_read_without_a_key_and_written_by_nobody_else(
    send, api, alice, hierarchy, mallory, subtests
):
    hierarchies.update(Actor(alice), hierarchy, access="public")
    for call in CALLS:
        with subtests.test(str(call)):
            assert send(api(), call).status_code == (200 if call.reads else 401)
            assert send(api(mallory), call).status_code == (200 if call.reads else 403)
    assert Record.objects.count() == 4


def test_what_is_open_is_written_without_a_key_from_this_machine(hands, open_to_all):
    visitor = hands(to=open_to_all)
    root = visitor.make({"experiment": "test"})
    child = visitor.post("", {"parent_id": root, "data": {"model": "trained"}}).json()
    assert child["created_by"] is None
    assert visitor.post("/$tree", {"root_id": root}).json()["children"][0]["id"] == child["id"]
    assert visitor.put(f"/{child['id']}", {"data": 2}).json()["data"] == 2
    assert visitor.delete(f"/{child['id']}").status_code == 204


@pytest.mark.parametrize(
    "fault",
    [
        {"REMOTE_ADDR": "192.0.2.1"},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.1"},
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
    ],
    ids=str,
)
def test_what_is_open_is_open_to_this_machine_alone(hands, open_to_all, fault):
    visitor = hands(to=open_to_all)
    assert visitor.post("", {"data": 1}, **fault).status_code == 401
    assert visitor.get("", **fault).status_code == 200


def test_a_name_that_leads_here_from_elsewhere_opens_nothing(hands, open_to_all, settings):
    settings.ALLOWED_HOSTS = ["*"]
    answer = hands(to=open_to_all).post("", {"data": 1}, headers={"Host": "rebound.example"})
    assert answer.status_code == 401


def test_on_a_server_for_others_open_is_public(hands, open_to_all, settings):
    settings.BASE_URL = "https://registry.example"
    assert hands(to=open_to_all).post("", {"data": 1}).status_code == 401
    assert hands(to=open_to_all).get().status_code == 200


def test_a_session_writes_only_with_its_token(open_to_all, alice, hierarchy):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(alice)
    for one in (open_to_all, hierarchy):
        answer = client.post(f"/h/{one.full_name}/api/v1/artifacts", {"data": 1})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:servicekit:error:forbidden")
    assert client.get(f"/h/{hierarchy.full_name}/api/v1/artifacts").status_code == 200
    assert not Record.objects.exists()


def test_a_form_of_another_site_is_no_json(open_to_all, hands):
    for type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert hands(to=open_to_all).raw("POST", "", b'{"data": 1}', type).status_code == 415


def test_what_is_switched_off_is_not_allowed_and_says_what_is(hands, alice, bob, hierarchy, tree):
    off = dict.fromkeys(("delete", "update", "export"), False)
    hierarchies.update(Actor(alice), hierarchy, permissions=off)
    editor = hands(bob)
    refusals = [
        (editor.delete(f"/{tree['leaf']}"), "GET, HEAD, OPTIONS"),
        (editor.put(f"/{tree['leaf']}", {"data": 1}), "GET, HEAD, OPTIONS"),
        (editor.post("/$delete", {"ids": [tree["leaf"]]}), "OPTIONS"),
        (editor.get("/$export"), "OPTIONS"),
    ]
    for answer, allowed in refusals:
        assert (answer.status_code, answer["Allow"]) == (405, allowed)
        assert answer.json()["type"] == "urn:servicekit:error:method-not-allowed"
        assert "switched off" in answer.json()["detail"]
    assert editor.post("", {"data": 1}).status_code == 201
    assert editor.patch(f"/{tree['leaf']}", {"data": 1}).status_code == 405


def test_a_renamed_project_is_found_by_its_old_name(hands, bob, alice, project, tree):
    editor = hands(bob)
    editor.client.patch(f"/api/v1/projects/{project.pk}", {"name": "moved"})
    assert editor.get(f"/{tree['root']}").json()["id"] == tree["root"]


def test_to_who_does_not_see_the_project_a_hash_is_no_ticket(hands, open_to_all, bob, mallory, store):
    """Not even to learn whether the project has such bytes: `put` says where to send them."""
    secret = b"private of the project"
    attach(hands(bob), secret)
    assert Blob.objects.update(state=Blob.State.VERIFIED) == 1
    size, sha256 = len(secret), hashlib.sha256(secret).hexdigest()
    specs = {"payloads": [{"sha256": sha256, "size": size}]}
    names = {"_type": "", "_module": "", "_repr": "", "_serialization_error": ""}
    pk = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    record = {"kind": "record", "id": pk, "data": {"content": names}, "payloads": 1}
    payload = {"kind": "payload", "record_id": pk, "payload_kind": "bytes", "pointer": "/content", "sha256": sha256}
    lines = "\n".join(map(json.dumps, [record, payload | {"size": size, "content_type": "text/plain"}])).encode()

    [known] = hands(bob, open_to_all).post("/$payloads", specs).json()["payloads"]
    assert known["put"] is None
    for person in (None, mallory):
        stranger = hands(person, open_to_all)
        [announced] = stranger.post("/$payloads", specs).json()["payloads"]
        assert announced["put"] and announced["id"] != known["id"]
        own = {"pointer": "/content", "content_type": "text/plain"}
        for id in (announced["id"], known["id"]):
            answer = stranger.post("", {"data": {"content": None}, "payloads": [own | {"id": id}]})
            assert answer.status_code in (400, 404, 409), answer.content
        assert stranger.raw("POST", "/$import", lines, NDJSON).status_code in (400, 409)
        # Who has the bytes may send them.
        assert attach(stranger, secret)["payloads"][0]["size"] == size
    assert hands(bob, open_to_all).raw("POST", "/$import", lines, NDJSON).status_code == 201
