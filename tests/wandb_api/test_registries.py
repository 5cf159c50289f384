"""Registries of the official client: projects of the team that the operator names."""

import json

import pytest

from accounts.models import Membership, Role, Team
from projects.models import Project, Visibility
from tests.wandb_api.graphql_client import GraphqlClient, Refused, artifact_id
from tests.wandb_api.test_links import MEMBER, link

ORGANIZATION = """query FetchOrgInfoFromEntity($entity: String!) { entity(name: $entity) {
    organization { name orgEntity { name } } user { organizations { name orgEntity { name } } } } }"""
REGISTRY = """__typename id internalId name entity { name organization { name } } description createdAt updatedAt access
    allowAllArtifactTypes: allowAllArtifactTypesInRegistry
    artifactTypes(includeAll: true) { edges { node { name } } }"""
SEARCH = f"""query Q($organization: String!, $projects: JSONString, $collections: JSONString, $versions: JSONString,
        $order: String) {{ organization(name: $organization) {{ orgEntity {{ name
    projects(filters: $projects, first: 10) {{ edges {{ node {{ {REGISTRY} }} }} }}
    artifactCollections(projectFilters: $projects, filters: $collections, collectionTypes: [PORTFOLIO], first: 10,
        order: $order) {{ totalCount edges {{ node {{ __typename name project {{ name }} }} }} }}
    artifactMemberships(projectFilters: $projects, collectionFilters: $collections, filters: $versions, first: 10) {{
        totalCount edges {{ node {{ {MEMBER} }} }} }} }} }} }}"""


@pytest.fixture
def registries(alice, bob, settings) -> Team:
    """Of it alice is the admin and bob an editor."""
    settings.REGISTRY_TEAM = "registry-team"
    team = Team.objects.create(name="registry-team", created_by=alice)
    for user, role in ((alice, Role.ADMIN), (bob, Role.EDITOR)):
        Membership.objects.create(team=team, user=user, role=role)
    return team


def create(client: GraphqlClient, name: str, access: str = "PRIVATE", **more):
    input = {"entityName": "registry-team", "name": f"wandb-registry-{name}", "access": access}
    more = {"allowAllArtifactTypesInRegistry": True, "description": "The best"} | more
    return client.mutate("upsertModel", f"inserted project {{ {REGISTRY} }}", **input, **more)


def search(client: GraphqlClient, **variables):
    found = client.ask(SEARCH, organization="registry-team", **variables)["organization"]["orgEntity"]
    return (
        [edge["node"]["name"].removeprefix("wandb-registry-") for edge in found["projects"]["edges"]],
        [edge["node"]["name"] for edge in found["artifactCollections"]["edges"]],
        [f"v{edge['node']['versionIndex']}" for edge in found["artifactMemberships"]["edges"]],
    )


def test_everybody_is_in_the_organization_that_the_operator_names(alice, mallory, acme, registries, settings):
    named = {"name": "registry-team", "orgEntity": {"name": "registry-team"}}
    assert GraphqlClient(alice).ask(ORGANIZATION, entity="acme")["entity"]["organization"] == named
    personal = GraphqlClient(mallory).ask(ORGANIZATION, entity="mallory")["entity"]
    assert personal == {"organization": named, "user": {"organizations": [named]}}
    settings.REGISTRY_TEAM = ""
    assert GraphqlClient(alice).ask(ORGANIZATION, entity="acme")["entity"]["organization"] is None
    assert GraphqlClient(alice).ask('{ organization(name: "registry-team") { id } }') == {"organization": None}


def test_a_registry_is_made_described_and_deleted(alice, bob, mallory, registries):
    client = GraphqlClient(alice)
    made = create(GraphqlClient(bob), "models")
    project = made["project"]
    assert made["inserted"] and (project["access"], project["description"]) == ("PRIVATE", "The best")
    assert project["entity"] == {"name": "registry-team", "organization": {"name": "registry-team"}}
    assert Project.objects.get().visibility == Visibility.INTERNAL
    again = create(client, "models", "RESTRICTED", description="Ours")
    assert not again["inserted"] and (again["project"]["access"], again["project"]["description"]) == (
        "RESTRICTED",
        "Ours",
    )
    assert Project.objects.get().visibility == Visibility.PRIVATE

    fetch = f'query Q {{ entity(name: "registry-team") {{ project(name: "wandb-registry-models") {{ {REGISTRY} }} }} }}'
    assert client.ask(fetch)["entity"]["project"] == again["project"]
    assert GraphqlClient(mallory).ask(fetch) == {"entity": {"project": None}}
    with pytest.raises(Refused, match="take artifacts of any type"):
        create(client, "typed", artifactTypes=[{"name": "model"}], allowAllArtifactTypesInRegistry=False)
    with pytest.raises(Refused, match="not 'USER_WRITE'"):
        create(client, "odd", "USER_WRITE")
    with pytest.raises(Refused, match="not a member of registry-team"):
        create(GraphqlClient(mallory), "theirs")
    assert client.mutate("deleteModel", "success", id=project["id"]) == {"success": True}


