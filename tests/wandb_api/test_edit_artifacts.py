"""What the official client changes of versions and collections, and what it is refused."""

import json
from datetime import timedelta

import pytest

from accounts.actor import Actor, Channel
from accounts.models import Scope
from artifacts import artifacts, errors, links, versions
from artifacts.aliases import aliases, protection
from artifacts.models import AliasChange, Artifact, ArtifactUsage, ArtifactVersion
from projects.models import Run
from tests.artifacts.client import begin
from tests.wandb_api.graphql_client import GraphqlClient, Refused, artifact_id, sequence_id

_NEW = "artifact { id description metadata ttlDurationSeconds ttlIsInherited tags { name } aliases { alias } }"


@pytest.fixture
def wandb(bob) -> GraphqlClient:
    return GraphqlClient(bob)


def place(alias: str, name: str = "data", project: str = "acme/demo") -> dict[str, str]:
    entity, project = project.split("/")
    return {"entityName": entity, "projectName": project, "artifactCollectionName": name, "alias": alias}


def where(artifact: Artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def change_aliases(wandb: GraphqlClient, act: str, version, *names: str, **scope: str):
    return wandb.mutate(act, "success", artifactID=artifact_id(version), aliases=[place(one, **scope) for one in names])


def test_a_version_is_described(wandb, v1):
    changes = {
        "description": "Good", "metadata": '{"rows": 2}', "ttlDurationSeconds": 3 * 86400,
        "tagsToAdd": [{"tagName": "clean"}, {"tagName": "two words"}], "labels": None,
    }  # fmt: skip
    found = wandb.mutate("updateArtifact", _NEW, artifactID=artifact_id(v1), **changes)["artifact"]

    assert (found["description"], json.loads(found["metadata"])) == ("Good", {"rows": 2})
    assert (found["ttlDurationSeconds"], found["ttlIsInherited"]) == (3 * 86400, False)
    assert [tag["name"] for tag in found["tags"]] == ["clean", "two words"]
    nothing = {"description": None, "metadata": None, "ttlDurationSeconds": None, "aliases": None}
    again = wandb.mutate(
        "updateArtifact", _NEW, artifactID=artifact_id(v1), **nothing, tagsToDelete=[{"tagName": "clean"}]
    )["artifact"]
    assert again == found | {"tags": [{"name": "two words"}]}
    v1.refresh_from_db()
    assert v1.expires_at == v1.created_at + timedelta(days=3)


@pytest.mark.parametrize("seconds", [-1, -2])
def test_a_ttl_is_taken_back(wandb, bob, v1, seconds):
    versions.describe(Actor(bob), v1, ttl=timedelta(days=3))
    found = wandb.mutate("updateArtifact", _NEW, artifactID=artifact_id(v1), ttlDurationSeconds=seconds)["artifact"]

    assert (found["ttlDurationSeconds"], found["ttlIsInherited"]) == (-2, True)


def test_odd_values_are_refused_and_nothing_is_changed(wandb, v1, age):
    for odd in (
        {"ttlDurationSeconds": 0}, {"ttlDurationSeconds": -3}, {"ttlDurationSeconds": 2**62}, {"metadata": "[1]"},
        {"tagsToAdd": [{"tagName": "x" * 1000}]}, {"tagsToAdd": [{"tagName": "a\nb"}]}, {"metadata": "{"},
    ):  # fmt: skip
        with pytest.raises(Refused):
            wandb.mutate("updateArtifact", _NEW, artifactID=artifact_id(v1), description="changed", **odd)
    age(days=9)
    with pytest.raises(Refused, match="would have expired already"):
        wandb.mutate("updateArtifact", _NEW, artifactID=artifact_id(v1), description="x", ttlDurationSeconds=86400)
    v1.refresh_from_db()
    assert (v1.description, v1.metadata, v1.expires_at, v1.tags) == ("", {}, None, [])


def test_aliases_are_the_whole_set_where_they_are_given(wandb, bob, artifact, v1, v2):
    for name in ("old", "kept"):
        aliases.move(Actor(bob), artifact, name, v2)
    aliases.move(Actor(bob), artifact, "other", v1)
    given = [{"artifactCollectionName": "data", "alias": name} for name in ("kept", "new", "latest", "v2")]
    found = wandb.mutate("updateArtifact", _NEW, artifactID=artifact_id(v2), aliases=given)["artifact"]

    assert where(artifact) == {"kept": "v2", "latest": "v2", "new": "v2", "other": "v1"}
    assert [one["alias"] for one in found["aliases"]] == ["latest", "kept", "new", "v2"]


def test_aliases_are_added_and_removed(wandb, bob, artifact, v1, v2):
    for _ in range(2):
        assert change_aliases(wandb, "addAliases", v1, "best", "eu") == {"success": True}
        assert where(artifact) == {"best": "v1", "eu": "v1", "latest": "v2"}
    change = AliasChange.objects.get(alias="best")
    assert (change.channel, change.changed_by, change.key.name) == (Channel.WANDB, bob, "wandb")
    aliases.move(Actor(bob), artifact, "eu", v2)
    for _ in range(2):
        # One that points to another version by now is not this version's.
        assert change_aliases(wandb, "deleteAliases", v1, "best", "eu", "never") == {"success": True}
        assert where(artifact) == {"eu": "v2", "latest": "v2"}


def test_versions_are_no_aliases(wandb, artifact, v1, v2):
    with pytest.raises(Refused, match="'v1' cannot be an alias"):
        change_aliases(wandb, "addAliases", v2, "best", "v1")
    assert where(artifact) == {"latest": "v2"}


def test_protected_aliases_are_refused_with_their_sentence_and_the_others_with_them(wandb, alice, artifact, v1, v2):
    aliases.move(Actor(alice), artifact, "production", v1)
    protection.create(Actor(alice), artifact, "production")

    with pytest.raises(Refused, match=r"Alias 'production' is protected by the rule .* Only an admin"):
        change_aliases(wandb, "addAliases", v2, "best", "production")
    with pytest.raises(Refused, match="Alias 'production' is protected"):
        change_aliases(wandb, "deleteAliases", v1, "production")
    with pytest.raises(Refused, match="Alias 'production' is protected"):
        wandb.mutate("updateArtifact", _NEW, artifactID=artifact_id(v1), description="x", aliases=[])
    assert where(artifact) == {"latest": "v2", "production": "v1"}
    v1.refresh_from_db()
    assert v1.description == ""
    assert change_aliases(GraphqlClient(alice), "addAliases", v2, "production") == {"success": True}


def test_aliases_of_another_collection_are_refused(wandb, artifact, other, v1):
    with pytest.raises(Refused, match="Version v1 of 'data' is not in 'other'"):
        change_aliases(wandb, "addAliases", v1, "best", name="other")
    with pytest.raises(Refused, match="not found"):
        change_aliases(wandb, "addAliases", v1, "best", project="acme/nowhere")


def test_a_version_with_aliases_is_deleted_when_told_so(wandb, vera, artifact, v1):
    with pytest.raises(Refused, match="Version v1 has the aliases latest"):
        wandb.mutate("deleteArtifact", "artifact { id }", artifactID=artifact_id(v1), deleteAliases=False)
    for _ in range(2):
        answer = wandb.mutate("deleteArtifact", "artifact { id state }", artifactID=artifact_id(v1), deleteAliases=True)
        assert answer["artifact"] == {"id": artifact_id(v1), "state": "DELETED"}
    assert not ArtifactVersion.objects.finalized().exists()
    with pytest.raises(Refused, match="You need the Editor role"):
        GraphqlClient(vera).mutate("deleteArtifact", "artifact { metadata }", artifactID=artifact_id(v1))


def test_a_draft_is_deleted(wandb, bob, artifact):
    draft = begin(bob, artifact, {"d": b"d"}).version

    assert wandb.mutate("deleteArtifact", "artifact { id }", artifactID=artifact_id(draft))
    draft.refresh_from_db()
    assert draft.state == "deleted"


def test_a_run_uses_a_version_once(wandb, run, v1):
    sent = {"artifactID": artifact_id(v1), "entityName": "acme", "projectName": "demo", "runName": run.name}
    Run.objects.filter(pk=run.pk).update(state="finished", finished_at=run.started_at)

    for used_as in ("best", "training data", "not/an:alias", None):
        answer = wandb.mutate("useArtifact", "artifact { id digest state metadata }", **sent, usedAs=used_as)
        assert answer["artifact"]["id"] == artifact_id(v1)
    usage = ArtifactUsage.objects.get()
    assert (usage.run, usage.version, usage.requested_as) == (run, v1, ["best", "training data"])
    with pytest.raises(Refused, match="Run acme/demo/none not found"):
        wandb.mutate("useArtifact", "artifact { id }", **(sent | {"runName": "none"}))


def test_collections_are_renamed_described_and_tagged(wandb, artifact):
    name = "artifactCollection { __typename name description state }"
    answer = wandb.mutate(
        "updateArtifactSequence", name, artifactSequenceID=sequence_id(artifact), name="rows", description="Rows"
    )
    expected = {"__typename": "ArtifactSequence", "name": "rows", "description": "Rows", "state": "READY"}
    assert answer["artifactCollection"] == expected
    scope = {"entityName": "acme", "projectName": "demo", "artifactCollectionName": "rows"}
    tags = [{"tagName": "eu"}, {"tagName": "us"}]
    for _ in range(2):
        added = wandb.mutate("createArtifactCollectionTagAssignments", "tags { name }", **scope, tags=tags)
        assert added["tags"] == [{"name": "eu"}, {"name": "us"}]
    assert wandb.mutate("deleteArtifactCollectionTagAssignments", "success", **scope, tags=tags[:1])["success"]
    assert list(artifact.tag_set.values_list("tag", flat=True)) == ["us"]


def test_a_collection_is_deleted_unless_an_alias_is_protected(wandb, alice, artifact, v1):
    aliases.move(Actor(alice), artifact, "production", v1)
    rule = protection.create(Actor(alice), artifact.project, "production")
    answer = "artifactCollection { __typename name state }"

    with pytest.raises(Refused, match="Alias 'production' is protected"):
        wandb.mutate("deleteArtifactSequence", answer, artifactSequenceID=sequence_id(artifact))
    protection.delete(Actor(alice), rule)
    deleted = wandb.mutate("deleteArtifactSequence", answer, artifactSequenceID=sequence_id(artifact))
    assert deleted["artifactCollection"] == {"__typename": "ArtifactSequence", "name": "data", "state": "DELETED"}
    assert not Artifact.objects.exists()


def test_a_collection_gets_another_type_unless_links_have_it(wandb, bob, browser, project, artifact, v1):
    def move(type: str) -> str:
        collection = "artifactCollection { defaultArtifactType { name } }"
        ids = {"artifactSequenceID": sequence_id(artifact), "destinationArtifactTypeName": type}
        moved = wandb.mutate("moveArtifactSequence", collection, **ids)["artifactCollection"]
        return moved["defaultArtifactType"]["name"]

    before = v1.get_absolute_url()
    assert [move(type) for type in ("table of rows", "model")] == ["table of rows", "model"]
    v1.artifact.refresh_from_db()
    assert browser(bob).get(before)["Location"] == v1.get_absolute_url() != before
    with pytest.raises(Refused, match="is not an artifact type"):
        move("")
    link = links.link_by_name(Actor(bob), v1, project, "shelf")
    with pytest.raises(Refused, match="'data' stays a model"):
        move("dataset")
    with pytest.raises(errors.LinkRefused, match="'shelf' stays a model"):
        artifacts.update(Actor(bob), link.artifact, type="dataset")


def every_change(artifact, run, version) -> list[tuple[str, str, dict]]:
    scope = {"entityName": "acme", "projectName": "demo"}
    named = scope | {"artifactCollectionName": "data", "tags": [{"tagName": "x"}]}
    own, sequence = {"artifactID": artifact_id(version)}, {"artifactSequenceID": sequence_id(artifact)}
    return [
        ("updateArtifact", "artifact { id }", own | {"description": "x"}),
        ("updateArtifact", "artifact { id }", own | {"aliases": [{"artifactCollectionName": "data", "alias": "x"}]}),
        ("addAliases", "success", own | {"aliases": [place("x")]}),
        ("deleteAliases", "success", own | {"aliases": [place("latest")]}),
        ("deleteArtifact", "artifact { id }", own | {"deleteAliases": True}),
        ("useArtifact", "artifact { id }", own | scope | {"runName": run.name}),
        ("updateArtifactSequence", "artifactCollection { id }", sequence | {"name": "y"}),
        ("deleteArtifactSequence", "artifactCollection { id }", sequence),
        ("createArtifactCollectionTagAssignments", "tags { name }", named),
        ("deleteArtifactCollectionTagAssignments", "success", named),
    ]


def state_of(artifact) -> list:
    artifact.refresh_from_db()
    rows = artifact.versions.values_list("description", "state")
    return [artifact.name, *rows, where(artifact), artifact.tag_set.count(), ArtifactUsage.objects.count()]


def test_who_may_not_write_changes_nothing(bob, vera, mallory, artifact, run, v1):
    artifacts.update(Actor(bob), artifact, tags=["x"])
    before = state_of(artifact)
    for client, sentence in (
        (GraphqlClient(vera), "You need the Editor role"),
        (GraphqlClient(mallory), "not found: it was deleted, or you don't have access"),
        (GraphqlClient(bob, Scope.READ), "read-only"),
    ):
        for name, selection, sent in every_change(artifact, run, v1):
            with pytest.raises(Refused, match=sentence):
                client.mutate(name, selection, **sent)
    assert state_of(artifact) == before


def test_an_editor_makes_every_change(wandb, bob, artifact, run, v1, v2):
    for name, selection, sent in every_change(artifact, run, v1):
        if name not in ("deleteArtifact", "deleteArtifactSequence", "updateArtifactSequence"):
            assert wandb.mutate(name, selection, **sent)
