"""Aliases: made, moved, listed, removed, each change with its row of history or not at all."""

from itertools import pairwise
from uuid import UUID

import pytest

from accounts import keys
from accounts.actor import Actor, Channel
from artifacts import versions
from artifacts.aliases import aliases
from artifacts.errors import AliasNotFound, AliasTargetRefused, InvalidName
from artifacts.models import AliasChange, ArtifactAlias, ArtifactVersion
from core import errors
from tests.artifacts.client import at_once, fill, log

ARTIFACTS = "/api/v1/artifacts"
BAD = [
    "",
    " ",
    "a b",
    " a",
    "a ",
    "-a",
    ".a",
    "_a",
    "a/b",
    "a:b",
    "a\n",
    "\na",
    "a\tb",
    "a\0",
    "ä",
    "x" * 101,
    "%",
    "'",
]


def history(alias: str = "production") -> list[tuple]:
    changes = AliasChange.objects.filter(alias=alias).order_by("number")
    return [
        (
            change.number,
            change.from_version and change.from_version.version,
            change.to_version and change.to_version.version,
        )
        for change in changes.select_related("from_version", "to_version")
    ]


@pytest.mark.parametrize("alias", ["a", "7", "v1.2.3", "a_b-c.d", "latest", "v1", "x" * 100, "Production"])
def test_an_alias_is_made(bob, artifact, v1, alias):
    moved = aliases.move(Actor(bob, Channel.SDK), artifact, alias, v1)

    assert (moved.alias.alias, moved.alias.version) == (alias, v1)
    assert aliases.get(artifact, alias).version == v1


def test_a_move_keeps_id_and_creation(api, alice, bob, artifact, v1, v2):
    url = f"{ARTIFACTS}/{artifact.pk}/aliases"
    made = api(alice).post(url, {"alias": "production", "version_id": str(v1.pk), "artifact_id": str(artifact.pk)})
    moved = api(bob).post(url, {"alias": "production", "version_id": str(v2.pk)})

    assert (made.status_code, moved.status_code) == (201, 200)
    before, after = made.json(), moved.json()
    assert before.keys() == {
        "id", "artifact_id", "version_id", "version", "alias", "created_by", "created_at", "updated_at",
    }  # fmt: skip
    assert (before["version"], before["version_id"], before["artifact_id"]) == ("v1", str(v1.pk), str(artifact.pk))
    assert {name for name in after if after[name] != before[name]} == {"version", "version_id", "updated_at"}
    assert (after["version"], after["created_by"]) == ("v2", "alice")
    assert history() == [(1, None, "v1"), (2, "v1", "v2")]


def test_a_move_to_where_it_is_changes_nothing(api, bob, artifact, v1):
    body = {"alias": "production", "version_id": str(v1.pk)}
    client, url = api(bob), f"{ARTIFACTS}/{artifact.pk}/aliases"
    first, second = client.post(url, body), client.post(url, body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert history() == [(1, None, "v1")]


def test_history_says_who_how_and_why(bob, artifact, v1):
    key, _ = keys.issue(user=bob, name="robot")
    aliases.move(Actor(bob, Channel.WEB, key=key, reason="It won"), artifact, "production", v1)

    change = AliasChange.objects.get(alias="production")
    assert (change.changed_by, change.key, change.channel, change.reason) == (bob, key, "web", "It won")


def test_the_sdk_is_distinguished_from_other_callers(api, bob, artifact, v1):
    client, body = api(bob), {"alias": "x", "version_id": str(v1.pk)}
    client.post(f"{ARTIFACTS}/{artifact.pk}/aliases", body, headers={"User-Agent": "wanllmdb-sdk/0.1"})
    client.delete(f"{ARTIFACTS}/{artifact.pk}/aliases/x", headers={"User-Agent": "curl/8"})

    changes = AliasChange.objects.filter(alias="x").order_by("number")
    assert [(change.channel, change.key.user) for change in changes] == [("sdk", bob), ("api", bob)]


def test_one_version_may_have_many_names(api, vera, bob, artifact, v1):
    for alias in ["stable", "production", "v1.2.3"]:
        aliases.move(Actor(bob, Channel.SDK), artifact, alias, v1)

    body = api(vera).get(f"{ARTIFACTS}/{artifact.pk}/aliases").json()
    assert body["total"] == 4
    assert [item["alias"] for item in body["items"]] == ["production", "latest", "stable", "v1.2.3"]
    assert api(vera).get(f"{ARTIFACTS}/versions/{v1.pk}").json()["aliases"] == [
        "production",
        "latest",
        "stable",
        "v1.2.3",
    ]


def test_the_same_name_is_free_on_another_artifact(bob, artifact, other, v1):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)

    aliases.move(Actor(bob, Channel.SDK), other, "production", log(bob, other, {"a": b"a"}))
    assert ArtifactAlias.objects.filter(alias="production").count() == 2


