"""Schema, docs, headers: what everybody may load, and what it may load in turn."""

import ast
import re

import pytest
from django.test import Client

from api import examples, reference


def directives(response) -> dict[str, list[str]]:
    policy = response["Content-Security-Policy"].split(";")
    return {name: sources for name, *sources in (part.split() for part in policy)}


def test_visitors_have_to_sign_in(client):
    assert client.get("/")["Location"] == "/login?next=/"
    assert client.get("/healthz").content == b"ok\n"


def test_nothing_inline_unless_allowed(client):
    policy = directives(client.get("/healthz"))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == policy["form-action"] == ["'self'"]
    assert policy["object-src"] == policy["frame-ancestors"] == ["'none'"]


def test_the_reference_shows_every_operation_under_the_policy_of_all_pages(client, db, schema):
    page = client.get("/api/v1/docs")
    html = page.content.decode()

    assert directives(page) == directives(client.get("/healthz"))
    assert "<script>" not in html and "style=" not in html
    ids = [operation["operationId"] for row in schema["paths"].values() for operation in row.values()]
    assert all(f'<article class="operation" id="{name.replace("_", "-")}">' in html for name in ids)
    targets = set(re.findall(r'href="#([^"]+)"', html))
    assert targets <= set(re.findall(r'\bid="([^"]+)"', html)) and len(targets) > len(ids)
    assert "export WANLLMDB_BASE_URL=http" in html


def test_the_reference_shows_parameters_bodies_answers_and_examples(client, db):
    html = client.get("/api/v1/docs").content.decode()
    operation = " ".join(html.split('id="aliases-move"')[1].split("</article>")[0].split())

    assert '<h3><a href="#aliases-move">Create an alias (201), or move it (200)</a></h3>' in operation
    assert '<dt><code>artifact_id</code> <span class="required">required</span></dt>' in operation
    assert "<code>*</code>: only if the alias does not exist." in operation
    assert "Up to 128 characters." in operation
    assert '<a href="#schema-Alias">Alias</a>' in operation
    assert "$WANLLMDB_BASE_URL/api/v1/artifacts/$ARTIFACT_ID/aliases" in operation
    assert "--data &#x27;{&quot;alias&quot;: &quot;production&quot;" in operation
    assert "api(&quot;POST&quot;, f&quot;/api/v1/artifacts/{artifact_id}/aliases&quot;, {" in operation


def test_examples_of_requests_fit_the_schema_and_are_python():
    for group in reference.load().groups:
        for operation in group.operations:
            ast.parse(operation.python)
    schemas = {"Thing": {"type": "object", "properties": {"on": {"type": "boolean"}, "none": {"type": "null"}}}}
    body = examples.of({"$ref": "#/components/schemas/Thing"}, schemas, is_request=True)
    call = ast.parse(examples.python("POST", "/things", body)).body[0].value
    assert ast.literal_eval(call.args[2]) == body == {"on": True, "none": None}


def test_the_admin_alone_may_evaluate(client, db):
    policy = directives(client.get("/admin/login/"))
    assert policy["script-src"] == ["'self'", "'unsafe-eval'"]
    assert policy["frame-ancestors"] == ["'none'"]


@pytest.fixture(scope="module")
def schema() -> dict:
    answer = Client().get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    return answer.json()


def test_the_schema_names_every_refusal(schema):
    assert schema["openapi"].startswith("3.1")
    groups = {tag["name"] for tag in schema["tags"]}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            recorded = set(operation["responses"])
            assert {"400", "401", "403", "404", "406"} <= recorded, (method, path)
            # Two reads conflict as well: bytes that are corrupt, or not there yet.
            assert "409" in recorded or method == "get", (method, path)
            assert ("415" in recorded) == ("requestBody" in operation), (method, path)
            assert operation["summary"] and operation["tags"][0] in groups, (method, path)
    problem = schema["paths"]["/api/v1/me"]["get"]["responses"]["401"]["content"]["application/problem+json"]
    assert problem == {"schema": {"$ref": "#/components/schemas/Problem"}}


def test_the_schema_is_exact(schema):
    [run_id] = schema["paths"]["/api/v1/runs/{run_id}"]["get"]["parameters"]
    assert run_id["schema"] == {"type": "string", "format": "uuid"}
    operations = [operation["operationId"] for row in schema["paths"].values() for operation in row.values()]
    assert len(set(operations)) == len(operations)
    assert schema["components"]["securitySchemes"]["apiKey"]["scheme"] == "bearer"
    page = schema["components"]["schemas"]["ProjectItemPage"]
    assert page["required"] == ["items"]
    assert page["properties"].keys() == {"items", "total", "page", "page_size", "total_pages", "next_cursor"}
