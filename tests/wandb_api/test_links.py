"""Portfolios, which are our collections, and their links, as the official client has them."""

import base64
import hashlib
import json
from urllib.parse import urlsplit

import pytest
from django.test import Client

from accounts.actor import Actor
from accounts.models import Membership, Role, Team
from artifacts.aliases import protection
from artifacts.models import Artifact, ArtifactDownload, ArtifactUsage, ArtifactVersion, ClientId
from projects.models import Project
from tests.artifacts.client import fetch, log
from tests.wandb_api.graphql_client import GraphqlClient, Refused, artifact_id, sequence_id

MEMBER = """id versionIndex createdAt aliases { alias artifactCollection { __typename name } }
artifactCollection { __typename id name project { name entity { name } } }
artifact { id versionIndex description digest state commitHash createdBy { __typename }
    usedBy { edges { node { name } } } artifactType { name }
    artifactSequence { __typename id name project { name entity { name } } }
    aliases { alias artifactCollection { name project { name entity { name } } } } }"""
LINKED = f"versionIndex artifactMembership {{ {MEMBER} }}"
ALL = """query FetchLinkedArtifacts($id: ID!) { artifact(id: $id) { artifactMemberships { edges { node {
    versionIndex createdAt aliases { alias } artifactCollection { __typename name project { name entity { name } } }
} } } } }"""
COLLECTIONS = """query Q { project(entityName: "registry", name: "models") {
    artifactCollections { totalCount edges { node { __typename id name tags { edges { node { name } } } } } }
    artifactType(name: "dataset") { artifactCollection(name: "best") { __typename description
        artifacts { totalCount edges { version node { id aliases { alias artifactCollection { name } } } } }
        aliases { edges { node { alias } } } artifactMembership(aliasName: "production") { versionIndex } } } } }"""


@pytest.fixture
def registry(alice, bob, mallory) -> Project:
    """A private project of another team, in which bob edits and mallory reads; mallory does not see acme."""
    team = Team.objects.create(name="registry", created_by=alice)
    for user, role in ((alice, Role.ADMIN), (bob, Role.EDITOR), (mallory, Role.VIEWER)):
        Membership.objects.create(team=team, user=user, role=role)
    return Project.objects.create(team=team, name="models", created_by=alice)


@pytest.fixture
def wandb(bob) -> GraphqlClient:
    return GraphqlClient(bob)


def link(wandb: GraphqlClient, version: ArtifactVersion, *names: str, **more) -> dict:
    input = {"entityName": "registry", "projectName": "models", "artifactPortfolioName": "best"} | more
    given = [{"artifactCollectionName": "best", "alias": name} for name in names]
    return wandb.mutate("linkArtifact", LINKED, **{"artifactID": artifact_id(version), "aliases": given} | input)


def where(artifact: Artifact) -> dict[str, str]:
    return {row.alias: row.version.version for row in artifact.alias_set.select_related("version")}


def test_a_version_is_linked_into_a_portfolio_that_is_made_for_it(wandb, bob, v1, v2, registry):
    found = link(wandb, v2, "production", "latest")
    member = found["artifactMembership"]
    artifact = member["artifact"]
    assert (found["versionIndex"], member["versionIndex"], artifact["versionIndex"]) == (0, 0, 2)
    assert (member["artifactCollection"]["__typename"], member["artifactCollection"]["name"]) == (
        "ArtifactPortfolio",
        "best",
    )
    assert {one["alias"] for one in member["aliases"]} == {"production", "latest", "v0"}
    assert (artifact["id"], artifact["artifactSequence"]["name"]) == (artifact_id(v2), "data")
    assert artifact["artifactSequence"]["project"] == {"name": "demo", "entity": {"name": "acme"}}
    assert artifact["digest"] == (v2.wire_digest or v2.digest)
    collection = Artifact.objects.get(name="best")
    assert collection.is_collection and where(collection) == {"latest": "v0", "production": "v0"}

    assert link(wandb, v2)["artifactMembership"]["id"] == member["id"]
    portfolio = {"artifactPortfolioID": member["artifactCollection"]["id"], "artifactPortfolioName": None}
    second = link(wandb, v1, **portfolio)
    assert second["versionIndex"] == 1 and where(collection) == {"latest": "v1", "production": "v0"}
    ClientId.objects.create(value="c" * 32, version=v1)
    assert link(wandb, v1, "staging", artifactID=None, clientID="c" * 32)["versionIndex"] == 1
    assert wandb.membership("best:production", MEMBER, "registry/models") == member | {
        "aliases": [one for one in member["aliases"] if one["alias"] != "latest"],
        "artifact": artifact | {"aliases": [one for one in artifact["aliases"] if _is_kept(one)]},
    }


