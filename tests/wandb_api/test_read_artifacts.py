"""Versions as the official client reads them: by name, by id, in lists, with their lineage."""

from datetime import timedelta

import pytest

from accounts.actor import Actor
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.lineage import usages
from projects.models import Project, Run
from tests.artifacts.client import begin, log
from tests.wandb_api.graphql_client import VERSION, GraphqlClient, Refused, artifact_id, b64, sequence_id
from wandb_api.queries import memberships

PROJECT = 'query Q { project(entityName: "acme", name: "demo") { %s } }'
LIST = PROJECT.replace("Q", "Q($first: Int, $after: String, $order: String, $filters: JSONString)", 1)
VERSIONS = LIST % (
    'artifactType(name: "dataset") { artifactCollection(name: "data") {'
    " artifacts(first: $first, after: $after, order: $order, filters: $filters) {"
    " totalCount pageInfo { endCursor hasNextPage } edges { version cursor node { " + VERSION + " } } } } }"
)
COLLECTION = "__typename id name description createdAt updatedAt state project { id name entity { name } } "
COLLECTION += "type: defaultArtifactType { id name createdAt } tags { edges { node { id name } } }"
COLLECTIONS = LIST % (
    "artifactCollections(first: $first, after: $after, order: $order, filters: $filters) {"
    " totalCount pageInfo { endCursor hasNextPage } edges { node { " + COLLECTION + " } } }"
)


@pytest.fixture
def wandb(vera) -> GraphqlClient:
    return GraphqlClient(vera)


def names(page) -> list[str]:
    return [edge["node"]["name"] for edge in page["edges"]]


def test_a_version_is_read_whole(wandb, bob, artifact, v1):
    versions.describe(
        Actor(bob), v1, description="Good", metadata={"rows": 2}, tags=["clean", "two words"], ttl=timedelta(days=3)
    )
    aliases.move(Actor(bob), artifact, "best", v1)
    found = wandb.membership("data:v1", f"id versionIndex createdAt aliases {{ alias }} artifact {{ {VERSION} }}")
    version = found["artifact"]

    assert found["versionIndex"] == version["versionIndex"] == 1
    assert (version["description"], version["metadata"]) == ("Good", '{"rows":2}')
    assert (version["state"], version["size"], version["fileCount"]) == ("COMMITTED", 3, 1)
    assert (version["ttlDurationSeconds"], version["ttlIsInherited"]) == (3 * 86400, False)
    assert [tag["name"] for tag in version["tags"]] == ["clean", "two words"]
    assert [one["alias"] for one in found["aliases"]] == ["latest", "best", "v1"]
    assert version["aliases"][0]["artifactCollection"] == {"__typename": "ArtifactSequence", "name": "data"}
    sequence = version["artifactSequence"]
    assert (sequence["__typename"], sequence["name"]) == ("ArtifactSequence", "data")
    assert (sequence["project"]["name"], sequence["project"]["entity"]["name"]) == ("demo", "acme")
    assert version["artifactType"]["name"] == "dataset"
    assert version["digest"] and version["commitHash"] and version["createdAt"].endswith("Z")
    assert version["id"] == artifact_id(v1)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("data", 2), ("data:latest", 2), ("data:v1", 1), ("data:best", 1), ("data:v3", None), ("data:none", None),
        ("nothing:v1", None), ("nothing", None), ("data:", 2), (":v1", None), ("data:v1:x", None), ("", None),
    ],
)  # fmt: skip
def test_versions_are_found_by_name(wandb, bob, artifact, v1, v2, name, version):
    aliases.move(Actor(bob), artifact, "best", v1)

    found = wandb.membership(name, "versionIndex")
    assert (found and found["versionIndex"]) == version
    document = 'query Q($name: String!) { project(entityName: "acme", name: "demo") { artifact(name: $name) {'
    answer = wandb.ask(f"{document} {VERSION} }} }} }}", name=name)["project"]["artifact"]
    assert (answer and answer["versionIndex"]) == version


def test_a_former_name_leads_to_the_artifact(wandb, alice, artifact, v1):
    artifacts.update(Actor(alice), artifact, name="renamed")

    assert wandb.membership("data:v1", "artifactCollection { name }") == {"artifactCollection": {"name": "renamed"}}


