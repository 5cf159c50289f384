"""What `POST /graphql` takes: one bounded document. Whatever else is sent is refused in words, and nothing is a 5xx."""

import base64
import json
from typing import Any

import pytest
from django.http import HttpResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wandb_api.graphql_client import GraphqlClient
from wandb_api import documents, resolvers

VIEWER = "query V { viewer { username } }"


@pytest.fixture
def client(alice) -> GraphqlClient:
    return GraphqlClient(alice)


def send(client: GraphqlClient, body: bytes | str, content_type: str = "application/json", **more: Any) -> HttpResponse:
    return client._client.generic("POST", "/graphql", body, content_type=content_type, headers=client.headers | more)


def message_of(response: HttpResponse) -> str:
    assert response["Content-Type"] == "application/json"
    [first, *_] = response.json()["errors"]
    assert first.keys() <= {"message", "extensions"}
    return first["message"]


def test_one_operation_is_answered(client):
    for operation in ("", None, "V", "anything"):
        body = json.dumps({"query": VIEWER, "operationName": operation})
        assert send(client, body).json() == {"data": {"viewer": {"username": "alice"}}}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"1", b'"x"', b"{}", b'{"query": null}', b'{"query": 1}', b'{"query": []}', b"\xff",
     b'{"query": "{ viewer { id } }", "variables": [1]}', b'{"query": "{ viewer { id } }", "variables": "x"}',
     b'{"query": "{ viewer { id } }", "variables": 1}', b"[" * 100_000, b'{"query": "\\ud800"}',
     b'{"query": "{ viewer { id \\u0000 } }"}', b'[{"query": "{ viewer { id } }"}]'],
)  # fmt: skip
def test_what_is_no_request_is_refused(client, body):
    response = send(client, body)
    assert response.status_code == 400
    assert message_of(response)


@pytest.mark.parametrize(
    "query",
    ["", " ", "{", "}", "viewer", "{ nothing }", "{ viewer }", "{ viewer { nothing } }",
     "query ($x: Nope) { viewer { id } }",
     "query ($x: Int!) { viewer { id } }", "subscription { viewer { id } }", "fragment F on User { id }",
     "{ viewer { ...F } } fragment F on User { id ...F }", "query A { viewer { id } } query B { viewer { id } }",
     "{ viewer { id @nope } }", "{ viewer { id(x: 1) } }", "mutation { nothing }", "query { viewer { ...G } }",
     "{ viewer { id } } type X { y: Int }", "schema { query: Query }"],
)  # fmt: skip
def test_a_document_that_is_none_of_the_schema_is_refused(client, query):
    response = client.post(query)
    assert response.status_code == 400
    assert message_of(response)


def test_documents_are_bounded(client):
    deep = "query { viewer { teams { edges { node { " + "projects { edges { node { entity { " * 10
    deep += "id" + " }" * (5 + 4 * 10)
    aliases = "query { " + " ".join(f"a{n}: serverInfo {{ features {{ name }} }}" for n in range(3_000)) + " }"
    doubling = (
        "query { viewer { ...F0 } } "
        + " ".join(f"fragment F{n} on User {{ ...F{n + 1} ...F{n + 1} }}" for n in range(30))
        + " fragment F30 on User { id }"
    )
    nested = "query { viewer { id } }".replace("id", "{" * 10_000)
    long = f"query {{ viewer {{ id }} }} # {'x' * documents.MAX_LENGTH}"
    for query, words in (
        (deep, "levels deep"), (aliases, ""), (doubling, "fields"), (nested, ""), (long, "characters"),
    ):  # fmt: skip
        response = client.post(query)
        assert response.status_code == 400
        assert words in message_of(response)


