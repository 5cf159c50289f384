"""From the name that a person writes to the version that is meant."""

import pytest

from accounts.actor import Actor, Channel
from artifacts import artifacts, name_resolution, versions
from artifacts.aliases import aliases, proposals
from artifacts.errors import AliasNotFound, Invalid, InvalidName, Missing, TypeDiffers, VersionNotFound
from artifacts.models import ArtifactAlias
from projects.models import Visibility
from tests.artifacts.client import begin, log

ARTIFACTS = "/api/v1/artifacts"


def named(user, name: str, **more) -> tuple[str, str | None]:
    result = name_resolution.resolve(user, name, **more)
    return result.version.version, result.alias


def test_a_name_alone_means_latest(vera, v1, v2):
    assert named(vera, "acme/demo/data") == ("v2", "latest")
    assert named(vera, "acme/demo/data:") == ("v2", "latest")
    assert named(vera, "acme/demo/data:latest") == ("v2", "latest")


def test_a_version_is_meant_by_its_number(vera, v1, v2):
    assert named(vera, "acme/demo/data:v1") == ("v1", None)
    assert named(vera, "acme/demo/data:v2") == ("v2", None)


def test_an_alias_is_meant_by_its_name(vera, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "v1.2.3", v1)

    assert named(vera, "acme/demo/data:v1.2.3") == ("v1", "v1.2.3")


def test_the_name_of_a_team_is_the_same_in_capitals(vera, v1):
    assert named(vera, "ACME/demo/data:v1") == ("v1", None)


def test_a_version_and_an_alias_of_the_same_name_are_two_things(vera, bob, artifact, v1, v2):
    aliases.move(Actor(bob, Channel.SDK), artifact, "v1", v2)

    assert named(vera, "acme/demo/data:v1") == ("v1", None)
    # Said outright, nothing is guessed.
    assert named(vera, "acme/demo/data", alias="v1") == ("v2", "v1")
    assert named(vera, "acme/demo/data", version="v1") == ("v1", None)

    versions.delete(Actor(bob, Channel.SDK), v1)
    with pytest.raises(VersionNotFound, match=r"Version v1 of artifact 'data' was deleted\."):
        name_resolution.resolve(vera, "acme/demo/data:v1")
    assert named(vera, "acme/demo/data", alias="v1") == ("v2", "v1")


def test_an_alias_cannot_be_called_as_a_version_to_come(api, vera, bob, artifact, v1, v2):
    with pytest.raises(InvalidName, match="'data:v3' would mean that version"):
        aliases.move(Actor(bob, Channel.SDK), artifact, "v3", v1)
    with pytest.raises(InvalidName):
        proposals.propose(Actor(bob, Channel.SDK), artifact, "v3", v1)
    for alias, status in (("v3", 201), ("v5", 400)):
        answer = api(bob).post(f"/api/v1/artifacts/{artifact.pk}/versions", {"aliases": [alias]})
        assert answer.status_code == status

    # The one that is being made.
    assert versions.finalize(Actor(bob), artifact.versions.get(number=3), aliases=["v3"]).version.version == "v3"
    with pytest.raises(InvalidName):
        versions.finalize(Actor(bob), artifact.versions.get(number=3), aliases=["v4"])
    assert named(vera, "acme/demo/data", alias="v3") == ("v3", "v3")


def test_an_alias_of_before_keeps_its_meaning_while_versions_are_logged(vera, bob, artifact, v1, v2):
    # As it could be made by earlier releases.
    ArtifactAlias.objects.create(artifact=artifact, alias="v3", version=v1)
    assert log(bob, artifact, {"three": b"3"}).version == "v4"

    assert named(vera, "acme/demo/data:v3") == ("v1", "v3")
    assert named(vera, "acme/demo/data:v4") == ("v4", None)


def test_alias_and_version_are_taken_literally(vera, bob, artifact, v1):
    with pytest.raises(AliasNotFound):
        name_resolution.resolve(vera, "acme/demo/data", alias="v1")
    with pytest.raises(Invalid):
        name_resolution.resolve(vera, "acme/demo/data", version="latest")


@pytest.mark.parametrize("version", ["v00", "v01", "1", "V1", "v1 ", "v-1", "v1.0", "v9999999999", "v1\n", "v１"])
def test_what_is_no_version(vera, v1, version):
    with pytest.raises(Invalid):
        name_resolution.resolve(vera, "acme/demo/data", version=version)
    with pytest.raises(AliasNotFound):
        name_resolution.resolve(vera, f"acme/demo/data:{version}")


