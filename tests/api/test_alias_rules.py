"""Rules over HTTP: who sees them, who changes them, and what makes no sense."""

from uuid import UUID

import pytest

from accounts.actor import Actor
from accounts.models import Role
from artifacts.aliases import protection
from artifacts.models import AliasRule
from projects.models import Visibility
from tests.artifacts.client import log

RULES = "/api/v1/alias-rules"


@pytest.fixture
def positions(acme, project, artifact) -> dict[str, dict[str, str]]:
    """Every way to name a place, and what the rule says of it."""
    return {
        "team by name": {"team": "acme"},
        "team in capitals": {"team": "ACME"},
        "team by id": {"team": str(acme.pk)},
        "project by name": {"project": "acme/demo"},
        "project by id": {"project": str(project.pk)},
        "artifact": {"artifact": str(artifact.pk)},
    }


def patterns(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [item["pattern"] for item in answer.json()["items"]]


def test_a_rule_in_every_scope(api, alice, vera, positions, artifact, subtests):
    client = api(alice)
    for number, (way, path) in enumerate(positions.items()):
        with subtests.test(way):
            body = {**path, "pattern": f"prod-{number}*", "role": "editor", "needs_approval": True}
            made = client.post(RULES, body)
            assert made.status_code == 201
            payloads = made.json()
            kind = way.split()[0]
            expected = {"team": "acme", "project": "acme/demo", "artifact": str(artifact.pk)}[kind]
            assert {name: payloads[name] for name in ("team", "project", "artifact")} == {
                "team": None, "project": None, "artifact": None, kind: expected,
            }  # fmt: skip
            assert payloads["place"] == f"{kind} " + ("acme/demo/data" if kind == "artifact" else expected)
            assert (payloads["pattern"], payloads["role"], payloads["needs_approval"]) == (
                f"prod-{number}*",
                "editor",
                True,
            )
            assert payloads["created_by"] == "alice"
            assert api(vera).get(f"{RULES}/{payloads['id']}").json() == payloads


def test_by_default_admins_move_alone(api, alice, acme):
    made = api(alice).post(RULES, {"team": "acme", "pattern": "production"}).json()

    assert (made["role"], made["needs_approval"]) == ("admin", False)


def test_a_rule_holds_from_then_on_and_no_longer(api, alice, bob, artifact, v1):
    body = {"alias": "prod-eu", "version_id": str(v1.pk)}
    rule = api(alice).post(RULES, {"project": "acme/demo", "pattern": "prod-*"}).json()
    refused = api(bob).post(f"/api/v1/artifacts/{artifact.pk}/aliases", body)

    assert (refused.status_code, refused.json()["code"]) == (403, "AliasProtected")
    assert refused.json()["rule"] == {
        "id": rule["id"], "pattern": "prod-*", "place": "project acme/demo", "role": "admin", "needs_approval": False,
    }  # fmt: skip
    assert api(alice).patch(f"{RULES}/{rule['id']}", {"role": "editor"}).json()["role"] == "editor"
    assert api(bob).post(f"/api/v1/artifacts/{artifact.pk}/aliases", body).status_code == 201
    assert api(alice).patch(f"{RULES}/{rule['id']}", {"needs_approval": True}).status_code == 200
    assert api(bob).delete(f"/api/v1/artifacts/{artifact.pk}/aliases/prod-eu").status_code == 403
    assert api(alice).delete(f"{RULES}/{rule['id']}").status_code == 204
    assert api(bob).delete(f"/api/v1/artifacts/{artifact.pk}/aliases/prod-eu").status_code == 204


def test_the_list_of_aliases_says_which_ones_are_protected(
    api, alice, bob, vera, artifact, v1, django_assert_num_queries
):
    for alias in ("production", "staging"):
        api(bob).post(f"/api/v1/artifacts/{artifact.pk}/aliases", {"alias": alias, "version_id": str(v1.pk)})
    for path, pattern in ((artifact.project.team, "prod*"), (artifact, "l?test"), (artifact.project, "prod*")):
        protection.create(Actor(alice), path, pattern)
    client = api(vera)
    client.get(f"/api/v1/artifacts/{artifact.pk}/aliases")
    # Key, artifact, rules, aliases.
    with django_assert_num_queries(4):
        items = client.get(f"/api/v1/artifacts/{artifact.pk}/aliases").json()["items"]

    assert {item["alias"]: item["protected"] for item in items} == {
        "latest": True, "production": True, "staging": False,
    }  # fmt: skip


def test_lists(api, alice, vera, mallory, acme, project, artifact, other):
    for path, pattern in ((acme, "t"), (project, "p"), (artifact, "a"), (other, "o")):
        protection.create(Actor(alice), path, pattern)
    client = api(vera)

    assert patterns(client.get(RULES)) == ["a", "o", "p", "t"]
    assert patterns(client.get(RULES, {"team": "acme"})) == ["t"]
    assert patterns(client.get(RULES, {"team": str(acme.pk)})) == ["t"]
    assert patterns(client.get(RULES, {"project": "acme/demo"})) == ["p"]
    assert patterns(client.get(RULES, {"project": str(project.pk)})) == ["p"]
    assert patterns(client.get(RULES, {"artifact": str(artifact.pk)})) == ["a", "p", "t"]
    assert client.get(RULES, {"page_size": 3}).json()["total"] == 4
    assert patterns(client.get(RULES, {"page_size": 3, "page": 2})) == ["t"]
    assert patterns(api(mallory).get(RULES)) == []


def test_a_list_costs_the_same_however_long_it_is(api, alice, vera, acme, artifact, django_assert_num_queries):
    client = api(vera)
    protection.create(Actor(alice), acme, "x")
    client.get(RULES)
    # Key, count, rows.
    with django_assert_num_queries(3):
        client.get(RULES)
    for number in range(10):
        protection.create(Actor(alice), (acme, artifact.project, artifact)[number % 3], f"x{number}")
    with django_assert_num_queries(3):
        assert client.get(RULES).json()["total"] == 11


def test_who_sees_an_internal_project_sees_its_rules(api, alice, mallory, acme, project, artifact):
    project.visibility = Visibility.INTERNAL
    project.save()
    of_team = protection.create(Actor(alice), acme, "t")
    of_artifact = protection.create(Actor(alice), artifact, "a")
    client = api(mallory)

    assert patterns(client.get(RULES)) == ["a"]
    assert patterns(client.get(RULES, {"artifact": str(artifact.pk)})) == ["a"]
    assert client.get(f"{RULES}/{of_artifact.pk}").status_code == 200
    assert client.get(f"{RULES}/{of_team.pk}").status_code == 404
    assert client.get(RULES, {"team": "acme"}).status_code == 404
    assert client.delete(f"{RULES}/{of_artifact.pk}").status_code == 403


@pytest.mark.parametrize("who", ["bob", "vera"])
def test_only_admins_change_them(api, request, alice, acme, project, artifact, who):
    client = api(request.getfixturevalue(who))
    rule = protection.create(Actor(alice), project, "production")
    for path in ({"team": "acme"}, {"project": "acme/demo"}, {"artifact": str(artifact.pk)}):
        answer = client.post(RULES, {**path, "pattern": "x"})
        assert (answer.status_code, answer.json()["code"]) == (403, "Denied")
    assert client.patch(f"{RULES}/{rule.pk}", {"role": "editor"}).status_code == 403
    assert client.delete(f"{RULES}/{rule.pk}").status_code == 403
    assert client.get(f"{RULES}/{rule.pk}").status_code == 200
    assert [(row.pattern, row.role) for row in AliasRule.objects.all()] == [("production", Role.ADMIN)]


def test_a_stranger_learns_nothing(api, alice, mallory, acme, project, artifact):
    rule, client = protection.create(Actor(alice), project, "production"), api(mallory)
    for path in ({"team": "acme"}, {"project": "acme/demo"}, {"artifact": str(artifact.pk)}):
        assert client.post(RULES, {**path, "pattern": "x"}).status_code == 404
        assert client.get(RULES, path).status_code == 404
    for method in ("get", "patch", "delete"):
        assert getattr(client, method)(f"{RULES}/{rule.pk}").status_code == 404


def test_the_same_pattern_twice_in_one_scope(api, alice, acme, project):
    client = api(alice)
    assert client.post(RULES, {"team": "acme", "pattern": "x"}).status_code == 201
    again = client.post(RULES, {"team": "acme", "pattern": "x", "role": "editor"})

    assert (again.status_code, again.json()["code"]) == (409, "RuleTaken")
    assert client.post(RULES, {"project": "acme/demo", "pattern": "x"}).status_code == 201
    other = client.post(RULES, {"team": "acme", "pattern": "y"}).json()["id"]
    assert client.patch(f"{RULES}/{other}", {"pattern": "x"}).json()["code"] == "RuleTaken"
    assert client.patch(f"{RULES}/{other}", {"pattern": "y"}).status_code == 200


@pytest.mark.parametrize(
    "pattern", ["", " ", "a b", "-a", "[ab]", "a/b", "a:b", "é", "x" * 101, "a\n", "a\0", None, ["a"], {}]
)
def test_what_is_no_pattern_is_refused(api, alice, acme, pattern):
    answer = api(alice).post(RULES, {"team": "acme", "pattern": pattern})

    assert (answer.status_code, answer.json()["code"] in ("Invalid", "InvalidName")) == (400, True)
    rule = protection.create(Actor(alice), acme, "production")
    assert api(alice).patch(f"{RULES}/{rule.pk}", {"pattern": pattern}).status_code == 400
    assert [row.pattern for row in AliasRule.objects.all()] == ["production"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {"pattern": "x"}, {"team": "acme"}, {"team": "acme", "project": "acme/demo", "pattern": "x"},
        {"team": "acme", "pattern": "x", "role": "viewer"}, {"team": "acme", "pattern": "x", "role": "Admin"},
        {"team": "acme", "pattern": "x", "role": None}, {"team": "acme", "pattern": "x", "needs_approval": "maybe"},
        {"team": "acme", "pattern": "x", "needs_approval": None}, {"artifact": "data", "pattern": "x"},
        {"team": None, "pattern": "x"}, {"team": "", "pattern": "x"}, [], "x", None,
    ],
)  # fmt: skip
def test_odd_bodies_are_refused(api, alice, acme, project, body):
    assert api(alice).post(RULES, body).status_code == 400
    assert not AliasRule.objects.exists()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ({"team": "nope"}, 404), ({"team": str(UUID(int=7))}, 404), ({"project": "acme/nope"}, 404),
        ({"project": "demo"}, 404), ({"project": str(UUID(int=7))}, 404), ({"artifact": str(UUID(int=7))}, 404),
        ({"artifact": "data"}, 400), ({"team": "acme", "project": "acme/demo"}, 400), ({"page": 0}, 400),
    ],
)  # fmt: skip
def test_scopes_that_do_not_exist(api, alice, project, path, status):
    assert api(alice).get(RULES, path).status_code == status
    assert api(alice).post(RULES, {**path, "pattern": "x"}).status_code in (status, 400)