def _is_kept(alias: dict) -> bool:
    return (alias["alias"], alias["artifactCollection"]["name"]) != ("latest", "best")


def test_links_are_listed_from_both_sides(wandb, bob, v1, v2, registry, django_assert_max_num_queries):
    link(wandb, v1, "production")
    link(wandb, v2, artifactPortfolioName="other")
    link(wandb, v2)
    memberships = [
        edge["node"] for edge in wandb.ask(ALL, id=artifact_id(v2))["artifact"]["artifactMemberships"]["edges"]
    ]
    assert [(one["artifactCollection"]["__typename"], one["versionIndex"]) for one in memberships] == [
        ("ArtifactSequence", 2),
        ("ArtifactPortfolio", 1),
        ("ArtifactPortfolio", 0),
    ]
    assert memberships[1]["artifactCollection"]["project"]["entity"]["name"] == "registry"
    with django_assert_max_num_queries(20):
        found = wandb.execute(COLLECTIONS)["project"]
    assert [edge["node"]["__typename"] for edge in found["artifactCollections"]["edges"]] == ["ArtifactPortfolio"] * 2
    portfolio = found["artifactType"]["artifactCollection"]
    assert [(edge["version"], edge["node"]["id"]) for edge in portfolio["artifacts"]["edges"]] == [
        ("v1", artifact_id(v2)),
        ("v0", artifact_id(v1)),
    ]
    in_portfolio = [
        one["alias"]
        for one in portfolio["artifacts"]["edges"][1]["node"]["aliases"]
        if one["artifactCollection"]["name"] == "best"
    ]
    assert in_portfolio == ["production", "v0"] and portfolio["artifactMembership"]["versionIndex"] == 0
    assert portfolio["artifacts"]["totalCount"] == 2