def test_an_alias_is_read_with_its_version(api, vera, artifact, v1):
    body = api(vera).get(f"{ARTIFACTS}/{artifact.pk}/aliases/latest").json()

    assert (body["alias"], body["version"]) == ("latest", "v1")
    assert body["version_detail"] == {
        name: value
        for name, value in api(vera).get(f"{ARTIFACTS}/versions/{v1.pk}").json().items()
        if name not in ("files", "files_next_cursor")
    }


def test_an_alias_is_removed_and_its_version_stays(api, bob, artifact, v1):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    url = f"{ARTIFACTS}/{artifact.pk}/aliases/production"

    assert api(bob).delete(url).status_code == 204
    assert api(bob).delete(url).status_code == 404
    assert history() == [(1, None, "v1"), (2, "v1", None)]
    v1.refresh_from_db()
    assert v1.is_finalized


def test_an_alias_that_comes_back_goes_on_in_its_history(bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.remove(Actor(bob, Channel.SDK), artifact, "production")
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v2)

    assert history() == [(1, None, "v1"), (2, "v1", None), (3, None, "v2")]


def test_a_list_costs_the_same_however_long_it_is(api, bob, artifact, v1, v2, django_assert_num_queries):
    client, url = api(bob), f"{ARTIFACTS}/{artifact.pk}/aliases"
    client.get(url)
    # Key, artifact, rules, rows.
    with django_assert_num_queries(4):
        client.get(url)
    for number in range(10):
        aliases.move(Actor(bob, Channel.SDK), artifact, f"a{number}", (v1, v2)[number % 2])
    with django_assert_num_queries(4):
        assert client.get(url).json()["total"] == 11


@pytest.mark.parametrize("alias", BAD)
def test_a_name_outside_the_alphabet_is_refused(api, bob, artifact, v1, alias):
    with pytest.raises(InvalidName):
        aliases.move(Actor(bob, Channel.SDK), artifact, alias, v1)

    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/aliases", {"alias": alias, "version_id": str(v1.pk)})
    assert answer.status_code == 400
    assert (ArtifactAlias.objects.count(), AliasChange.objects.count()) == (1, 1)


def test_a_version_of_another_artifact_is_refused(api, bob, artifact, other, v1):
    theirs = log(bob, other, {"a": b"a"})
    with pytest.raises(AliasTargetRefused):
        aliases.move(Actor(bob, Channel.SDK), artifact, "production", theirs)

    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/aliases", {"alias": "production", "version_id": str(theirs.pk)})
    assert (answer.status_code, answer.json()["code"]) == (409, "AliasTargetRefused")
    assert history() == []


def test_a_draft_is_refused(api, bob, artifact, v1):
    draft = fill(bob, artifact, {"a": b"a"})
    with pytest.raises(AliasTargetRefused):
        aliases.move(Actor(bob, Channel.SDK), artifact, "latest", draft)

    answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/aliases", {"alias": "latest", "version_id": str(draft.pk)})
    assert (answer.status_code, answer.json()["code"]) == (409, "AliasTargetRefused")
    assert aliases.get(artifact, "latest").version == v1