def test_rows_are_bounded(client):
    lists = " ".join(f"m{n}: models(first: 10000) {{ edges {{ node {{ id }} }} }}" for n in range(10))
    assert "rows" in message_of(client.post(f"query {{ {lists} }}"))
    for size in (-1, 2**31 - 1):
        answer = client.post("query Q($n: Int) { models(first: $n) { edges { node { id } } } }", n=size)
        assert answer.status_code == 200
    too_large = client.post("query Q($n: Int) { models(first: $n) { edges { node { id } } } }", n=2**31)
    assert "32-bit" in message_of(too_large)


@pytest.mark.parametrize(
    "field",
    ["runCount", 'artifactCollectionMembership(name: "data:latest") { id }', 'bucket(name: "$run") { historyTail }',
     'bucket(name: "$run") { files(first: 1) { totalCount } }', 'artifactType(name: "model") { id }'],
)  # fmt: skip
def test_reads_are_bounded_however_few_rows_they_have(client, artifact, v1, run, field):
    def ask(count: int) -> HttpResponse:
        fields = " ".join(f"a{number}: {field.replace('$run', run.name)}" for number in range(count))
        return client.post(f'{{ project(name: "demo", entityName: "acme") {{ {fields} }} }}')

    assert "errors" not in ask(8).json()
    refused = ask(250)
    assert refused.status_code == 200
    assert "queries" in message_of(refused)
    # Not once for each field.
    assert len(refused.json()["errors"]) == 1


def test_mutations_are_bounded_and_so_is_what_is_read_of_their_results(client, project):
    def mutations(count: int, selection: str) -> str:
        input = '{entityName: "acme", name: "demo"}'
        return " ".join(f"m{number}: upsertModel(input: {input}) {{ {selection} }}" for number in range(count))

    assert client.ask(f"mutation {{ {mutations(documents.MAX_MUTATIONS, 'inserted')} }}")
    for text in ("mutation {{ {} }}", "mutation {{ ...F }} fragment F on Mutation {{ {} }}"):
        refused = client.post(text.format(mutations(documents.MAX_MUTATIONS + 1, "inserted")))
        assert refused.status_code == 400
        assert "mutations" in message_of(refused)
    counts = " ".join(f"a{number}: runCount" for number in range(250))
    assert "queries" in message_of(client.post(f"mutation {{ {mutations(1, f'project {{ {counts} }}')} }}"))


def test_lists_of_the_variables_are_bounded(client, run):
    names = ["x"] * (documents.MAX_ITEMS + 1)
    query = """query Q($names: [String!]) { project(name: "demo", entityName: "acme") {
        bucket(name: "%s") { files(names: $names) { totalCount } } } }"""
    assert client.ask(query % run.name, names=names[1:])["project"]["bucket"]["files"] == {"totalCount": 0}
    refused = client.post(query % run.name, names=names)
    assert refused.status_code == 400
    assert "10,000 items" in message_of(refused)
    query = """query Q($filters: JSONString) { project(name: "demo", entityName: "acme") {
        artifactCollections(filters: $filters) { totalCount } } }"""
    assert "over 1,000 values" in message_of(client.post(query, filters=json.dumps({"name": {"$in": names}})))


def test_keys_that_inputs_do_not_have_are_dropped(client, project):
    input = {"entityName": "acme", "name": "demo", "description": "known", "fromTheFuture": {"a": [1]}, "id": None}
    answer = client.post(
        "mutation M($input: UpsertModelInput!) { upsertModel(input: $input) { inserted } }", input=input
    )
    assert answer.json() == {"data": {"upsertModel": {"inserted": False}}}


def test_the_schema_tells_of_itself_also_without_a_key(client):
    query = '{ __type(name: "Artifact") { fields { name } } __schema { queryType { name } } __typename }'
    for headers in ({}, client.headers):
        answer = client._client.post("/graphql", {"query": query}, content_type="application/json", headers=headers)
        assert answer.json()["data"]["__schema"] == {"queryType": {"name": "Query"}}