def test_whoever_does_not_see_the_source_reads_the_link_and_nothing_of_the_source(
    wandb, bob, mallory, artifact, run, registry, work
):
    body = b"weights"
    source = log(bob, artifact, {"model.bin": body}, run=run)
    work()
    link(wandb, source, "production")
    reader = GraphqlClient(mallory)
    member = reader.membership("best:production", MEMBER, "registry/models")
    found = member["artifact"]
    [row] = ArtifactVersion.objects.filter(linked_version=source)
    assert (found["id"], found["artifactSequence"]["project"]) == (artifact_id(row), None)
    assert (found["createdBy"], found["state"]) == ({"__typename": "User"}, "COMMITTED")
    assert reader.ask(ALL, id=artifact_id(source)) == {"artifact": None}

    document = """query Q($id: ID!) { artifact(id: $id) { artifactSequence { name project { id } latestArtifact { id }
        artifacts { totalCount } defaultArtifactType { name } }
        files { edges { node { name directUrl artifact { id } } } }
        currentManifest { file { directUrl } } artifactMemberships { edges { node { versionIndex } } } } }"""
    answer = reader.post(document, id=found["id"]).content.decode()
    told = json.loads(answer)["data"]["artifact"]
    [file] = [edge["node"] for edge in told["files"]["edges"]]
    parts = urlsplit(told["currentManifest"]["file"]["directUrl"])
    manifest = Client().get(f"{parts.path}?{parts.query}").content.decode()
    assert fetch(file["directUrl"]) == body
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    assert json.loads(manifest)["contents"]["model.bin"]["digest"] == digest
    assert len(told["artifactMemberships"]["edges"]) == 1
    # Neither its names, nor its ids. Keys of the object store are made of ids, and name nothing.
    answer = answer.replace(file["directUrl"], "")
    hidden = (str(source.pk), artifact_id(source), '"name": "data"', "acme", run.name, sequence_id(artifact))
    for text in (answer, manifest, json.dumps(member)):
        assert not [one for one in hidden if one in text], text

    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    tail = f"{found['id']}/x/{md5}/model.bin"
    assert fetch(reader.get(f"/artifactsV2/default/registry/models/best/{tail}")["Location"]) == body
    assert reader.get(f"/artifactsV2/default/acme/demo/data/{tail}").status_code == 404
    old = f"/artifactsV2/default/registry/{found['id']}/{md5}"
    assert fetch(reader.get(old)["Location"]) == body
    assert set(ArtifactDownload.objects.filter(user=mallory).values_list("version", flat=True)) == {row.pk}

    mine = Project.objects.create(team=mallory.personal_team, name="mine", created_by=mallory)
    used = mine.runs.create(name="r1", created_by=mallory)
    names = {"entityName": "mallory", "projectName": "mine", "runName": "r1"}
    reader.mutate("useArtifact", "artifact { id }", artifactID=found["id"], usedAs="production", **names)
    assert ArtifactUsage.objects.get(run=used).version == row
    # Who sees the source sees who used it through the link.
    Project.objects.filter(pk=mine.pk).update(visibility="internal")
    users = wandb.ask(
        "query Q($id: ID!) { artifact(id: $id) { usedBy { edges { node { name } } } } }", id=artifact_id(source)
    )
    assert [edge["node"]["name"] for edge in users["artifact"]["usedBy"]["edges"]] == ["r1"]


def test_a_run_uses_the_link_by_whose_name_it_asked(wandb, bob, v1, run, registry):
    link(wandb, v1, "production")
    names = {"entityName": "acme", "projectName": "demo", "runName": run.name, "usedAs": "production"}
    by = {"artifactEntityName": "registry", "artifactProjectName": "models"}
    wandb.mutate("useArtifact", "artifact { id }", artifactID=artifact_id(v1), **names, **by)
    assert ArtifactUsage.objects.get(run=run).version.artifact.name == "best"
    inputs = """query Q($run: String!) { project(entityName: "acme", name: "demo") { run(name: $run) {
        inputArtifacts { edges { node { id } } } } } }"""
    found = wandb.ask(inputs, run=run.name)["project"]["run"]["inputArtifacts"]["edges"]
    assert [edge["node"]["id"] for edge in found] == [artifact_id(v1)]


def test_aliases_are_moved_in_the_portfolio_by_its_rules(wandb, alice, bob, v1, v2, registry):
    link(wandb, v1)
    link(wandb, v2)
    collection = Artifact.objects.get(name="best")
    place = {"entityName": "registry", "projectName": "models", "artifactCollectionName": "best"}
    for version, at in ((v1, "v0"), (v2, "v1")):
        wandb.mutate("addAliases", "success", artifactID=artifact_id(version), aliases=[place | {"alias": "staging"}])
        assert where(collection) == {"latest": "v1", "staging": at}
    wandb.mutate("deleteAliases", "success", artifactID=artifact_id(v1), aliases=[place | {"alias": "staging"}])
    assert where(collection) == {"latest": "v1", "staging": "v1"}
    with pytest.raises(Refused, match="of one collection"):
        own = {"entityName": "acme", "projectName": "demo", "artifactCollectionName": "data", "alias": "x"}
        wandb.mutate("addAliases", "success", artifactID=artifact_id(v1), aliases=[own, place | {"alias": "x"}])
    protection.create(Actor(alice), registry, "production", role=Role.ADMIN)
    for version in (v1, v2):
        with pytest.raises(Refused, match="Alias 'production' is protected"):
            link(wandb, version, "production")