def test_drafts_and_deleted_versions_are_not_meant(bob, artifact, v1, v2):
    begin(bob, artifact, {"draft": b"d"})
    versions.delete(Actor(bob, Channel.SDK), v1)

    for version in ("v1", "v3", "v4"):
        with pytest.raises(VersionNotFound, match="was deleted" if version == "v1" else "latest is v2"):
            name_resolution.resolve(bob, "acme/demo/data", version=version)
        with pytest.raises(VersionNotFound):
            name_resolution.resolve(bob, f"acme/demo/data:{version}")


def test_the_wire(api, vera, bob, artifact, v1):
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", v1)
    client = api(vera)
    answer = client.get(f"{ARTIFACTS}/resolve", {"name": "acme/demo/data:production", "type": "dataset"})

    assert answer.status_code == 200
    body = answer.json()
    assert (body["aliases"], body["alias"]) == (["production", "latest"], "production")
    shown = client.get(f"{ARTIFACTS}/{artifact.pk}").json()
    assert body["artifact"] == {name: shown[name] for name in shown if name not in ("alias_count", "alias_versions")}
    version = client.get(f"{ARTIFACTS}/versions/{v1.pk}").json()
    assert body["version"] | version == version | {
        name: version[name] for name in ("files", "files_next_cursor")
    }  # fmt: skip


def test_it_costs_the_same_however_much_there_is(api, vera, bob, artifact, v1, django_assert_num_queries):
    client, query = api(vera), {"name": "acme/demo/data:latest"}
    client.get(f"{ARTIFACTS}/resolve", query)
    # The alias with all that is shown of version and artifact, if the key counts.
    with django_assert_num_queries(1):
        client.get(f"{ARTIFACTS}/resolve", query)
    for number in range(5):
        log(bob, artifact, {"a": f"{number}".encode()}, f"x{number}")
    with django_assert_num_queries(1):
        client.get(f"{ARTIFACTS}/resolve", query)


def test_an_unknown_alias_says_which_there_are(api, vera, v1):
    with pytest.raises(AliasNotFound, match="Alias 'nope' not found"):
        name_resolution.resolve(vera, "acme/demo/data:nope")

    answer = api(vera).get(f"{ARTIFACTS}/resolve", {"name": "acme/demo/data:nope"})
    assert (answer.status_code, answer.json()["code"], answer.json()["aliases"]) == (404, "AliasNotFound", ["latest"])


def test_an_artifact_without_versions(vera, artifact):
    with pytest.raises(AliasNotFound, match="no aliases yet"):
        name_resolution.resolve(vera, "acme/demo/data")
    with pytest.raises(VersionNotFound, match="no versions yet"):
        name_resolution.resolve(vera, "acme/demo/data", version="v1")


def test_another_type_than_requested(api, vera, v1):
    with pytest.raises(TypeDiffers):
        name_resolution.resolve(vera, "acme/demo/data", type="model")

    answer = api(vera).get(f"{ARTIFACTS}/resolve", {"name": "acme/demo/data", "type": "model"})
    assert (answer.status_code, answer.json()["code"]) == (409, "TypeDiffers")


@pytest.mark.parametrize("name", ["data", "demo/data", "a/acme/demo/data", "", ":", "://", "acme//data:x"])
def test_a_name_of_another_form(api, vera, v1, name):
    assert api(vera).get(f"{ARTIFACTS}/resolve", {"name": name}).status_code in (400, 404)
    with pytest.raises((Invalid, Missing)):
        name_resolution.resolve(vera, name)


def test_a_name_that_says_two_things(vera, v1):
    for more in ({"alias": "latest"}, {"version": "v1"}):
        with pytest.raises(Invalid):
            name_resolution.resolve(vera, "acme/demo/data:v1", **more)
    with pytest.raises(Invalid):
        name_resolution.resolve(vera, "acme/demo/data", alias="latest", version="v1")


def test_no_name_at_all(api, vera):
    assert api(vera).get(f"{ARTIFACTS}/resolve").status_code == 400


@pytest.mark.parametrize("name", ["acme/demo/data", "acme/demo/none", "acme/none/data", "none/none/none"])
def test_a_stranger_learns_nothing_of_what_is_there(api, mallory, v1, name):
    answer = api(mallory).get(f"{ARTIFACTS}/resolve", {"name": name})

    assert answer.status_code == 404
    assert answer.json()["detail"] == f"Artifact {name!r} not found."


def test_everyone_finds_what_is_internal(mallory, project, v1):
    project.visibility = Visibility.INTERNAL
    project.save()

    assert named(mallory, "acme/demo/data") == ("v1", "latest")


def test_names_are_looked_up_as_they_are_written(vera, bob, project, v1):
    artifacts.create(Actor(bob), project, "Data", "model")

    with pytest.raises(AliasNotFound):
        name_resolution.resolve(vera, "acme/demo/Data")
    with pytest.raises(Missing):
        name_resolution.resolve(vera, "acme/demo/DATA")
