"""Tags of versions: the version's own, changed at any time, shown wherever the version is."""

import pytest

from accounts.actor import Actor
from artifacts import name_resolution, versions
from artifacts.models import ArtifactVersion, VersionTag
from core import errors
from tests.artifacts.client import begin, log

ARTIFACTS = "/api/v1/artifacts"


def test_tags_are_set_added_and_removed(api, bob, artifact, v1, v2):
    client, url = api(bob), f"{ARTIFACTS}/versions/{v1.pk}"

    assert client.patch(url, {"tags": ["clean", "two words", "clean"]}).json()["tags"] == ["clean", "two words"]
    assert client.patch(url, {"add_tags": ["eu", "clean"], "remove_tags": ["two words", "never"]}).json()["tags"] == [
        "clean",
        "eu",
    ]
    assert client.get(url).json()["tags"] == ["clean", "eu"]
    listed = client.get(f"{ARTIFACTS}/{artifact.pk}/versions").json()["items"]
    assert [item["tags"] for item in listed] == [[], ["clean", "eu"]]
    assert list(ArtifactVersion.objects.with_tag("eu")) == [v1]
    # Those of the artifact are others.
    assert client.get(f"{ARTIFACTS}/{artifact.pk}").json()["tags"] == []


def test_resolving_shows_the_tags_by_every_way(api, bob, artifact, v1):
    versions.describe(Actor(bob), v1, tags=["clean", "two words"])
    client = api(bob)
    for query in ("data:v1", "data:latest", "data"):
        answer = client.get(f"{ARTIFACTS}/resolve", {"name": f"acme/demo/{query}"})
        assert answer.json()["version"]["tags"] == ["clean", "two words"], query
    for suffix in ("latest", "v1"):
        assert name_resolution.resolve(bob, f"acme/demo/data:{suffix}").version.tags == ["clean", "two words"]


def test_a_draft_is_begun_with_tags(api, bob, artifact):
    client = api(bob)
    body = {"tags": ["raw"], "ttl_seconds": 3600}
    draft = client.post(f"{ARTIFACTS}/{artifact.pk}/versions", body).json()

    assert (draft["tags"], draft["ttl_seconds"]) == (["raw"], 3600)


def test_a_draft_that_is_begun_again_has_the_tags_of_the_last_call(bob, artifact):
    first = begin(bob, artifact, {"a": b"a"}, tags=["raw"]).version
    second = begin(bob, artifact, {"a": b"a"}).version

    assert first == second
    assert second.tags == []


def test_there_are_bounds(api, bob, v1):
    client, url = api(bob), f"{ARTIFACTS}/versions/{v1.pk}"

    assert client.patch(url, {"tags": ["x\ny"]}).status_code == 400
    assert client.patch(url, {"add_tags": [f"t{n}" for n in range(100)]}).status_code == 200
    with pytest.raises(errors.Invalid, match="at most 100 tags"):
        versions.describe(Actor(bob), v1, add_tags=["one more"])
    assert v1.tag_set.count() == 100


def test_who_may_not_write_changes_none(api, vera, mallory, v1):
    url = f"{ARTIFACTS}/versions/{v1.pk}"

    assert api(vera).patch(url, {"tags": ["x"]}).status_code == 403
    assert api(mallory).patch(url, {"tags": ["x"]}).status_code == 404
    assert not VersionTag.objects.exists()


def test_tags_go_with_the_artifact(api, alice, bob, artifact, v1):
    versions.describe(Actor(bob), v1, tags=["clean"])

    assert api(alice).delete(f"{ARTIFACTS}/{artifact.pk}").status_code == 204
    assert not VersionTag.objects.exists()


def test_a_list_with_tags_takes_as_many_queries_as_one_without(
    api, bob, artifact, django_assert_num_queries, django_assert_max_num_queries
):
    for number in range(3):
        versions.describe(Actor(bob), log(bob, artifact, {"a": b"%d" % number}), tags=["a", "b"])

    with django_assert_num_queries(1):
        assert [row.tags for row in ArtifactVersion.objects.with_tag_lines()] == [["a", "b"]] * 3