def test_drafts_and_deleted_versions_are_not_found(bob, artifact, v1, v2):
    begin(bob, artifact, {"d": b"d"}, aliases=["next"])
    versions.delete(Actor(bob), v1)
    wandb = GraphqlClient(bob)

    assert wandb.membership("data:v1") is None
    assert wandb.membership("data:v3") is None
    by_id = "query Q($id: ID!) { artifact(id: $id) { id } }"
    assert wandb.ask(by_id, id=artifact_id(v1)) == {"artifact": None}
    assert wandb.ask(by_id, id=artifact_id(v2)) == {"artifact": {"id": artifact_id(v2)}}


def test_strangers_see_nothing_and_are_told_nothing(mallory, artifact, v1):
    wandb = GraphqlClient(mallory)

    assert wandb.membership("data:v1") is None
    nothing = {"artifact": None, "artifactCollection": None}
    document = "query Q($version: ID!, $artifact: ID!) {"
    document += " artifact(id: $version) { id } artifactCollection(id: $artifact) { id } }"
    assert wandb.ask(document, version=artifact_id(v1), artifact=sequence_id(artifact)) == nothing
    for odd in ("", "x", "====", b64("Artifact:1"), b64(f"Run:{v1.pk}"), artifact_id(artifact)):
        assert wandb.ask(document, version=odd, artifact=odd) == nothing


def test_lineage_leads_both_ways(wandb, bob, artifact, run):
    version = log(bob, artifact, {"one.txt": b"one"}, run=run)
    other = Run.objects.create(project=run.project, name="other", created_by=bob)
    usages.use_version(Actor(bob), other, version)
    document = """query Q($id: ID!) { artifact(id: $id) {
        createdBy { __typename ... on Run { name } ... on User { username } }
        usedBy { edges { node { name project { name entity { name } } } } }
        artifactMemberships { totalCount edges { node { versionIndex artifactCollection { __typename name } } } }
    } }"""
    found = wandb.ask(document, id=artifact_id(version))["artifact"]

    assert found["createdBy"] == {"__typename": "Run", "name": run.name}
    assert [edge["node"]["name"] for edge in found["usedBy"]["edges"]] == ["other"]
    [member] = found["artifactMemberships"]["edges"]
    assert member["node"]["artifactCollection"] == {"__typename": "ArtifactSequence", "name": "data"}
    of_run = 'query Q($run: String!) { project(entityName: "acme", name: "demo") { run(name: $run) {'
    of_run += f" outputArtifacts {{ totalCount edges {{ node {{ {VERSION} }} }} }}"
    of_run += f" inputArtifacts {{ totalCount edges {{ node {{ {VERSION} }} }} }} }} }} }}"
    for name, logged, used in ((run.name, 1, 0), ("other", 0, 1)):
        found = wandb.ask(of_run, run=name)["project"]["run"]
        counts = [found[side]["totalCount"] for side in ("outputArtifacts", "inputArtifacts")]
        assert counts == [len(found[side]["edges"]) for side in ("outputArtifacts", "inputArtifacts")]
        assert counts == [logged, used]


def test_runs_that_one_may_not_see_are_left_out(wandb, bob, mallory, artifact, v1, foreign):
    Project.objects.filter(pk=artifact.project_id).update(visibility="internal")
    hers = Run.objects.create(project=foreign.project, name="hers", created_by=mallory)
    usages.use_version(Actor(mallory), hers, v1)
    document = "query Q($id: ID!) { artifact(id: $id) { createdBy { __typename } usedBy { edges { node { name } } } } }"

    assert wandb.ask(document, id=artifact_id(v1))["artifact"] == {
        "createdBy": {"__typename": "User"},
        "usedBy": {"edges": []},
    }
    seen = GraphqlClient(mallory).ask(document, id=artifact_id(v1))["artifact"]["usedBy"]["edges"]
    assert [edge["node"]["name"] for edge in seen] == ["hers"]


