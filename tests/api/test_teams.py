"""Teams and members over HTTP."""

import pytest

from accounts.models import Scope


def test_a_team_is_made_read_renamed_and_deleted(api, bob):
    client = api(bob)
    made = client.post("/api/v1/teams", {"name": "pirates", "display_name": "The Pirates"})
    assert made.status_code == 201
    assert (made.json()["role"], made.json()["is_personal"]) == ("admin", False)

    assert client.get("/api/v1/teams/Pirates").json() == made.json()
    changed = client.patch("/api/v1/teams/pirates", {"name": "sailors"}).json()
    assert (changed["name"], changed["display_name"]) == ("sailors", "The Pirates")
    assert client.delete("/api/v1/teams/sailors").status_code == 204
    assert client.get("/api/v1/teams/sailors").json()["code"] == "Missing"


def test_members_come_change_and_go(api, acme, alice, mallory):
    client = api(alice)
    invited = client.post("/api/v1/teams/acme/members", {"username": "mallory", "role": "viewer"})
    assert (invited.status_code, invited.json()["username"], invited.json()["role"]) == (202, "mallory", "viewer")
    assert client.get("/api/v1/teams/acme/members").json()["total"] == 3
    joined = api(mallory).post(f"/api/v1/invitations/{invited.json()['id']}/accept")
    assert (joined.status_code, joined.json()["username"], joined.json()["role"]) == (201, "mallory", "viewer")

    listed = client.get("/api/v1/teams/acme/members").json()["items"]
    assert [(item["username"], item["role"]) for item in listed] == [
        ("alice", "admin"),
        ("bob", "editor"),
        ("mallory", "viewer"),
        ("vera", "viewer"),
    ]
    changed = client.patch("/api/v1/teams/acme/members/mallory", {"role": "editor", "username": "mallory"})
    assert changed.json()["role"] == "editor"
    assert client.patch("/api/v1/teams/acme/members/mallory", {"role": "editor", "username": "bob"}).status_code == 400
    assert api(mallory).delete("/api/v1/teams/acme/members/mallory").status_code == 204
    assert api(mallory).get("/api/v1/teams/acme").status_code == 404


def test_refusals_have_the_right_code(api, acme, alice, vera, mallory):
    members = "/api/v1/teams/acme/members"
    cases = [
        (alice, "post", "/api/v1/teams", {"name": "acme"}, 409, "NameTaken"),
        (alice, "post", "/api/v1/teams", {"name": "Login"}, 400, "Invalid"),
        (alice, "post", "/api/v1/teams", {"name": "x", "display_name": "y" * 201}, 400, "Invalid"),
        (alice, "patch", "/api/v1/teams/alice", {"name": "other"}, 409, "PersonalTeam"),
        (alice, "delete", "/api/v1/teams/alice", None, 409, "PersonalTeam"),
        (alice, "post", members, {"username": "vera", "role": "admin"}, 409, "AlreadyMember"),
        (alice, "post", members, {"username": "no body", "role": "admin"}, 400, "Invalid"),
        (alice, "post", members, {"username": "mallory", "role": "owner"}, 400, "Invalid"),
        (alice, "delete", f"{members}/alice", None, 409, "LastAdmin"),
        (alice, "patch", f"{members}/alice", {"role": "viewer"}, 409, "LastAdmin"),
        (alice, "patch", f"{members}/mallory", {"role": "viewer"}, 404, "Missing"),
        (vera, "post", members, {"username": "mallory", "role": "viewer"}, 403, "Denied"),
        (vera, "patch", f"{members}/vera", {"role": "admin"}, 403, "Denied"),
        (vera, "delete", f"{members}/bob", None, 403, "Denied"),
        (vera, "patch", "/api/v1/teams/acme", {"display_name": "x"}, 403, "Denied"),
        (vera, "delete", "/api/v1/teams/acme", None, 403, "Denied"),
        (mallory, "get", "/api/v1/teams/acme", None, 404, "Missing"),
        (mallory, "get", members, None, 404, "Missing"),
        (mallory, "post", members, {"username": "mallory", "role": "admin"}, 404, "Missing"),
        (mallory, "delete", f"{members}/bob", None, 404, "Missing"),
    ]
    for user, method, at, body, status, code in cases:
        answer = getattr(api(user), method)(at, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (user, method, at, body)
    assert api(alice, Scope.READ).delete("/api/v1/teams/acme").json()["code"] == "ReadOnlyKey"


@pytest.mark.parametrize("url", ["/api/v1/teams", "/api/v1/teams/acme/members"])
def test_lists_cost_the_same_however_long_they_are(api, acme, alice, django_assert_max_num_queries, url):
    client = api(alice)
    client.get("/api/v1/me")
    with django_assert_max_num_queries(4):
        assert client.get(url).json()["total"] > 1
