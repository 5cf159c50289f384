"""What the document that aliases began with promises of the server, names as limits, and puts off: each by its name.

Of its future enhancements, the notifications are told of in tests/notifications.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise

import pytest
from django.db import IntegrityError, connection, transaction
from django.http import HttpResponse
from django.utils import timezone

from artifacts.models import AliasChange, Artifact, ArtifactAlias, ArtifactVersion
from tests.artifacts.client import log
from tests.conftest import person


@pytest.fixture
def url(artifact: Artifact) -> str:
    return f"/api/v1/artifacts/{artifact.pk}/aliases"


@pytest.fixture
def move(api, url) -> Callable[..., HttpResponse]:
    """`move(bob, "production", v1, reason=…)`"""

    def post(user, alias: str, to: ArtifactVersion, *, headers: dict[str, str] | None = None, **more) -> HttpResponse:
        return api(user).post(url, {"alias": alias, "version_id": str(to.pk), **more}, headers=headers or {})

    return post


# --- Success criteria, backend ----------------------------------------------------------------------------------------


def test_success_aliases_can_be_created_via_api(move, bob, artifact, v1):
    answer = move(bob, "production", v1)

    assert answer.status_code == 201
    body = answer.json()
    assert (body["artifact_id"], body["version_id"], body["alias"]) == (str(artifact.pk), str(v1.pk), "production")
    assert body["created_by"] == "bob"
    assert datetime.fromisoformat(body["created_at"]) <= datetime.fromisoformat(body["updated_at"]) <= timezone.now()


def test_success_aliases_automatically_move_when_reassigned(move, alice, bob, artifact, v1, v2):
    made, moved = move(bob, "production", v1), move(alice, "production", v2)

    assert (made.status_code, moved.status_code) == (201, 200)
    assert made.json()["id"] == moved.json()["id"]
    assert (moved.json()["version"], moved.json()["created_at"]) == ("v2", made.json()["created_at"])
    # So do those that a new version is logged with.
    v3 = log(bob, artifact, {"three": b"3"}, "production")
    assert {row.alias: row.version for row in artifact.alias_set.all()} == {"production": v3, "latest": v3}


def test_success_unique_constraint_enforced(move, bob, artifact, v1, v2):
    for to in (v1, v2, v1):
        move(bob, "production", to)

    assert artifact.alias_set.filter(alias="production").count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        ArtifactAlias.objects.create(artifact=artifact, alias="production", version=v2)
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, ArtifactAlias._meta.db_table)
    assert any(item["unique"] and item["columns"] == ["artifact_id", "alias"] for item in constraints.values())


def test_success_aliases_can_be_listed_and_deleted(move, api, bob, vera, url, v1):
    for alias in ("stable", "production"):
        move(bob, alias, v1)

    listed = api(vera).get(url).json()
    assert (listed["total"], [item["alias"] for item in listed["items"]]) == (3, ["production", "latest", "stable"])
    assert api(bob).delete(f"{url}/stable").status_code == 204
    assert [item["alias"] for item in api(vera).get(url).json()["items"]] == ["production", "latest"]
    assert api(vera).get(f"{url}/stable").status_code == 404


def test_success_version_can_be_fetched_by_alias(move, api, bob, vera, url, v1, v2):
    move(bob, "production", v1)
    rendered = api(vera).get(f"{url}/production").json()
    resolved = api(vera).get("/api/v1/artifacts/resolve", {"name": "acme/demo/data:production"}).json()

    assert rendered["version_detail"]["id"] == resolved["version"]["id"] == str(v1.pk)
    assert api(vera).get(f"{url}/latest").json()["version_id"] == str(v2.pk)
    missing = api(vera).get(f"{url}/staging")
    assert (missing.status_code, missing.json()["code"], missing.json()["aliases"]) == (
        404, "AliasNotFound", ["production", "latest"],
    )  # fmt: skip


# --- Known limitations, gone ------------------------------------------------------------------------------------------


def test_limitation_no_alias_permissions_is_gone(move, api, bob, vera, mallory, url, v1, v2):
    """Was: all users can modify aliases."""
    move(bob, "production", v1)

    assert move(vera, "production", v2).json()["code"] == "Denied"
    assert api(vera).delete(f"{url}/production").status_code == 403
    assert move(mallory, "production", v2).status_code == 404
    assert api(vera).get(f"{url}/production").json()["version"] == "v1"


def test_limitation_no_alias_history_is_gone(move, api, bob, vera, url, v1, v2):
    """Was: only the current state is tracked."""
    move(bob, "production", v1)
    then = timezone.now()
    move(bob, "production", v2)
    api(bob).delete(f"{url}/production")

    steps = api(vera).get(f"{url}/production/history").json()["items"]
    assert [(item["from_version"], item["to_version"]) for item in steps] == [("v2", None), ("v1", "v2"), (None, "v1")]
    assert api(vera).get(f"{url}/production", {"at": then.isoformat()}).json()["version"] == "v1"


def test_limitation_manual_coordination_is_gone(move, api, alice, bob, url, acme, v1, v2):
    """Was: multiple teams must coordinate alias usage. Now who is late is told so, sees who was faster, and why; names
    are shared by suggestion, and what must not be moved by one alone is kept by a rule."""
    seen = move(alice, "production", v1)["ETag"]
    move(bob, "production", v2, reason="Half the latency")
    late = move(alice, "production", v1, headers={"If-Match": seen})

    assert (late.status_code, late.json()["code"], late.json()["version"]) == (409, "AliasMoved", "v2")
    [last, _] = api(alice).get(f"{url}/production/history").json()["items"]
    assert (last["changed_by"], last["reason"]) == ("bob", "Half the latency")
    named = api(bob).get(f"{url}/suggestions", {"q": "prod"}).json()["items"]
    assert named == [{"alias": "production", "why": "in use"}]
    api(alice).post("/api/v1/alias-rules", {"team": "acme", "pattern": "production", "needs_approval": True})
    assert [move(who, "production", v1).json()["code"] for who in (alice, bob)] == ["AliasProtected"] * 2


# --- Future enhancements, here ----------------------------------------------------------------------------------------


def test_enhancement_protected_aliases(move, api, alice, bob, url, v1, v2):
    """Lock `production` to prevent accidental changes."""
    move(bob, "production", v1)
    rule = api(alice).post("/api/v1/alias-rules", {"project": "acme/demo", "pattern": "production"}).json()

    for refused in (
        move(bob, "production", v2),
        api(bob).delete(f"{url}/production"),
        api(bob).post(f"{url}/production/rollback"),
        api(bob).put(url, {"aliases": {"production": "v2"}}),
        api(bob).post(f"{url}/swap", {"one": "production", "other": "latest"}),
        api(alice).delete(f"/api/v1/artifacts/versions/{v1.pk}?delete_aliases=true"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "AliasProtected")
        assert refused.json()["rule"]["id"] == rule["id"]
    assert api(bob).get(f"{url}/production").json()["version"] == "v1"
    assert move(bob, "staging", v2).status_code == 201


def test_enhancement_alias_permissions(move, api, alice, bob, artifact, v1, v2):
    """Role-based access control: the role that a rule names, and a second person where it asks for one."""
    client = api(alice)
    rule = client.post("/api/v1/alias-rules", {"artifact": str(artifact.pk), "pattern": "prod-*"}).json()["id"]
    assert [move(who, "prod-eu", v1).status_code for who in (bob, alice)] == [403, 201]

    client.patch(f"/api/v1/alias-rules/{rule}", {"role": "editor"})
    assert move(bob, "prod-eu", v2).status_code == 200

    client.patch(f"/api/v1/alias-rules/{rule}", {"needs_approval": True})
    assert [move(who, "prod-eu", v1).status_code for who in (bob, alice)] == [403, 403]
    body = {"alias": "prod-eu", "version_id": str(v1.pk)}
    proposal = api(bob).post(f"/api/v1/artifacts/{artifact.pk}/alias-proposals", body).json()["id"]
    assert api(bob).post(f"/api/v1/alias-proposals/{proposal}/approve").status_code == 403
    assert client.post(f"/api/v1/alias-proposals/{proposal}/approve").status_code == 200
    assert artifact.alias_set.get(alias="prod-eu").version == v1


def test_enhancement_alias_history(move, api, bob, vera, url, artifact, v1, v2):
    """Track all historical alias assignments: each begins where the one before it ended, and none is ever changed."""
    for number in range(12):
        move(bob, "production", (v1, v2)[number % 2], reason=f"Move {number}")

    steps = api(vera).get(f"{url}/production/history").json()["items"]
    assert [step["reason"] for step in reversed(steps)] == [f"Move {number}" for number in range(12)]
    for newer, older in pairwise(steps):
        assert newer["from_version_id"] == older["to_version_id"]
    for spoil in (lambda rows: rows.update(reason=""), lambda rows: rows.delete()):
        with pytest.raises(IntegrityError), transaction.atomic():
            spoil(AliasChange.objects.filter(artifact=artifact))


def test_enhancement_alias_suggestions(move, api, bob, vera, url, other, v1):
    """Auto-suggest common alias names."""
    move(bob, "v1.2.3", v1)
    theirs = log(bob, other, {"a": b"a"})
    api(bob).post(f"/api/v1/artifacts/{other.pk}/aliases", {"alias": "blessed", "version_id": str(theirs.pk)})
    row = api(vera).get(f"{url}/suggestions").json()["items"]

    by_why = {
        why: [item["alias"] for item in row if item["why"] == why] for why in ("in use", "common", "next version")
    }
    assert by_why == {
        "in use": ["blessed", "latest"],
        "common": ["production", "staging", "stable", "best", "candidate"],
        "next version": ["v1.2.4", "v1.3.0", "v2.0.0"],
    }


def test_compatibility_many_aliases_of_one_version(move, api, bob, vera, v1):
    """The comparison's lines of the server: several aliases of a version, and validation of their names."""
    assert [move(bob, alias, v1).status_code for alias in ("stable", "v1.2.3", "prod_eu")] == [201] * 3
    assert [move(bob, alias, v1).status_code for alias in ("a b", "ä", "", "x" * 101, "-a")] == [400] * 5
    rendered = api(vera).get(f"/api/v1/artifacts/versions/{v1.pk}").json()["aliases"]
    assert rendered == ["latest", "stable", "prod_eu", "v1.2.3"]


def test_two_teams_use_the_same_names_apart(api, move, bob, mallory, foreign, v1):
    """An alias is its artifact's own: nobody has to ask elsewhere whether a name is free."""
    move(bob, "production", v1)
    theirs = log(mallory, foreign, {"a": b"a"})
    answer = api(mallory).post(
        f"/api/v1/artifacts/{foreign.pk}/aliases", {"alias": "production", "version_id": str(theirs.pk)}
    )

    assert answer.status_code == 201
    assert api(person("nadia")).get(f"/api/v1/artifacts/{foreign.pk}/aliases").status_code == 404