def test_a_link_is_taken_out_and_an_artifact_keeps_its_versions(wandb, vera, mallory, v1, v2, artifact, registry):
    portfolio = link(wandb, v1, "production")["artifactMembership"]["artifactCollection"]["id"]
    with pytest.raises(Refused, match="delete it"):
        wandb.mutate("unlinkArtifact", "success", artifactID=artifact_id(v1), artifactPortfolioID=sequence_id(artifact))
    with pytest.raises(Refused, match="You need the Editor role in registry"):
        GraphqlClient(mallory).mutate(
            "unlinkArtifact", "success", artifactID=artifact_id(v1), artifactPortfolioID=portfolio
        )
    with pytest.raises(Refused, match="Portfolio not found"):
        GraphqlClient(vera).mutate(
            "unlinkArtifact", "success", artifactID=artifact_id(v1), artifactPortfolioID=portfolio
        )
    with pytest.raises(Refused, match="linked as registry/models/best:v0"):
        wandb.mutate("deleteArtifact", "artifact { id }", artifactID=artifact_id(v1), deleteAliases=True)
    for _ in range(2):
        done = wandb.mutate(
            "unlinkArtifact", "success artifactID", artifactID=artifact_id(v1), artifactPortfolioID=portfolio
        )
        assert done == {"success": True, "artifactID": artifact_id(v1)}
    v1.refresh_from_db()
    assert v1.is_finalized and not Artifact.objects.get(name="best").alias_set.exists()


def test_what_cannot_be_linked_is_refused_in_words(wandb, bob, vera, mallory, artifact, v1, registry):
    with pytest.raises(Refused, match="is an artifact, not a collection"):
        link(wandb, v1, entityName="acme", projectName="demo", artifactPortfolioName="data")
    with pytest.raises(Refused, match="a portfolio has links"):
        link(wandb, v1, artifactPortfolioID=sequence_id(artifact))
    with pytest.raises(Refused, match="Artifact not found"):
        link(GraphqlClient(mallory), v1)
    with pytest.raises(Refused, match="not found"):
        link(GraphqlClient(vera), v1)
    with pytest.raises(Refused, match="was not logged"):
        link(wandb, v1, artifactID=None, clientID="unknown")
    link(wandb, v1)
    spec = {"entityName": "registry", "projectName": "models", "artifactCollectionName": "best", "digest": "0" * 32}
    with pytest.raises(Refused, match="holds links"):
        wandb.mutate(
            "createArtifact", "artifact { id }", **spec, artifactTypeName="dataset", digestAlgorithm="MANIFEST_MD5"
        )


def test_a_portfolio_is_renamed_tagged_and_deleted(wandb, v1, registry):
    portfolio = link(wandb, v1)["artifactMembership"]["artifactCollection"]["id"]
    answer = "artifactCollection { __typename name description state }"
    named = {"artifactPortfolioID": portfolio, "name": "top", "description": "The best ones"}
    found = wandb.mutate("updateArtifactPortfolio", answer, **named)["artifactCollection"]
    assert found == {"__typename": "ArtifactPortfolio", "name": "top", "description": "The best ones", "state": "READY"}
    place = {"entityName": "registry", "projectName": "models", "artifactCollectionName": "top"}
    tags = [{"tagName": "shared"}]
    wandb.mutate("createArtifactCollectionTagAssignments", "tags { name }", **place, tags=tags)
    by_id = "query Q($id: ID!) { artifactCollection(id: $id) { __typename name tags { edges { node { name } } } } }"
    assert wandb.ask(by_id, id=portfolio)["artifactCollection"]["tags"]["edges"] == [{"node": {"name": "shared"}}]
    deleted = wandb.mutate("deleteArtifactPortfolio", answer, artifactPortfolioID=portfolio)["artifactCollection"]
    assert (deleted["__typename"], deleted["state"]) == ("ArtifactPortfolio", "DELETED")
    v1.refresh_from_db()
    assert v1.is_finalized and not Artifact.objects.filter(project=registry).exists()