def test_other_methods_and_content_types(client):
    for method in ("GET", "PUT", "PATCH", "DELETE", "HEAD"):
        response = client._client.generic(method, "/graphql?query={viewer{id}}", headers=client.headers)
        assert response.status_code == 405
    body = json.dumps({"query": VIEWER})
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "image/png", ""):
        assert send(client, body, content_type).status_code in (200, 400, 415)
    assert send(client, b"\x1f\x8b", **{"Content-Encoding": "gzip"}).status_code in (400, 415)


def test_a_browser_cannot_be_led_to_it(browser, alice):
    """There is no session here: a form on another page would otherwise act for whoever is signed in."""
    response = browser(alice).post("/graphql", {"query": VIEWER}, content_type="application/json")
    assert response.json() == {"data": {"viewer": None}}
    query = "query { models { edges { node { id } } } }"
    assert browser(alice).post("/graphql", {"query": query}, content_type="application/json").status_code == 401


def test_keys_that_are_none(client):
    for value in ("Basic", "Basic x", "Basic é", "Basic " + base64.b64encode(b"api").decode(), "Bearer", "Token x"):
        response = client._client.post(
            "/graphql", {"query": "{ models { edges { node { id } } } }"}, content_type="application/json",
            headers={"Authorization": value},
        )  # fmt: skip
        assert response.status_code == 401
        assert "wandb login" in message_of(response)


def test_what_is_not_served_yet_is_said_and_not_tried_again(client):
    answer = client.post("mutation M($input: CreateAgentInput!) { createAgent(input: $input) { agent { id } } }",
                         input={"host": "x"})  # fmt: skip
    assert answer.status_code in (200, 400)
    assert answer.json()["errors"]


def test_what_is_not_served_yet_is_logged_once(client, caplog):
    resolvers._log_once.cache_clear()
    for _ in range(2):
        client.post("mutation M($input: CreateAgentInput!) { createAgent(input: $input) { agent { id } } }",
                    input={"host": "x", "sweep": "x"})  # fmt: skip
    [record] = [one for one in caplog.records if one.name == "wandb_api.resolvers"]
    assert "Mutation.createAgent" in record.getMessage()


def test_long_documents_are_not_remembered():
    padded = VIEWER + " #" + "x" * documents._CACHED_LENGTH
    assert documents.read(VIEWER) is documents.read(VIEWER)
    assert documents.read(padded) is not documents.read(padded)


def test_text_that_no_database_stores(client, project):
    """Wherever it stands: in the document, in its variables, or in JSON that is a text in these."""
    query = """query Q($filters: JSONString) {
        project(name: "demo", entityName: "acme") { runs(filters: $filters) { totalCount } } }"""
    for text in ("\\u0000", "\\ud800"):
        for filters in (f'{{"config.x": "{text}"}}', f'{{"config.{text}": 1}}'):
            assert client.ask(query, filters=filters)["project"]["runs"] == {"totalCount": 0}
    for text in ("\\u0000", "\\u{0}"):
        assert "NUL" in message_of(client.post(f'{{ project(name: "{text}", entityName: "acme") {{ id }} }}'))


words = st.sampled_from(
    [
        "query",
        "mutation",
        "{",
        "}",
        "(",
        ")",
        "viewer",
        "id",
        "$x",
        ":",
        "Int",
        "...",
        "on",
        "User",
        "@skip",
        "(if:true)",
        '"',
        '"""',
        "#",
        "999999999999",
        "é",
        "!",
        "[",
        "]",
        "=",
        "teams",
    ]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, max_size=30).map(" ".join))
def test_no_document_breaks_it(client, query):
    assert client.post(query).status_code in (200, 400)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything)
def test_no_variables_break_it(client, value):
    for type_ in ("Int", "String", "ID"):
        response = client.post(f"query Q($x: {type_}) {{ models(first: 1, entityName: $x) {{ __typename }} }}", x=value)
        assert response.status_code in (200, 400)
    response = client.post(
        "mutation M($input: UpsertModelInput!) { upsertModel(input: $input) { inserted } }", input=value
    )
    assert response.status_code in (200, 400)