def test_versions_are_linked_into_registries_and_found_in_them(alice, bob, mallory, vera, v1, v2, registries):
    client = GraphqlClient(bob)
    create(GraphqlClient(alice), "open")
    create(GraphqlClient(alice), "closed", "RESTRICTED")
    place = {"entityName": "registry-team", "projectName": "wandb-registry-open"}
    link(client, v1, "production", **place)
    link(client, v2, **place)
    link(client, v1, **place | {"projectName": "wandb-registry-closed"}, artifactPortfolioName="kept")
    tags = {"artifactCollectionName": "best", "tags": [{"tagName": "eu"}]}
    client.mutate("createArtifactCollectionTagAssignments", "tags { name }", **place, **tags)
    with pytest.raises(Refused, match="'registry-team/wandb-registry-none' not found"):
        link(client, v1, **place | {"projectName": "wandb-registry-none"})
    with pytest.raises(Refused, match="not a member of registry-team"):
        link(GraphqlClient(vera), v1, **place)

    assert search(client) == (["closed", "open"], ["kept", "best"], ["v0", "v1", "v0"])
    # Each member's version has the aliases by which the client knows it there, also where it is linked twice.
    organization = client.ask(SEARCH, organization="registry-team")["organization"]
    for member in [edge["node"] for edge in organization["orgEntity"]["artifactMemberships"]["edges"]]:
        place_of = member["artifactCollection"]["name"]
        own = [one["alias"] for one in member["artifact"]["aliases"] if one["artifactCollection"]["name"] == place_of]
        assert f"v{member['versionIndex']}" in own, member

    # Who sees neither acme nor the closed one reads what is linked in the open one.
    reader = GraphqlClient(mallory)
    assert search(reader) == (["open"], ["best"], ["v1", "v0"])
    found = reader.membership("best:production", MEMBER, "registry-team/wandb-registry-open")
    assert found["artifact"]["artifactSequence"]["project"] is None
    serial = Project.objects.get(name="wandb-registry-open").serial
    for filters, expected in (
        ({"projects": '{"name": {"$regex": "open$"}}'}, (["open"], ["best"], ["v1", "v0"])),
        ({"projects": f'{{"id": {serial}}}'}, (["open"], ["best"], ["v1", "v0"])),
        ({"collections": '{"tag": "eu"}'}, (["closed", "open"], ["best"], ["v1", "v0"])),
        ({"collections": '{"name": {"$in": ["kept"]}}'}, (["closed", "open"], ["kept"], ["v0"])),
        ({"versions": '{"alias": "production"}'}, (["closed", "open"], ["kept", "best"], ["v0"])),
        ({"versions": '{"$or": [{"version": "v1"}, {"tag": "none"}]}'}, (["closed", "open"], ["kept", "best"], ["v1"])),
        ({"order": "name"}, (["closed", "open"], ["best", "kept"], ["v0", "v1", "v0"])),
    ):
        assert search(client, **filters) == expected, filters
    # Of metadata a key is named: PostgreSQL takes no path without one.
    for odd in (
        {"projects": '{"nothing": 1}'}, {"collections": '{"type": 1}'}, {"versions": "[1]"}, {"order": "tag"},
        {"versions": '{"metadata": "x"}'}, {"versions": '{"metadata": {"$exists": true}}'},
        {"versions": '{"metadata.": 1}'}, {"versions": json.dumps({"metadata" + ".a" * 100: 1})},
    ):  # fmt: skip
        with pytest.raises(Refused):
            search(client, **odd)
    assert search(client, versions='{"metadata.none": {"$exists": true}}')[2] == []


def test_members_of_a_registry_are_those_of_its_team(alice, bob, mallory, registries):
    create(GraphqlClient(alice), "models")
    document = """query Q { project(name: "wandb-registry-models", entityName: "registry-team") { id
        members { id name username email role { name } } teamMembers { team { name } role { name } } } }"""
    found = GraphqlClient(bob).ask(document)["project"]
    assert [(one["username"], one["role"]["name"]) for one in found["members"]] == [
        ("alice", "admin"),
        ("bob", "member"),
    ]
    assert found["teamMembers"] == [] and GraphqlClient(mallory).ask(document)["project"]["members"] == []
    with pytest.raises(Refused, match="The members of a registry are those of its team"):
        GraphqlClient(alice).mutate("createProjectMembers", "success", projectId=found["id"], userIds=[], teamIds=[])


def test_searches_take_the_same_number_of_queries(alice, bob, v1, v2, registries, django_assert_max_num_queries):
    client = GraphqlClient(bob)
    create(GraphqlClient(alice), "open")
    place = {"entityName": "registry-team", "projectName": "wandb-registry-open"}
    for name in ("a", "b", "c", "d"):
        for version in (v1, v2):
            assert link(client, version, **place, artifactPortfolioName=name)["artifactMembership"]["artifact"][
                "id"
            ] == (artifact_id(version))
    document = SEARCH.replace("createdBy { __typename }", "").replace("usedBy { edges { node { name } } }", "")
    with django_assert_max_num_queries(22):
        client.execute(document, organization="registry-team")
