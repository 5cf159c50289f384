"""A version says from which others it was derived without a run."""

from uuid import uuid4

import pytest

from accounts.actor import Actor, Channel
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.models import ArtifactVersion, VersionSource
from core import errors
from projects.models import Project
from tests.artifacts.client import digest_of, file_specs, fill, log
from tests.artifacts.lineage import histories

API = "/api/v1/artifacts"


def sources_of(version: ArtifactVersion) -> dict[str, str]:
    rows = VersionSource.objects.filter(version=version).select_related("source__artifact")
    return {str(row.source): row.requested_as for row in rows}


def test_every_way_to_name_a_source(api, alice, bob, acme, artifact, other):
    first, second, third = histories.versions(artifact, 3)
    aliases.move(Actor(alice), artifact, "production", first)
    elsewhere = Project.objects.create(team=acme, name="elsewhere", created_by=alice)
    far = artifacts.create(Actor(alice), elsewhere, "far", "dataset")
    histories.versions(far, 1)
    names = ["data:production", "data:v2", str(third.pk), "acme/elsewhere/far:v1", "data:v2", str(first.pk)]
    answer = api(bob).post(f"{API}/{other.pk}/versions", {"derived_from": names})

    assert answer.status_code == 201
    draft = ArtifactVersion.objects.get(pk=answer.json()["id"])
    assert sources_of(draft) == {"data:v1": "production", "data:v2": "v2", "data:v3": "", "far:v1": "v1"}
    # How it was asked for stays, wherever the alias goes.
    aliases.move(Actor(alice), artifact, "production", second)
    assert sources_of(draft)["data:v1"] == "production"


def test_with_a_new_artifact_in_one_step(api, bob, project, artifact):
    histories.versions(artifact, 1)
    body = {"project": "acme/demo", "name": "new", "type": "file", "version": {"derived_from": ["data:v1"]}}
    answer = api(bob).post(API, body)
    assert answer.status_code == 201
    assert sources_of(ArtifactVersion.objects.get(pk=answer.json()["version"]["id"])) == {"data:v1": "v1"}
    body |= {"name": "newer", "version": {"derived_from": ["data:none"]}}
    assert api(bob).post(API, body).status_code == 404
    assert not project.artifacts.filter(name="newer").exists()


@pytest.mark.parametrize(
    ("sent", "status", "code", "sentence"),
    [
        (["data:none"], 404, "AliasNotFound", "none"),
        (["data:v9"], 404, "VersionNotFound", "v9"),
        (["nothing"], 404, "Missing", "nothing"),
        (["mallory/hers/data:v1"], 404, "Missing", "not found"),
        (["{hidden}"], 404, "Missing", "was not found"),
        ([str(uuid4())[:-4] + "0000"], 404, "Missing", "was not found"),
        (["{draft}"], 400, "Invalid", "is a draft: finalize it"),
        (["{deleted}"], 404, "Missing", "was deleted"),
        (["a/b"], 400, "Invalid", "team/project/name"),
        ([""], 400, "Invalid", ""),
        (["data:v1\nx"], 400, "Invalid", ""),
        (["x" * 401], 400, "Invalid", ""),
        ([7, None], 400, "Invalid", ""),
        ("data:v1", 400, "Invalid", ""),
        ([f"data:v{number}" for number in range(1, 102)], 400, "Invalid", ""),
    ],
    ids=range(15),
)
def test_refusals_create_nothing(api, bob, mallory, artifact, other, foreign, sent, status, code, sentence):
    histories.versions(artifact, 1)
    [gone] = histories.versions(artifact, 1)
    versions.delete(Actor(bob), ArtifactVersion.objects.get(pk=gone.pk))
    [hidden] = histories.versions(foreign, 1)
    draft = versions.begin(Actor(bob), artifact).version
    known = {"hidden": hidden.pk, "draft": draft.pk, "deleted": gone.pk}
    if isinstance(sent, list):
        sent = [name.format(**known) if isinstance(name, str) else name for name in sent]
    answer = api(bob).post(f"{API}/{other.pk}/versions", {"derived_from": sent})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert sentence in answer.json()["detail"]
    assert not other.versions.exists() and not VersionSource.objects.exists()


def test_the_draft_of_an_interrupted_try_has_the_sources_of_the_next(bob, artifact, other):
    histories.versions(artifact, 2)
    files = {"a": b"a"}
    begin = {"digest": digest_of(files), "specs": file_specs(files)}
    first = versions.begin(Actor(bob), other, **begin, derived_from=["data:v1"]).version
    again = versions.begin(Actor(bob), other, **begin, derived_from=["data:v2"]).version
    assert again == first and sources_of(first) == {"data:v2": "v2"}
    versions.begin(Actor(bob), other, **begin)
    assert sources_of(first) == {}
    with pytest.raises(errors.Invalid):
        versions.begin(Actor(bob), other, **begin, derived_from=[str(first.pk)])


def test_a_version_with_the_same_contents_keeps_its_own(bob, artifact, other):
    histories.versions(artifact, 2)
    made = log(bob, other, {"a": b"a"}, derived_from=["data:v1"])
    assert log(bob, other, {"a": b"a"}, derived_from=["data:v2"]) == made
    assert sources_of(made) == {"data:v1": "v1"}


def test_a_draft_that_gives_way_forgets_what_it_said(alice, bob, artifact, other):
    histories.versions(artifact, 2)
    first, second = fill(bob, other, {"a": b"a"}), fill(alice, other, {"a": b"a"}, derived_from=["data:v1"])
    made = versions.finalize(Actor(bob), first).version
    assert sources_of(second) == {"data:v1": "v1"}
    assert versions.finalize(Actor(alice), second).version == made
    draft = versions.begin(Actor(bob), other, derived_from=["data:v2"]).version
    versions.delete(Actor(bob), draft)
    assert not VersionSource.objects.exists()


def test_edges_go_with_what_they_join(bob, alice, artifact, other):
    histories.versions(artifact, 2)
    made = log(bob, other, {"a": b"a"}, derived_from=["data:v1"])
    versions.delete(Actor(bob, Channel.SDK), made)
    assert sources_of(made) == {"data:v1": "v1"}
    artifacts.delete(Actor(alice), artifact)
    assert not VersionSource.objects.exists()
    [source] = histories.versions(other, 1)
    [derived] = histories.versions(other, 1)
    histories.derive([(derived, source)])
    artifacts.delete(Actor(alice), other)
    assert not VersionSource.objects.exists()


def test_more_than_a_hundred_sources_are_refused_by_the_verb(bob, artifact, other):
    with pytest.raises(errors.Invalid, match="at most 100"):
        versions.begin(Actor(bob), other, derived_from=["data:v1"] * 101)
