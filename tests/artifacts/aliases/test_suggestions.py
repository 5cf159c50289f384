"""What an alias could be called: as others in the project are, as is common, as the next version."""

import pytest
from django.db import connection
from django.utils import timezone

from accounts.actor import Actor, Channel
from artifacts import artifacts
from artifacts.aliases import aliases, suggestions
from artifacts.aliases.suggestions import COMMON, MAX_IN_USE
from artifacts.models import Artifact, ArtifactAlias, ArtifactVersion
from tests.artifacts.client import log


@pytest.fixture
def url(artifact) -> str:
    return f"/api/v1/artifacts/{artifact.pk}/aliases/suggestions"


@pytest.fixture
def name(bob, artifact, v1):
    """`name("x", "y")`: the artifact's version gets these aliases."""

    def give(*names: str, of: Artifact = artifact, to: ArtifactVersion = v1) -> None:
        aliases.update_many(Actor(bob, Channel.SDK), of, dict.fromkeys(names, to))

    return give


def suggested(artifact, typed: str = "", why: str = "") -> list[str]:
    row = suggestions.suggest(artifact, typed)
    assert len({item.alias for item in row}) == len(row)
    return [item.alias for item in row if why in ("", item.why)]


def test_an_artifact_without_any(artifact):
    assert suggested(artifact) == [*COMMON, "v0.1.0", "v1.0.0"]


def test_what_the_project_uses_comes_first_the_most_used_first(alice, bob, project, artifact, v1, name):
    for number, names in enumerate([["blessed", "canary"], ["blessed"], ["abandoned"]]):
        other = artifacts.create(Actor(alice), project, f"other{number}", "model")
        name(*names, of=other, to=log(bob, other, {"a": bytes([number])}))

    assert suggested(artifact) == [
        "blessed", "abandoned", "canary",  # in use, and lacking here
        "latest",  # in use, and here
        "production", "staging", "stable", "best", "candidate",  # common
        "v0.1.0", "v1.0.0",
    ]  # fmt: skip


def test_those_it_has_come_after_those_it_lacks(bob, artifact, other, v1, name):
    name("production", "staging")
    name("production", "rare", of=other, to=log(bob, other, {"a": b"a"}))

    assert suggested(artifact, why="in use") == ["rare", "latest", "production", "staging"]
    assert suggested(artifact, why="common") == ["stable", "best", "candidate"]


def test_other_projects_are_none_of_its_business(mallory, artifact, foreign, v1):
    aliases.move(Actor(mallory, Channel.SDK), foreign, "secret-plan", log(mallory, foreign, {"a": b"a"}))

    assert "secret-plan" not in suggested(artifact)


@pytest.mark.parametrize(
    ("there", "next_versions"),
    [
        ([], ["v0.1.0", "v1.0.0"]),
        (["v1.2.3"], ["v1.2.4", "v1.3.0", "v2.0.0"]),
        (["v1.2.3", "v1.10.0", "v1.9.9"], ["v1.10.1", "v1.11.0", "v2.0.0"]),
        (["1.2.3"], ["1.2.4", "1.3.0", "2.0.0"]),
        (["v1.0.0", "2.0.0"], ["2.0.1", "2.1.0", "3.0.0"]),
        (["v0.0.0"], ["v0.0.1", "v0.1.0", "v1.0.0"]),
        (["v2.0.0-rc.1", "v1.9.0"], ["v2.0.0", "v2.1.0", "v3.0.0"]),
        (["v2.0.0-rc.1", "v2.0.0"], ["v2.0.1", "v2.1.0", "v3.0.0"]),
        (["v999999999.0.0"], ["v999999999.0.1", "v999999999.1.0", "v1000000000.0.0"]),
        (["v1", "v1.2", "v1.2.3.4", "v01.2.3", "v1.2.x", "V1.2.3", "v1.2.9999999999"], ["v0.1.0", "v1.0.0"]),
    ],
)
def test_the_version_that_follows_the_highest(artifact, name, there, next_versions):
    name(*there)

    assert suggested(artifact, why="next version") == next_versions


