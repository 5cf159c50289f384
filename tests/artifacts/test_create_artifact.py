"""A new artifact: whose it is, what it may be called, and what the wire says of it."""

from datetime import datetime
from uuid import UUID

import pytest

from accounts.actor import Actor
from artifacts import artifacts
from artifacts.errors import InvalidName, NameTaken
from artifacts.models import Artifact
from core import errors
from projects.models import Visibility
from tests.artifacts.client import at_once

ARTIFACTS = "/api/v1/artifacts"
BAD_NAMES = ["", " ", "a b", "a/b", ".hidden", "-x", "_x", "ä", "a\n", "\na", "a:b", "x" * 129, "a\0b", "a%", "日本"]


def test_an_editor_makes_an_artifact(bob, project):
    artifact = artifacts.create(Actor(bob), project, "data", "dataset", tags=["a", "b", "a"], metadata={"rows": 3})

    assert (artifact.latest_version, artifact.version_count, artifact.auto_latest) == (None, 0, True)
    assert artifact.tags == ["a", "b"]
    assert artifact.created_by == bob


@pytest.mark.parametrize("type", ["model", "dataset", "file", "code"])
@pytest.mark.parametrize("name", ["a", "9", "a.b-c_d", "A" * 128])
def test_names_and_types_that_are_fine(bob, project, name, type):
    assert artifacts.create(Actor(bob), project, name, type).name == name


def test_the_body_is_complete(api, bob, project):
    requested = {
        "name": "data", "type": "dataset", "description": "Rows", "metadata": {"rows": [1, 2.5]}, "tags": ["raw"],
        "auto_latest": False,
    }  # fmt: skip
    answer = api(bob).post(ARTIFACTS, requested | {"project": "acme/demo"})

    assert answer.status_code == 201
    body = answer.json()
    assert body | requested == body
    assert body.keys() == {
        "alias_count", "alias_versions", "kind",
        "id", "name", "type", "project", "project_name", "description", "metadata", "tags", "auto_latest",
        "version_count", "latest_version", "aliases", "created_by", "created_at", "updated_at", "url",
    }  # fmt: skip
    assert UUID(body["id"]).version == 7
    assert (body["project"], body["project_name"], body["created_by"]) == (str(project.pk), "acme/demo", "bob")
    assert (body["version_count"], body["latest_version"], body["aliases"]) == (0, None, [])
    assert datetime.fromisoformat(body["created_at"]).utcoffset().total_seconds() == 0
    assert api(bob).get(f"{ARTIFACTS}/{body['id']}").json() == body


def test_a_project_is_named_by_its_id_too(api, bob, project):
    answer = api(bob).post(ARTIFACTS, {"project": str(project.pk), "name": "data", "type": "model"})

    assert answer.status_code == 201
    assert answer.json()["project_name"] == "acme/demo"


def test_the_same_name_is_free_in_another_project(alice, bob, project, acme):
    elsewhere = acme.projects.create(name="elsewhere", created_by=alice)
    artifacts.create(Actor(bob), project, "data", "dataset")

    assert artifacts.create(Actor(bob), elsewhere, "data", "dataset").project == elsewhere


def test_a_name_is_taken_once(api, bob, artifact):
    with pytest.raises(NameTaken):
        artifacts.create(Actor(bob), artifact.project, "data", "model")

    answer = api(bob).post(ARTIFACTS, {"project": "acme/demo", "name": "data", "type": "dataset"})
    assert (answer.status_code, answer.json()["code"]) == (409, "NameTaken")
    assert answer.json()["artifact_id"] == str(artifact.pk)
    assert Artifact.objects.count() == 1


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_outside_the_alphabet_is_refused(api, bob, project, name):
    with pytest.raises(InvalidName):
        artifacts.create(Actor(bob), project, name, "dataset")

    answer = api(bob).post(ARTIFACTS, {"project": "acme/demo", "name": name, "type": "dataset"})
    assert answer.status_code == 400
    assert Artifact.objects.count() == 0


@pytest.mark.parametrize("type", ["", "directory", "Dataset", "job", "x" * 65, "model\n", None, 3])
def test_an_unknown_type_is_refused(api, bob, project, type):
    answer = api(bob).post(ARTIFACTS, {"project": "acme/demo", "name": "data", "type": type})

    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")
    assert "type" in answer.json()["errors"]
    assert Artifact.objects.count() == 0


def test_an_unknown_type_is_refused_by_the_verb(bob, project):
    with pytest.raises(InvalidName):
        artifacts.create(Actor(bob), project, "data", "directory")


