"""Changing what is said of an artifact."""

import pytest

from accounts.actor import Actor
from artifacts import artifacts
from artifacts.errors import InvalidName, NameTaken
from core import errors
from tests.artifacts.client import log

ARTIFACTS = "/api/v1/artifacts"


@pytest.mark.parametrize("method", ["put", "patch"])
def test_an_editor_changes_what_is_given_and_nothing_else(api, bob, artifact, method):
    client, url = api(bob), f"{ARTIFACTS}/{artifact.pk}"
    before = client.get(url).json()
    changes = {"description": "Rows", "metadata": {"rows": {"n": [1]}}, "tags": ["raw", "raw", "big"]}
    answer = getattr(client, method)(url, changes)

    assert answer.status_code == 200
    after = answer.json()
    assert {name for name in after if after[name] != before[name]} == {"description", "metadata", "tags", "updated_at"}
    assert (after["description"], after["tags"]) == ("Rows", ["raw", "big"])
    assert client.get(url).json() == after


def test_an_artifact_can_have_another_name(api, bob, artifact, v1):
    answer = api(bob).patch(f"{ARTIFACTS}/{artifact.pk}", {"name": "rows"})

    assert (answer.status_code, answer.json()["name"]) == (200, "rows")
    assert api(bob).get(f"{ARTIFACTS}/resolve", {"name": "acme/demo/rows"}).status_code == 200
    assert api(bob).get(f"{ARTIFACTS}/resolve", {"name": "acme/demo/data"}).json()["artifact"]["name"] == "rows"


def test_tags_can_be_taken_away(bob, artifact):
    artifacts.update(Actor(bob), artifact, tags=["a"])

    assert artifacts.update(Actor(bob), artifact, tags=[]).tags == []


def test_tags_are_added_and_removed_one_by_one(api, bob, artifact):
    client, url = api(bob), f"{ARTIFACTS}/{artifact.pk}"
    client.patch(url, {"tags": ["a", "b"]})
    assert client.patch(url, {"add_tags": ["c", "a", "c"], "remove_tags": ["b", "absent"]}).json()["tags"] == ["a", "c"]
    # Somebody who has read the artifact before loses nothing.
    artifacts.update(Actor(bob), artifact, add_tags=["d"])
    assert client.get(url).json()["tags"] == ["a", "c", "d"]

    answer = client.patch(url, {"add_tags": [f"t{number}" for number in range(98)], "description": "not taken"})
    assert (answer.status_code, answer.json()["detail"]) == (
        400,
        "An artifact has at most 100 tags: remove some first.",
    )
    assert client.get(url).json()["tags"] == ["a", "c", "d"]
    assert client.patch(url, {"add_tags": "x"}).status_code == 400
    assert client.get(url).json()["description"] != "not taken"


def test_the_type_is_one_of_those_that_there_are(api, bob, artifact):
    url = f"{ARTIFACTS}/{artifact.pk}"

    assert api(bob).patch(url, {"type": "model"}).json()["type"] == "model"
    assert api(bob).patch(url, {"type": "models"}).status_code == 400


def test_counts_are_not_for_people_to_write(api, bob, artifact, v1):
    answer = api(bob).patch(f"{ARTIFACTS}/{artifact.pk}", {"version_count": 7, "latest_version": "v7", "project": "x"})

    assert (answer.json()["version_count"], answer.json()["latest_version"]) == (1, "v1")


def test_a_name_that_another_has_is_refused(api, bob, artifact, other):
    with pytest.raises(NameTaken):
        artifacts.update(Actor(bob), artifact, name="other")

    answer = api(bob).patch(f"{ARTIFACTS}/{artifact.pk}", {"name": "other", "description": "x"})
    assert (answer.status_code, answer.json()["artifact_id"]) == (409, str(other.pk))
    artifact.refresh_from_db()
    assert (artifact.name, artifact.description) == ("data", "")


@pytest.mark.parametrize("name", ["", "a b", "../x", "a\n", "x" * 129, None])
def test_a_name_outside_the_alphabet_is_refused(api, bob, artifact, name):
    if name is not None:
        with pytest.raises(InvalidName):
            artifacts.update(Actor(bob), artifact, name=name)

    assert api(bob).patch(f"{ARTIFACTS}/{artifact.pk}", {"name": name}).status_code == 400


def test_a_body_that_names_another_artifact_is_refused(api, bob, artifact, other):
    url = f"{ARTIFACTS}/{artifact.pk}"

    assert api(bob).put(url, {"artifact_id": str(artifact.pk), "description": "x"}).status_code == 200
    assert api(bob).put(url, {"artifact_id": str(other.pk), "description": "y"}).status_code == 400
    artifact.refresh_from_db()
    assert artifact.description == "x"


def test_a_viewer_changes_nothing(api, vera, artifact):
    with pytest.raises(errors.Denied):
        artifacts.update(Actor(vera), artifact, description="x")

    assert api(vera).patch(f"{ARTIFACTS}/{artifact.pk}", {"description": "x"}).status_code == 403


def test_contents_stay_when_descriptions_change(bob, artifact, v1):
    artifacts.update(Actor(bob), artifact, description="x", tags=["a"])
    v2 = log(bob, artifact, {"two": b"2"})

    assert v2.version == "v2"
    artifact.refresh_from_db()
    assert (artifact.version_count, artifact.latest_version) == (2, "v2")