def test_a_rule_stays_where_it_is(api, alice, acme, project):
    rule = protection.create(Actor(alice), acme, "production")
    answer = api(alice).patch(f"{RULES}/{rule.pk}", {"project": "acme/demo", "pattern": "x"})

    assert (answer.json()["team"], answer.json()["project"], answer.json()["pattern"]) == ("acme", None, "x")
    assert api(alice).patch(f"{RULES}/{rule.pk}", {}).status_code == 200


def test_a_version_to_come_is_refused_its_alias_before_any_byte(api, alice, bob, artifact, v1):
    protection.create(Actor(alice), artifact.project, "prod*")
    url = f"/api/v1/artifacts/{artifact.pk}/versions"
    before = artifact.versions.count()

    refused = api(bob).post(url, {"aliases": ["staging", "production"]})
    assert (refused.status_code, refused.json()["code"], refused.json()["alias"]) == (
        403,
        "AliasProtected",
        "production",
    )
    for alias, code in (("a b", "InvalidName"), ("history", "InvalidName"), ("", "Invalid"), ("x" * 129, "Invalid")):
        answer = api(bob).post(url, {"aliases": [alias]})
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert api(bob).post(url, {"aliases": ["x"] * 101}).status_code == 400
    assert api(bob).post(url, {"aliases": "production"}).status_code == 400
    assert artifact.versions.count() == before

    assert api(bob).post(url, {"aliases": ["staging", "latest"]}).status_code == 201
    assert api(alice).post(url, {"aliases": ["production"]}).status_code == 201
    # They are given when the bytes are there.
    assert not artifact.alias_set.exclude(alias="latest").exists()


def test_a_version_that_is_there_already_is_refused_it_too(api, alice, bob, artifact, v1):
    protection.create(Actor(alice), artifact.project, "prod*")
    url = f"/api/v1/artifacts/{artifact.pk}/versions"

    assert api(bob).post(url, {"digest": v1.digest, "aliases": ["production"]}).status_code == 403
    assert api(bob).post(url, {"digest": v1.digest, "aliases": ["staging"]}).status_code == 200


def test_a_protected_alias_keeps_its_version(api, alice, artifact, bob, v1):
    log(bob, artifact, {"two": b"2"})
    api(bob).post(f"/api/v1/artifacts/{artifact.pk}/aliases", {"alias": "production", "version_id": str(v1.pk)})
    protection.create(Actor(alice), artifact.project, "prod*")
    for who in (bob, alice):
        answer = api(who).delete(f"/api/v1/artifacts/versions/{v1.pk}?delete_aliases=true")
        assert (answer.status_code, answer.json()["code"], answer.json()["alias"]) == (
            403,
            "AliasProtected",
            "production",
        )
    assert artifact.alias_set.filter(alias="production").exists()
