"""Several aliases set in one call: all of them, or none."""

from collections.abc import Callable
from uuid import UUID

import pytest
from django.http import HttpResponse

from accounts.actor import Actor, Channel
from accounts.models import ApiKey
from artifacts import versions
from artifacts.aliases import aliases, protection
from artifacts.errors import AliasMoved, AliasNotFound, AliasTargetRefused
from artifacts.models import AliasChange
from core import errors
from tests.artifacts.client import at_once, begin, log


@pytest.fixture
def put(api, bob, artifact) -> Callable[..., HttpResponse]:
    client = api(bob)
    return lambda targets, **more: client.put(f"/api/v1/artifacts/{artifact.pk}/aliases", {"aliases": targets, **more})


def positions(artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def test_made_moved_and_removed_in_one_call(put, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    aliases.move(Actor(bob, Channel.SDK), artifact, "old", v1)
    aliases.move(Actor(bob, Channel.SDK), artifact, "untouched", v1)
    answer = put({"production": str(v2.pk), "staging": "v1", "old": None}, reason="Release 7")

    assert answer.status_code == 200
    body = answer.json()
    assert body["removed"] == ["old"]
    assert [(item["alias"], item["version"]) for item in body["items"]] == [("production", "v2"), ("staging", "v1")]
    assert positions(artifact) == {"latest": "v2", "production": "v2", "staging": "v1", "untouched": "v1"}
    changes = AliasChange.objects.filter(reason="Release 7").order_by("created_at")
    assert [str(change) for change in changes] == ["production: v1 → v2", "staging: nowhere → v1", "old: v1 → nowhere"]


def test_what_is_where_it_should_be_stays_without_a_record(put, bob, artifact, v1):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    before = AliasChange.objects.count()

    assert put({"production": "v1", "latest": str(v1.pk)}).status_code == 200
    assert AliasChange.objects.count() == before


def test_every_alias_may_have_an_expected_version(put, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    targets = {"production": "v2", "staging": "v1"}

    assert put(targets, expected={"production": str(v1.pk), "staging": None}).status_code == 200
    assert positions(artifact) == {"latest": "v2", "production": "v2", "staging": "v1"}


@pytest.mark.parametrize("expected", [{"staging": "v2"}, {"latest": None}, {"production": "v1"}])
def test_one_that_is_elsewhere_stops_all(put, bob, artifact, v1, v2, expected):
    aliases.move(Actor(bob, Channel.SDK), artifact, "staging", v1)
    before = positions(artifact)
    ids = {"v1": str(v1.pk), "v2": str(v2.pk), None: None}
    answer = put(
        {"best": "v1", "staging": "v2", "latest": "v1", "production": "v2"},
        expected={alias: ids[path] for alias, path in expected.items()},
    )

    assert (answer.status_code, answer.json()["code"], answer.json()["alias"]) == (409, "AliasMoved", *expected)
    assert positions(artifact) == before


@pytest.mark.parametrize(
    ("targets", "status", "code"),
    [
        ({"nope": None}, 404, "AliasNotFound"),
        ({"x": "v9"}, 404, "VersionNotFound"),
        ({"x": "v0"}, 404, "VersionNotFound"),
        ({"x": "latest"}, 404, "VersionNotFound"),
        ({"x": ""}, 400, "Invalid"),
        ({"x": "v999999999"}, 404, "VersionNotFound"),
        ({"x": str(UUID(int=7))}, 404, "VersionNotFound"),
        ({"a b": "v1"}, 400, "InvalidName"),
        ({"": None}, 400, "InvalidName"),
        ({"a\0": None}, 400, "Invalid"),
        ({"history": "v1"}, 400, "InvalidName"),
        ({"x" * 101: "v1"}, 400, "InvalidName"),
        ({"x": True}, 400, "Invalid"),
        ({"x": ["v1"]}, 400, "Invalid"),
        ({"x": "a\0"}, 400, "Invalid"),
        ({"x": "v" * 500}, 400, "Invalid"),
        ({}, 400, "Invalid"),
        ([], 400, "Invalid"),
        (["production"], 400, "Invalid"),
        ("production", 400, "Invalid"),
        (None, 400, "Invalid"),
    ],
)
def test_one_that_makes_no_sense_stops_all(put, artifact, v1, targets, status, code):
    answer = put({"first": "v1", **targets} if isinstance(targets, dict) and targets else targets)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert positions(artifact) == {"latest": "v1"}


@pytest.mark.parametrize("expected", [{"other": None}, {"x": "v1"}, {"x": 7.5}, [], "x", None, {"x": ""}])
def test_odd_expectations_are_refused(put, artifact, v1, expected):
    answer = put({"x": "v1"}, expected=expected)

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert positions(artifact) == {"latest": "v1"}


@pytest.mark.parametrize("header", [{"If-Match": '"{id}"'}, {"If-None-Match": "*"}, {"If-Match": ""}])
def test_headers_for_one_alias_are_refused(api, bob, artifact, v1, v2, header):
    aliases.update_many(Actor(bob, Channel.SDK), artifact, {"one": v1, "other": v2})
    headers = {name: value.format(id=v1.pk) for name, value in header.items()}
    url = f"/api/v1/artifacts/{artifact.pk}/aliases"

    assert api(bob).put(url, {"aliases": {"one": "v2"}}, headers=headers).status_code == 400
    assert api(bob).post(f"{url}/swap", {"one": "one", "other": "other"}, headers=headers).status_code == 400
    assert positions(artifact) == {"latest": "v2", "one": "v1", "other": "v2"}


def test_a_body_without_aliases_is_refused(api, bob, artifact, v1):
    for body in ({}, {"reason": "x"}, [], None):
        assert api(bob).put(f"/api/v1/artifacts/{artifact.pk}/aliases", body).status_code == 400


def test_a_hundred_at_once_and_no_more(put, artifact, v1):
    names = [f"a{number}" for number in range(101)]

    assert put(dict.fromkeys(names, "v1")).status_code == 400
    assert positions(artifact) == {"latest": "v1"}
    answer = put(dict.fromkeys(names[:100], "v1"))
    assert (answer.status_code, len(answer.json()["items"]), len(positions(artifact))) == (200, 100, 101)


def test_a_version_of_another_artifact_is_refused(put, bob, artifact, other, v1):
    theirs = log(bob, other, {"a": b"a"})
    answer = put({"x": "v1", "y": str(theirs.pk)})

    assert (answer.status_code, answer.json()["code"]) == (409, "AliasTargetRefused")
    assert positions(artifact) == {"latest": "v1"}


def test_a_version_that_nobody_shows_you_is_missing(put, mallory, foreign, v1):
    theirs = log(mallory, foreign, {"a": b"a"})

    assert put({"x": str(theirs.pk)}).json()["code"] == "VersionNotFound"


@pytest.mark.parametrize("by", ["id", "number"])
def test_a_draft_is_refused(put, bob, artifact, v1, by):
    draft = begin(bob, artifact, {"a": b"a"}).version
    answer = put({"x": str(draft.pk) if by == "id" else draft.version})

    assert (answer.status_code, answer.json()["code"]) == (409, "AliasTargetRefused")


def test_a_deleted_version_is_missing(put, bob, artifact, v1, v2):
    versions.delete(Actor(bob, Channel.SDK), v1)

    assert put({"x": "v1"}).json()["code"] == "VersionNotFound"
    assert put({"x": str(v1.pk)}).json()["code"] == "VersionNotFound"


def test_one_that_is_protected_stops_all(put, alice, api, artifact, v1, v2):
    protection.create(Actor(alice), artifact.project, "prod*")
    answer = put({"staging": "v1", "production": "v1"})

    assert (answer.status_code, answer.json()["code"], answer.json()["alias"]) == (403, "AliasProtected", "production")
    assert positions(artifact) == {"latest": "v2"}
    body = {"aliases": {"staging": "v1", "production": "v1"}}
    assert api(alice).put(f"/api/v1/artifacts/{artifact.pk}/aliases", body).status_code == 200


def test_who_may(api, vera, mallory, artifact, v1):
    body, url = {"aliases": {"x": "v1"}}, f"/api/v1/artifacts/{artifact.pk}/aliases"

    assert api(vera).put(url, body).json()["code"] == "Denied"
    assert api(mallory).put(url, body).status_code == 404
    assert positions(artifact) == {"latest": "v1"}


def test_the_same_name_twice_is_the_last_one(api, bob, artifact, v1, v2):
    body = b'{"aliases": {"x": "v1", "x": "v2"}}'
    answer = api(bob).generic("PUT", f"/api/v1/artifacts/{artifact.pk}/aliases", body, content_type="application/json")

    assert (answer.status_code, positions(artifact)["x"]) == (200, "v2")


def test_the_record_says_who_and_with_which_key(put, bob, artifact, v1):
    put({"a": "v1", "b": "v1"}, artifact_id=str(artifact.pk))

    key = ApiKey.objects.get(user=bob)
    for change in AliasChange.objects.filter(alias__in=["a", "b"]):
        assert (change.changed_by, change.key, change.channel) == (bob, key, "api")


def test_the_verb_says_the_same(bob, vera, artifact, v1, v2):
    with pytest.raises(AliasNotFound):
        aliases.update_many(Actor(bob, Channel.SDK), artifact, {"x": v1, "nope": None})
    with pytest.raises(AliasMoved):
        aliases.update_many(Actor(bob, Channel.SDK), artifact, {"x": v1, "y": v1}, {"y": v1.pk})
    with pytest.raises(AliasTargetRefused):
        aliases.update_many(
            Actor(bob, Channel.SDK), artifact, {"x": v1, "y": begin(bob, artifact, {"z": b"z"}).version}
        )
    with pytest.raises(errors.Denied):
        aliases.update_many(Actor(vera, Channel.SDK), artifact, {"x": v1})
    assert positions(artifact) == {"latest": "v2"}
    assert aliases.update_many(Actor(bob, Channel.SDK), artifact, {}) == []


@pytest.mark.django_db(transaction=True)
def test_calls_at_once_never_mix(put, bob, artifact, v1, v2):
    names = [f"a{number}" for number in range(5)]
    turns = [dict.fromkeys(names if number % 3 else reversed(names), f"v{1 + number % 2}") for number in range(8)]
    answers = at_once(*[lambda targets=targets: put(targets) for targets in turns])

    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        assert len({item["version"] for item in answer.json()["items"]}) == 1
    assert len({version for alias, version in positions(artifact).items() if alias in names}) == 1
    steps = list(
        AliasChange.objects.filter(alias__in=names).order_by("alias", "number").values_list("alias", "to_number")
    )
    tracks = {alias: [to for name, to in steps if name == alias] for alias in names}
    assert len({tuple(track) for track in tracks.values()}) == 1