def test_versions_of_others_are_not_the_habit_of_this_one(bob, artifact, other, v1, name):
    name("v7.0.0", of=other, to=log(bob, other, {"a": b"a"}))

    name("v7.0.0-rc.1", "7.0.1", of=other, to=other.versions.get())
    assert suggested(artifact, why="in use") == ["latest"]
    assert suggested(artifact, "7", why="in use") == []
    assert suggested(artifact, why="next version") == ["v0.1.0", "v1.0.0"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("st", ["staging", "stable", "best", "latest"]),
        ("ST", ["staging", "stable", "best", "latest"]),
        ("v", ["v0.1.0", "v1.0.0"]),
        ("0", ["v0.1.0", "v1.0.0"]),
        ("prod", ["prod-eu", "production"]),
        ("%", []),
        ("_", []),
        ("d-e", ["prod-eu"]),
        ("nothing like it", []),
        ("x" * 100, []),
    ],
)
def test_what_was_typed(artifact, name, typed, expected):
    name("prod-eu", "PROD_US") if typed == "_" else name("prod-eu")
    expected = ["PROD_US"] if typed == "_" else expected

    assert sorted(suggested(artifact, typed)) == sorted(expected)
    if typed == "prod":
        assert suggested(artifact, typed) == expected


def test_what_begins_so_comes_before_what_holds_it(artifact, v1):
    assert suggested(artifact, "st") == ["staging", "stable", "latest", "best"]


def test_over_http(api, vera, mallory, bob, artifact, url, v1, name):
    name("v1.2.3", "production")
    body = api(vera).get(url, {"q": "v"}).json()

    assert body == {
        "items": [
            {"alias": "v1.2.4", "why": "next version"},
            {"alias": "v1.3.0", "why": "next version"},
            {"alias": "v2.0.0", "why": "next version"},
        ]
    }
    assert len(api(vera).get(url).json()["items"]) == len(api(vera).get(url, {"q": ""}).json()["items"]) > 8
    assert api(mallory).get(url).status_code == 404
    assert api(vera).get(url, {"q": "x" * 101}).status_code == 400
    assert api(vera).get(f"{url}?q=%00").status_code == 400
    assert api(vera).post(url, {}).status_code == 405


def test_it_costs_the_same_however_much_there_is(api, vera, alice, bob, artifact, url, v1, django_assert_num_queries):
    client = api(vera)
    client.get(url)
    # Key, artifact; its own aliases, the project's artifacts, their aliases.
    with django_assert_num_queries(5):
        client.get(url)
    _crowd(artifact, v1, bob, artifacts_there=150, aliases_per_artifact=30)
    with django_assert_num_queries(5):
        items = client.get(url).json()["items"]
    assert len(items) == MAX_IN_USE + len(COMMON) - 1 + 2


def test_suggestions_are_aliases(artifact, bob, v1, name):
    name("v1.2.3")
    for alias in suggested(artifact):
        aliases.move(Actor(bob, Channel.SDK), artifact, alias, v1)


def _crowd(artifact, version, user, artifacts_there: int, aliases_per_artifact: int) -> None:
    """Rows as they stand, past the verbs: the versions that they would need are not what is looked at."""
    assert connection.in_atomic_block
    many = [
        Artifact(project=artifact.project, name=f"a{number:04}", type="model", created_by=user)
        for number in range(artifacts_there)
    ]
    Artifact.objects.bulk_create(many)
    made = [
        ArtifactVersion(
            artifact=item, number=1, state="finalized", finalized_at=timezone.now(), storage_path=f"p/{item.pk}"
        )
        for item in many
    ]
    ArtifactVersion.objects.bulk_create(made)
    ArtifactAlias.objects.bulk_create(
        ArtifactAlias(artifact=item.artifact, version=item, alias=f"name-{number:03}")
        for item in made
        for number in range(aliases_per_artifact)
    )
