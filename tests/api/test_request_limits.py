"""What every request must keep to, and how refusals look."""

import json

import pytest
from django.test import Client

from accounts import teams
from accounts.actor import Actor

PROBLEM = "application/problem+json"


def test_a_trailing_slash_changes_nothing_under_api(api, alice):
    client = api(alice)
    assert client.get("/api/v1/me/").json() == client.get("/api/v1/me").json()
    assert client.post("/api/v1/teams/", {"name": "pirates"}).status_code == 201


def test_every_answer_has_a_request_id(client, db):
    given = client.get("/healthz", headers={"X-Request-ID": "abc-123"})
    assert given["X-Request-ID"] == "abc-123"

    for odd in ("", "two words", "x" * 65, "<script>"):
        made = client.get("/healthz", headers={"X-Request-ID": odd})
        assert len(made["X-Request-ID"]) == 36


def test_a_body_too_large_is_refused_unread(alice, api, settings):
    answer = api(alice).generic(
        "POST", "/api/v1/teams", b"{}", content_type="application/json", CONTENT_LENGTH=str(settings.MAX_BODY_BYTES + 1)
    )
    assert (answer.status_code, answer.json()["code"], answer["Content-Type"]) == (413, "PayloadTooLarge", PROBLEM)

    page = Client().generic("POST", "/admin/login/", b"", CONTENT_LENGTH=str(50 * 2**20))
    assert page.status_code == 413
    assert page["Content-Type"].startswith("text/html")


def test_a_body_of_unknown_length_is_refused(api, alice):
    answer = api(alice).generic(
        "POST", "/api/v1/teams", b"{}", content_type="application/json", HTTP_TRANSFER_ENCODING="chunked"
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "url", ["/api/v1/teams/a%00b", "/api/v1/teams/%ff", "/api/v1/teams?page=%00", "/api/v1/runs?search=%ff"]
)
def test_urls_that_are_no_text_are_refused(api, alice, url):
    answer = api(alice).get(url)

    assert (answer.status_code, answer.json()["code"], answer["Content-Type"]) == (400, "Invalid", PROBLEM)


