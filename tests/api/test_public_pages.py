"""Schema, docs, headers: what everybody may load, and what it may load in turn."""

import pytest
from django.test import Client


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


def test_the_docs_come_from_here_without_inline_scripts(client):
    page = client.get("/api/v1/docs")
    assert "//" not in page.content.decode().replace("https://www.w3.org", "").split("<body>")[1]
    policy = directives(page)
    assert policy["script-src"] == ["'self'"]
    assert policy["style-src"] == ["'self'", "'unsafe-inline'"]
    script = client.get("/api/v1/docs?script=")
    assert script["Content-Type"].startswith("application/javascript")


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
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            recorded = set(operation["responses"])
            assert {"400", "401", "403", "404", "406"} <= recorded, (method, path)
            # Two reads conflict as well: bytes that are corrupt, or not there yet.
            assert "409" in recorded or method == "get", (method, path)
            assert ("415" in recorded) == ("requestBody" in operation), (method, path)
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