def test_a_version_that_was_just_deleted_is_refused(bob, artifact, v1, v2):
    stale = ArtifactVersion.objects.get(pk=v1.pk)
    versions.delete(Actor(bob, Channel.SDK), v1)

    with pytest.raises(AliasTargetRefused):
        aliases.move(Actor(bob, Channel.SDK), artifact, "production", stale)
    assert history() == []


@pytest.mark.parametrize(
    "body",
    [
        {}, {"alias": "x"}, {"version_id": str(UUID(int=7))}, {"alias": "x", "version_id": "v1"},
        {"alias": 7.5, "version_id": None}, {"alias": ["x"], "version_id": str(UUID(int=7))}, [], "x", None,
    ],
)  # fmt: skip
def test_odd_bodies_are_refused(api, bob, artifact, v1, body):
    assert api(bob).post(f"{ARTIFACTS}/{artifact.pk}/aliases", body).status_code == 400


def test_a_body_that_names_another_artifact_is_refused(api, bob, artifact, other, v1):
    body = {"alias": "x", "version_id": str(v1.pk), "artifact_id": str(other.pk)}

    assert api(bob).post(f"{ARTIFACTS}/{artifact.pk}/aliases", body).status_code == 400


def test_a_version_that_one_does_not_see_is_missing(api, bob, mallory, artifact, foreign):
    theirs = log(mallory, foreign, {"a": b"a"})

    for version in (str(theirs.pk), str(UUID(int=7))):
        answer = api(bob).post(f"{ARTIFACTS}/{artifact.pk}/aliases", {"alias": "x", "version_id": version})
        assert answer.status_code == 404


@pytest.mark.parametrize("alias", ["nope", "a b", "%20", "a%0A", "é", "x" * 300])
def test_an_alias_that_is_not_there(api, bob, artifact, v1, alias):
    with pytest.raises(AliasNotFound):
        aliases.get(artifact, alias)

    answer = api(bob).get(f"{ARTIFACTS}/{artifact.pk}/aliases/{alias}")
    assert (answer.status_code, answer.json()["code"], answer.json()["aliases"]) == (404, "AliasNotFound", ["latest"])
    assert "latest" in answer.json()["detail"]
    assert api(bob).delete(f"{ARTIFACTS}/{artifact.pk}/aliases/{alias}").status_code == 404


def test_a_viewer_cannot_move_production(api, vera, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    with pytest.raises(errors.Denied):
        aliases.move(Actor(vera, Channel.SDK), artifact, "production", v2)
    with pytest.raises(errors.Denied):
        aliases.remove(Actor(vera, Channel.SDK), artifact, "production")

    client, url = api(vera), f"{ARTIFACTS}/{artifact.pk}/aliases"
    assert client.post(url, {"alias": "production", "version_id": str(v2.pk)}).status_code == 403
    assert client.delete(f"{url}/production").status_code == 403
    assert history() == [(1, None, "v1")]


@pytest.mark.django_db(transaction=True)
def test_moves_at_once_make_one_row_and_an_unbroken_history(api, bob, artifact, v1, v2):
    client, url = api(bob), f"{ARTIFACTS}/{artifact.pk}/aliases"
    bodies = [{"alias": "production", "version_id": str((v1, v2)[number % 2].pk)} for number in range(10)]
    answers = at_once(*[lambda body=body: client.post(url, body) for body in bodies])

    assert sorted(answer.status_code for answer in answers) == [200] * 9 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    steps = history()
    assert [number for number, _, _ in steps] == list(range(1, len(steps) + 1))
    assert all(step[1] == before[2] for before, step in pairwise(steps))
    assert aliases.get(artifact, "production").version.version == steps[-1][2]


@pytest.mark.django_db(transaction=True)
def test_moving_to_a_version_that_is_being_deleted(bob, artifact, v1, v2):
    at_once(
        lambda: aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1),
        lambda: versions.delete(Actor(bob, Channel.SDK), v1),
    )

    v1.refresh_from_db()
    assert v1.is_finalized == ArtifactAlias.objects.filter(version=v1).exists()