def test_other_letters_are_text(api, alice):
    assert api(alice).get("/api/v1/teams/%E2%82%AC").status_code == 404
    assert api(alice).get("/api/v1/projects?search=%E2%82%AC%25_").json()["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b'{"name": NaN}',
        b'{"name": "\\ud800"}',
        b'{"name": "a\\u0000b"}',
        b'{"\\u0000": 1, "name": "pirates"}',
        b'{"name": [[["\\udfff"]]]}',
        b"[" * 100_000,
        b'{"name": ' + b"9" * 5000 + b"}",
        b'\xef\xbb\xbf{"name": "pirates"}',
    ],
)
def test_bodies_that_are_no_plain_json_are_refused(api, alice, body):
    answer = api(alice).generic("POST", "/api/v1/teams", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"], answer["Content-Type"]) == (400, "Invalid", PROBLEM)


@pytest.mark.parametrize("value", [b"[]", b"1"])
def test_a_body_of_too_many_values_is_refused_before_it_is_parsed(api, alice, value):
    body = b'{"name": "pirates", "other": [' + b",".join([value] * 2**20) + b"] and what is no JSON"
    answer = api(alice).generic("POST", "/api/v1/teams", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert "1,048,576 values" in answer.json()["detail"]


@pytest.mark.parametrize("text", ["[" * 300_000, "," * 2**21, '\\"{' * 300_000, '\\\\"' + ',"",' * 300_000 + '"'])
def test_what_a_text_contains_are_no_values(api, alice, text):
    answer = api(alice).generic("POST", "/api/v1/teams", f'{{"name": "{text}"}}', content_type="application/json")
    assert "values" not in answer.json()["detail"]


def test_a_text_without_an_end_is_no_json(api, alice):
    body = b'{"name": "' + b'\\"[' * 300_000 + b"\\"
    answer = api(alice).generic("POST", "/api/v1/teams", body, content_type="application/json")
    assert "not JSON" in answer.json()["detail"]


def test_escapes_that_only_look_bad_are_fine(api, alice):
    body = rb'{"name": "pirates", "display_name": "\\u0000 \\ud800 \ud83c\udff4"}'
    answer = api(alice).generic("POST", "/api/v1/teams", body, content_type="application/json")

    assert answer.status_code == 201
    assert answer.json()["display_name"] == "\\u0000 \\ud800 🏴"


def test_other_media_types_are_refused(api, alice):
    answer = api(alice).generic("POST", "/api/v1/teams", b"name=x", content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["code"]) == (415, "UnsupportedMediaType")
    answer = api(alice).get("/api/v1/teams", headers={"Accept": "text/csv"})
    assert (answer.status_code, answer["Content-Type"]) == (406, PROBLEM)


def test_urls_that_lead_nowhere_answer_as_problems(client, db):
    answer = client.get("/api/v1/nowhere", headers={"X-Request-ID": "abc"})
    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at this URL.",
        "code": "Missing",
        "request_id": "abc",
    }
    assert client.get("/nowhere")["Content-Type"].startswith("text/html")


def test_a_method_that_is_not_there_says_which_are(api, alice):
    answer = api(alice).put("/api/v1/me", {})
    assert (answer.status_code, answer.json()["code"]) == (405, "MethodNotAllowed")
    assert "GET" in answer["Allow"]


def test_a_bug_is_a_problem_with_an_id_and_no_trace(api, alice):
    alice.personal_team.memberships.all().delete()
    alice.personal_team.delete()
    answer = api(alice).post("/api/v1/projects", {"name": "homeless"})

    assert (answer.status_code, answer["Content-Type"]) == (500, PROBLEM)
    assert answer.json()["request_id"] == answer["X-Request-ID"]
    assert "Traceback" not in answer.content.decode() and "DoesNotExist" not in answer.content.decode()


def test_a_wrong_host_is_a_problem(db):
    answer = Client(raise_request_exception=False).get("/api/v1/me", headers={"Host": "evil.example"})
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)


def test_field_errors_have_dotted_paths(api, project, alice):
    answer = api(alice).post("/api/v1/runs", {"project": "acme/demo", "tags": ["fine", "", 3, {}], "config": []}).json()

    assert answer["errors"]["config"] == ["Expected a JSON object."]
    assert set(answer["errors"]) == {"config", "tags.1", "tags.3"}
    assert answer["detail"].startswith(("config: ", "tags.1: "))
    assert answer["detail"].endswith("(2 more under `errors`.)")


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=2", "page_size=0", "page_size=201", "page=1e9"])
def test_pages_out_of_bounds_are_refused(api, alice, query):
    answer = api(alice).get(f"/api/v1/teams?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")


def test_pages_are_numbered(api, alice):
    for number in range(4):
        teams.create(Actor(alice), f"team{number}")

    first = api(alice).get("/api/v1/teams?page_size=2").json()
    assert (first["total"], first["page"], first["page_size"], first["total_pages"]) == (5, 1, 2, 3)
    last = api(alice).get("/api/v1/teams?page_size=2&page=3").json()
    assert [item["name"] for item in first["items"] + last["items"]] == ["alice", "team0", "team3"]
    assert api(alice).get(f"/api/v1/teams?page_size=2&page={10**30}").status_code == 400


def test_page_one_of_nothing_is_fine(api, alice):
    empty = api(alice).get("/api/v1/projects?page=1").json()
    assert (empty["items"], empty["total"], empty["total_pages"]) == ([], 0, 0)


def test_of_a_huge_body_of_errors_the_first_are_listed(api, project, alice):
    answer = api(alice).post("/api/v1/runs", {"project": "acme/demo", "tags": [""] * 5000})
    assert len(answer.json()["errors"]) == 100
    assert len(json.dumps(answer.json())) < 10_000