def test_versions_are_listed_newest_first_page_by_page(wandb, bob, artifact):
    rows = [log(bob, artifact, {"a": b"%d" % number}) for number in range(3)]
    versions.describe(Actor(bob), rows[0], tags=["clean"])
    versions.describe(Actor(bob), rows[1], tags=["clean", "raw"])
    aliases.move(Actor(bob), artifact, "best", rows[1])

    def page(**variables) -> tuple[list[str], dict]:
        found = wandb.ask(VERSIONS, **variables)["project"]["artifactType"]["artifactCollection"]["artifacts"]
        return [edge["version"] for edge in found["edges"]], found

    assert page()[0] == ["v3", "v2", "v1"]
    first, found = page(first=2)
    assert (first, found["totalCount"], found["pageInfo"]["hasNextPage"]) == (["v3", "v2"], 3, True)
    rest, found = page(first=2, after=found["pageInfo"]["endCursor"])
    assert (rest, found["pageInfo"]["hasNextPage"]) == (["v1"], False)
    assert page(order="+createdAt")[0] == ["v1", "v2", "v3"]
    assert page(filters='{"tags": "clean"}')[0] == ["v2", "v1"]
    assert page(filters='{"tags": {"$in": ["raw", "x"]}}')[0] == ["v2"]
    assert page(filters='{"alias": "best"}')[0] == ["v2"]
    assert page(filters='{"state": "COMMITTED"}')[0] == ["v3", "v2", "v1"]
    assert page(filters='{"state": "PENDING"}')[0] == []
    assert page(filters='{"createdAt": {"$gt": "2020-01-01T00:00:00"}}')[0] == ["v3", "v2", "v1"]
    assert page(filters='{"version_index": {"$lt": 2}}')[0] == ["v1"]
    assert page(filters=f'{{"version_index": {{"$in": [1, {10**30}]}}}}')[0] == ["v1"]
    # No database stores these, so nothing is called so.
    assert page(filters='{"alias": "\\ud800"}')[0] == page(filters='{"tags": "\\u0000"}')[0] == []
    for odd in ('{"colour": "red"}', '{"tags": {"$where": "1"}}', '{"created_at": {"$gt": "soon"}}', '["tags"]',
                '{"created_at": {"$gt": "0001-01-01T00:00:00+14:00"}}', '{"version_index": Infinity}'):  # fmt: skip
        with pytest.raises(Refused, match=r"filter|is not a value"):
            page(filters=odd)
    with pytest.raises(Refused, match="cannot be ordered by 'colour'"):
        page(order="-colour")


@pytest.mark.parametrize("count", [1, 4])
def test_a_list_of_versions_costs_the_same_however_long(wandb, bob, artifact, count, django_assert_num_queries):
    for number in range(count):
        versions.describe(Actor(bob), log(bob, artifact, {"a": b"%d" % number}), tags=["clean"])
    wandb.execute(VERSIONS)

    # Project, type, artifact with its tags, the number of versions, how long they are, versions with their aliases.
    with django_assert_num_queries(8):
        wandb.execute(VERSIONS)


@pytest.mark.parametrize("count", [1, 4])
def test_what_a_run_logged_costs_the_same_however_much(wandb, bob, artifact, run, count, django_assert_num_queries):
    for number in range(count):
        log(bob, artifact, {"a": b"%d" % number}, run=run)
    document = 'query Q($run: String!) { project(entityName: "acme", name: "demo") { run(name: $run) {'
    document += f" outputArtifacts {{ totalCount edges {{ node {{ {VERSION} }} }} }} }} }} }}"
    wandb.execute(document, run=run.name)

    with django_assert_num_queries(6):
        wandb.execute(document, run=run.name)


def test_a_page_has_as_many_versions_as_their_metadata_lets_it(wandb, bob, artifact, monkeypatch):
    monkeypatch.setattr(memberships, "_MAX_PAGE_BYTES", 2_000)
    for number in range(4):
        version = log(bob, artifact, {"a": b"%d" % number})
        versions.describe(Actor(bob), version, metadata={"text": "x" * (5_000 if number == 1 else 800)})
    found, after = [], None
    while True:
        page = wandb.ask(VERSIONS, after=after)["project"]["artifactType"]["artifactCollection"]["artifacts"]
        found.append([edge["version"] for edge in page["edges"]])
        assert all(edge["node"]["metadata"].startswith('{"text":"xxx') for edge in page["edges"])
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert found == [["v4", "v3"], ["v2"], ["v1"]]


