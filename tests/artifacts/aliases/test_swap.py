"""Two aliases change places, both or none."""

import pytest

from accounts.actor import Actor, Channel
from artifacts.aliases import aliases, protection
from artifacts.errors import AliasNotFound, AliasProtected, Invalid
from artifacts.models import AliasChange
from core import errors
from tests.artifacts.client import at_once


@pytest.fixture
def url(artifact) -> str:
    return f"/api/v1/artifacts/{artifact.pk}/aliases/swap"


@pytest.fixture
def blue_and_green(bob, artifact, v1, v2) -> None:
    aliases.update_many(Actor(bob, Channel.SDK), artifact, {"blue": v1, "green": v2})


def positions(artifact) -> tuple[str, ...]:
    return tuple(aliases.get(artifact, alias).version.version for alias in ("blue", "green"))


def test_they_exchange_versions(api, bob, artifact, blue_and_green, url):
    answer = api(bob).post(url, {"one": "blue", "other": "green", "reason": "Green is warm"})

    assert answer.status_code == 200
    assert [(item["alias"], item["version"]) for item in answer.json()["items"]] == [("blue", "v2"), ("green", "v1")]
    assert positions(artifact) == ("v2", "v1")
    changes = AliasChange.objects.filter(reason="Green is warm").order_by("alias")
    assert [str(change) for change in changes] == ["blue: v1 → v2", "green: v2 → v1"]


def test_two_on_the_same_version_stay(bob, artifact, v1):
    aliases.update_many(Actor(bob, Channel.SDK), artifact, {"blue": v1, "green": v1})
    before = AliasChange.objects.count()
    aliases.swap(Actor(bob, Channel.SDK), artifact, "blue", "green")

    assert (positions(artifact), AliasChange.objects.count()) == (("v1", "v1"), before)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"one": "blue", "other": "nope"}, 404, "AliasNotFound"),
        ({"one": "a b", "other": "blue"}, 404, "AliasNotFound"),
        ({"one": "blue", "other": "blue"}, 400, "Invalid"),
        ({"one": "blue"}, 400, "Invalid"),
        ({"one": "", "other": "blue"}, 400, "Invalid"),
        ({"one": "blue", "other": "a\0"}, 400, "Invalid"),
        ({"one": "blue", "other": None}, 400, "Invalid"),
        ({"one": "blue", "other": ["green"]}, 400, "Invalid"),
        ({"one": "blue", "other": "green", "reason": "x" * 1001}, 400, "Invalid"),
        ({"one": "blue", "other": "green", "artifact_id": "01a1fae0-801f-75cf-be9e-f38e58f844da"}, 400, "Invalid"),
        ([], 400, "Invalid"),
        (None, 400, "Invalid"),
    ],
)
def test_what_makes_no_sense_is_refused(api, bob, artifact, blue_and_green, url, body, status, code):
    answer = api(bob).post(url, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert positions(artifact) == ("v1", "v2")


def test_the_verb_says_the_same(bob, vera, artifact, blue_and_green):
    with pytest.raises(AliasNotFound):
        aliases.swap(Actor(bob, Channel.SDK), artifact, "blue", "nope")
    with pytest.raises(Invalid):
        aliases.swap(Actor(bob, Channel.SDK), artifact, "blue", "blue")
    with pytest.raises(errors.Denied):
        aliases.swap(Actor(vera, Channel.SDK), artifact, "blue", "green")
    assert positions(artifact) == ("v1", "v2")


@pytest.mark.parametrize("pattern", ["blue", "gre*"])
def test_one_that_is_protected_keeps_both(api, alice, bob, artifact, blue_and_green, url, pattern):
    protection.create(Actor(alice), artifact, pattern)
    with pytest.raises(AliasProtected):
        aliases.swap(Actor(bob, Channel.SDK), artifact, "blue", "green")

    assert api(bob).post(url, {"one": "blue", "other": "green"}).json()["code"] == "AliasProtected"
    assert positions(artifact) == ("v1", "v2")


def test_who_may(api, vera, mallory, artifact, blue_and_green, url):
    body = {"one": "blue", "other": "green"}

    assert api(vera).post(url, body).json()["code"] == "Denied"
    assert api(mallory).post(url, body).status_code == 404
    assert positions(artifact) == ("v1", "v2")


@pytest.mark.parametrize("alias", ["swap", "history", "suggestions"])
def test_segments_of_the_urls_are_no_aliases(api, bob, artifact, v1, alias):
    answer = api(bob).post(f"/api/v1/artifacts/{artifact.pk}/aliases", {"alias": alias, "version_id": str(v1.pk)})

    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidName")


@pytest.mark.django_db(transaction=True)
def test_swaps_at_once_leave_one_alias_per_version(bob, artifact, blue_and_green):
    turns = [("blue", "green"), ("green", "blue")] * 4
    outcomes = at_once(*[lambda turn=turn: aliases.swap(Actor(bob, Channel.SDK), artifact, *turn) for turn in turns])

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert positions(artifact) == ("v1", "v2")