@pytest.mark.parametrize(
    "wrong",
    [
        {"metadata": [1]},
        {"metadata": "text"},
        {"tags": "raw"},
        {"tags": ["x" * 129]},
        {"tags": ["line\nend"]},
        {"tags": [{}]},
        {"description": "x" * (2**16 + 1)},
        {"auto_latest": "perhaps"},
        {"project": ""},
        {"project": None},
    ],
)
def test_fields_have_bounds(api, bob, project, wrong):
    answer = api(bob).post(ARTIFACTS, {"project": "acme/demo", "name": "data", "type": "file"} | wrong)

    assert answer.status_code == 400
    assert next(iter(wrong)) in next(iter(answer.json()["errors"]))
    assert Artifact.objects.count() == 0


def test_a_viewer_makes_none(api, vera, project):
    with pytest.raises(errors.Denied):
        artifacts.create(Actor(vera), project, "data", "dataset")

    answer = api(vera).post(ARTIFACTS, {"project": "acme/demo", "name": "data", "type": "dataset"})
    assert (answer.status_code, answer.json()["code"]) == (403, "Denied")


def test_a_stranger_learns_nothing_of_the_project(api, mallory, project):
    there = api(mallory).post(ARTIFACTS, {"project": "acme/demo", "name": "data", "type": "dataset"})
    not_there = api(mallory).post(ARTIFACTS, {"project": "acme/none", "name": "data", "type": "dataset"})

    assert there.status_code == not_there.status_code == 404
    assert there.json()["detail"] == not_there.json()["detail"].replace("none", "demo")


def test_an_internal_project_is_seen_but_not_written(api, mallory, project):
    project.visibility = Visibility.INTERNAL
    project.save()

    answer = api(mallory).post(ARTIFACTS, {"project": "acme/demo", "name": "data", "type": "dataset"})
    assert answer.status_code == 403


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gets_the_name(bob, project):
    answers = at_once(*[lambda: artifacts.create(Actor(bob), project, "data", "dataset") for _ in range(6)])

    [made] = [answer for answer in answers if isinstance(answer, Artifact)]
    refusals = [answer for answer in answers if isinstance(answer, NameTaken)]
    assert len(refusals) == 5
    assert {refusal.extra["artifact_id"] for refusal in refusals} == {str(made.pk)}


def with_version(name="data", project="acme/new", **version):
    return {"project": project, "create_project": True, "name": name, "type": "dataset", "version": version}


def test_an_artifact_begins_with_its_first_draft_in_a_new_project(api, bob, acme):
    file = {"path": "a", "size": 1, "sha256": "0" * 64}
    answer = api(bob).post(ARTIFACTS, with_version(files=[file], metadata={"rows": 1}, aliases=["production"]))

    assert answer.status_code == 201
    version = answer.json()["version"]
    assert (answer.json()["project_name"], version["state"], version["created"]) == ("acme/new", "draft", True)
    assert (version["missing"], version["metadata"], version["file_count"]) == (["0" * 64], {"rows": 1}, 1)
    again = api(bob).post(ARTIFACTS, with_version())
    assert (again.status_code, again.json()["artifact_id"]) == (409, answer.json()["id"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (with_version(metadata={"x": "\0"}), 400),
        (with_version(aliases=["a b"]), 400),
        (with_version(files=[{"path": "../a", "size": 1, "sha256": "0" * 64}]), 400),
        (with_version(files=[{"path": path, "size": 1, "sha256": "0" * 64} for path in ("a", "a/b")]), 409),
        (with_version(name="a b"), 400),
        (with_version(run_id="01890000-0000-7000-8000-000000000000"), 404),
        (with_version(project="nobody/new"), 404),
        ({**with_version(), "create_project": False}, 404),
    ],
)
def test_if_anything_is_refused_nothing_is_created(api, bob, acme, body, status):
    assert api(bob).post(ARTIFACTS, body).status_code == status
    assert (Artifact.objects.count(), acme.projects.count()) == (0, 0)


def test_a_run_of_another_project_is_refused_before_anything_is_created(api, bob, acme, run):
    answer = api(bob).post(ARTIFACTS, with_version(run_id=str(run.pk)))
    assert answer.status_code == 400
    assert "belongs to another project" in answer.json()["detail"]
    assert not acme.projects.filter(name="new").exists()


def test_a_viewer_creates_neither(api, vera, acme):
    assert api(vera).post(ARTIFACTS, with_version()).status_code == 403
    assert not acme.projects.exists()