def test_collections_and_types_are_listed(wandb, alice, bob, artifact, other, v1):
    artifacts.update(Actor(alice), artifact, tags=["eu"], description="Rows")

    def page(**variables):
        return wandb.ask(COLLECTIONS, **variables)["project"]["artifactCollections"]

    found = page()
    assert (names(found), found["totalCount"]) == (["other", "data"], 2)
    data = found["edges"][1]["node"]
    assert (data["__typename"], data["description"], data["state"]) == ("ArtifactSequence", "Rows", "READY")
    assert [edge["node"]["name"] for edge in data["tags"]["edges"]] == ["eu"]
    assert data["type"]["name"] == "dataset"
    assert names(page(order="+name")) == ["data", "other"]
    assert names(page(filters='{"tags": ["eu"]}')) == ["data"]
    assert names(page(filters='{"name": {"$contains": "th"}}')) == ["other"]
    assert names(page(first=1, after=page(first=1)["pageInfo"]["endCursor"])) == ["data"]
    types = wandb.ask(
        PROJECT % "artifactTypes(first: 50) { pageInfo { hasNextPage } edges { node { id name createdAt } } }"
    )
    assert names(types["project"]["artifactTypes"]) == ["dataset", "model"]
    of_type = (
        PROJECT
        % f'artifactType(name: "model") {{ name artifactCollections {{ edges {{ node {{ {COLLECTION} }} }} }} }}'
    )
    assert names(wandb.ask(of_type)["project"]["artifactType"]["artifactCollections"]) == ["other"]


def test_a_collection_of_another_type_is_not_found(wandb, artifact):
    document = PROJECT % (
        'a: artifactType(name: "model") { artifactCollection(name: "data") { id } }'
        ' b: artifactType(name: "dataset") {'
        ' artifactCollection(name: "data") { id } artifactSequence(name: "x") { id } }'
        ' c: artifactType(name: "data:latest") { name } d: artifactType(name: "nothing:latest") { name }'
    )
    found = wandb.ask(document)["project"]

    # There is no artifact of the type, so that there is no type.
    assert found["a"] is None
    assert found["b"] == {"artifactCollection": {"id": sequence_id(artifact)}, "artifactSequence": None}
    assert (found["c"], found["d"]) == ({"name": "dataset"}, None)


@pytest.mark.parametrize("count", [1, 4])
def test_a_list_of_collections_costs_the_same_however_long(wandb, alice, project, count, django_assert_num_queries):
    for number in range(count):
        artifacts.create(Actor(alice), project, f"set-{number}", "dataset", tags=["eu"])
    wandb.execute(COLLECTIONS)

    with django_assert_num_queries(4):
        wandb.execute(COLLECTIONS)


def test_the_aliases_of_a_collection_come_in_pages(wandb, bob, artifact, v1):
    for name in ("a", "b"):
        aliases.move(Actor(bob), artifact, name, v1)
    document = """query Q($id: ID!, $after: String) { artifactCollection(id: $id) {
        aliases(first: 2, after: $after) { pageInfo { endCursor hasNextPage } edges { node { id alias } } } } }"""

    first = wandb.ask(document, id=sequence_id(artifact))["artifactCollection"]["aliases"]
    rest = wandb.ask(document, id=sequence_id(artifact), after=first["pageInfo"]["endCursor"])
    found = [*first["edges"], *rest["artifactCollection"]["aliases"]["edges"]]
    assert [edge["node"]["alias"] for edge in found] == ["latest", "a", "b"]


def test_the_newest_version_of_a_collection_is_at_hand(wandb, artifact, v1, v2, other):
    document = "query Q($id: ID!) { artifactCollection(id: $id) { ... on ArtifactSequence {"
    document += " latestArtifact { versionIndex } digestAlgorithm } } }"

    for row, number in ((artifact, {"versionIndex": 2}), (other, None)):
        found = wandb.ask(document, id=sequence_id(row))["artifactCollection"]
        assert found == {"latestArtifact": number, "digestAlgorithm": "MANIFEST_MD5"}
