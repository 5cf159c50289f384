"""Rollback: an alias goes back to the version before, as one move with its own record."""

from uuid import UUID

import pytest

from accounts.actor import Actor, Channel
from artifacts import versions
from artifacts.aliases import aliases, protection
from artifacts.errors import AliasMoved, AliasNotFound, AliasProtected, AliasTargetRefused, NothingBefore
from artifacts.models import AliasChange
from core import errors
from tests.artifacts.client import at_once, log


@pytest.fixture
def v3(bob, artifact, v2):
    return log(bob, artifact, {"three.txt": b"three"})


@pytest.fixture
def url(artifact) -> str:
    return f"/api/v1/artifacts/{artifact.pk}/aliases/production/rollback"


def through(user, artifact, *track) -> None:
    for version in track:
        aliases.move(Actor(user, Channel.SDK), artifact, "production", version)


def is_at(artifact) -> str:
    return aliases.get(artifact, "production").version.version


def test_back_to_the_version_before(api, bob, artifact, url, v1, v2):
    through(bob, artifact, v1, v2)
    answer = api(bob).post(url, {"reason": "It leaks", "alias": "production", "artifact_id": str(artifact.pk)})

    assert (answer.status_code, answer["ETag"]) == (200, f'"{v1.pk}"')
    assert (answer.json()["alias"], answer.json()["version"]) == ("production", "v1")
    change = AliasChange.objects.of(artifact, "production").first()
    assert (change.before, change.after, change.reason, change.changed_by, change.channel) == (
        "v2", "v1", "It leaks", bob, "api",
    )  # fmt: skip


def test_a_second_one_undoes_the_first(bob, artifact, v1, v2):
    through(bob, artifact, v1, v2)

    moves = [aliases.rollback(Actor(bob, Channel.SDK), artifact, "production") for _ in range(3)]
    assert [move.alias.version.version for move in moves] == ["v1", "v2", "v1"]


def test_versions_that_came_twice_in_a_row_are_one(bob, artifact, v1, v2, v3):
    through(bob, artifact, v3, v1, v2)
    aliases.remove(Actor(bob, Channel.SDK), artifact, "production")
    through(bob, artifact, v2)

    aliases.rollback(Actor(bob, Channel.SDK), artifact, "production")
    assert is_at(artifact) == "v1"


def test_an_alias_that_was_removed_comes_back(api, bob, artifact, url, v1, v2):
    through(bob, artifact, v1, v2)
    aliases.remove(Actor(bob, Channel.SDK), artifact, "production")

    answer = api(bob).post(url, headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.json()["version"], is_at(artifact)) == (200, "v2", "v2")
    assert api(bob).post(url, headers={"If-None-Match": "*"}).status_code == 409


def test_an_alias_that_was_only_ever_on_one_version(api, bob, artifact, url, v1):
    through(bob, artifact, v1)
    with pytest.raises(NothingBefore):
        aliases.rollback(Actor(bob, Channel.SDK), artifact, "production")

    answer = api(bob).post(url)
    assert (answer.status_code, answer.json()["code"]) == (409, "NothingBefore")
    assert "v1" in answer.json()["detail"]


def test_an_alias_that_never_was(api, bob, artifact, url, v1):
    with pytest.raises(AliasNotFound):
        aliases.rollback(Actor(bob, Channel.SDK), artifact, "production")

    assert (api(bob).post(url).status_code, api(bob).post(url).json()["code"]) == (404, "AliasNotFound")


def test_only_from_where_it_is_expected(api, bob, artifact, url, v1, v2):
    through(bob, artifact, v1, v2)
    client = api(bob)

    for params in ({"headers": {"If-Match": f'"{v1.pk}"'}}, {"data": {"expected_version_id": str(v1.pk)}}):
        refused = client.post(url, **params)
        assert (refused.status_code, refused.json()["code"], refused.json()["version"]) == (409, "AliasMoved", "v2")
    assert client.post(url, headers={"If-Match": "v2"}).status_code == 400
    assert client.post(url, {"expected_version_id": None}).status_code == 409
    assert is_at(artifact) == "v2"
    assert client.post(url, headers={"If-Match": f'"{v2.pk}"'}).status_code == 200


def test_a_version_that_was_deleted_is_not_gone_back_to(api, bob, artifact, url, v1, v2, v3):
    through(bob, artifact, v1, v2)
    versions.delete(Actor(bob, Channel.SDK), v1)
    with pytest.raises(AliasTargetRefused):
        aliases.rollback(Actor(bob, Channel.SDK), artifact, "production")

    answer = api(bob).post(url)
    assert (answer.status_code, answer.json()["code"]) == (409, "AliasTargetRefused")
    assert "v1" in answer.json()["detail"]
    assert is_at(artifact) == "v2"


def test_latest_goes_back_until_the_next_version(bob, artifact, v1, v2):
    aliases.rollback(Actor(bob, Channel.SDK), artifact, "latest")
    assert aliases.get(artifact, "latest").version == v1

    v3 = log(bob, artifact, {"three": b"3"})
    assert aliases.get(artifact, "latest").version == v3


def test_a_protected_alias_goes_back_by_who_may_move_it(api, alice, bob, artifact, url, v1, v2):
    through(bob, artifact, v1, v2)
    protection.create(Actor(alice), artifact.project, "production")
    with pytest.raises(AliasProtected):
        aliases.rollback(Actor(bob, Channel.SDK), artifact, "production")

    assert api(bob).post(url).json()["code"] == "AliasProtected"
    assert api(alice).post(url).status_code == 200


def test_who_may(api, bob, vera, mallory, artifact, url, v1, v2):
    through(bob, artifact, v1, v2)
    with pytest.raises(errors.Denied):
        aliases.rollback(Actor(vera, Channel.SDK), artifact, "production")

    assert api(vera).post(url).json()["code"] == "Denied"
    assert api(mallory).post(url).status_code == 404
    assert is_at(artifact) == "v2"


@pytest.mark.parametrize(
    "body",
    [
        [], "x", {"reason": ["x"]}, {"reason": "x" * 1001}, {"expected_version_id": "v1"}, {"alias": "staging"},
        {"artifact_id": str(UUID(int=7))},
    ],
)  # fmt: skip
def test_odd_bodies_are_refused(api, bob, artifact, url, v1, v2, body):
    through(bob, artifact, v1, v2)

    assert api(bob).post(url, body).status_code == 400
    assert is_at(artifact) == "v2"


@pytest.mark.django_db(transaction=True)
def test_of_those_who_go_back_from_the_same_version_one_does(bob, artifact, v1, v2):
    through(bob, artifact, v1, v2)
    outcomes = at_once(*[lambda: aliases.rollback(Actor(bob, Channel.SDK), artifact, "production", v2.pk)] * 6)

    assert sorted(isinstance(outcome, AliasMoved) for outcome in outcomes) == [False] + [True] * 5
    assert is_at(artifact) == "v1"
