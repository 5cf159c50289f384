"""Every field of Query and every mutation, asked by everyone: one that is added is under these rules at once."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    get_named_type,
    is_composite_type,
    is_leaf_type,
)

from accounts.actor import Actor
from accounts.models import ApiKey, Membership, Scope, Team
from artifacts import artifacts, links
from artifacts.models import AliasChange, Artifact, ArtifactAlias, ArtifactUsage, ArtifactVersion, StoredObject
from events.models import Event
from projects.models import Project, Run
from tests.wandb_api.graphql_client import GraphqlClient, artifact_id, b64, sequence_id
from tracking.models import RunChunk, RunFile
from wandb_api.schema import SCHEMA

QUERIES: dict[str, GraphQLField] = SCHEMA.query_type.fields
MUTATIONS: dict[str, GraphQLField] = SCHEMA.mutation_type.fields
# What works for anybody, without a key as well.
PUBLIC = {"viewer", "serverInfo"}
# Mutations about what is the caller's own: a key, a team or a project of their own.
OWN = {"generateApiKey", "createTeam", "upsertModel", "upsertBucket", "createArtifactType", "updateUser", "createUser"}
# To delete what is not there, or is out of sight, is a success: clients repeat it. No files are the answer to none.
REPEATED = {"deleteRun", "deleteFiles", "createArtifactFiles", "deleteModel", "deleteApiKey"}
ROWS = (
    ApiKey, Team, Membership, Project, Run, Artifact, ArtifactVersion, ArtifactAlias, AliasChange, ArtifactUsage,
    StoredObject, RunChunk, RunFile, Event,
)  # fmt: skip
# Words that stand in what acme has, and nowhere else.
MARK = "hushhush"


@pytest.fixture
def known(alice, bob, project, artifact, v1, run) -> dict[str, Any]:
    """What arguments and keys of inputs say, by their names: all of it is acme's."""
    Project.objects.filter(pk=project.pk).update(description=f"{MARK} project", visibility="private")
    Artifact.objects.filter(pk=artifact.pk).update(description=f"{MARK} artifact")
    ArtifactVersion.objects.filter(pk=v1.pk).update(description=f"{MARK} version")
    Run.objects.filter(pk=run.pk).update(display_name=f"{MARK} run", config={MARK: MARK})
    shelf = artifacts.create(Actor(bob), project, "shelf", artifact.type, kind="collection", description=MARK)
    links.link(Actor(bob), v1, shelf)
    version, sequence, run_id = artifact_id(v1), sequence_id(artifact), b64(f"Run:{run.pk}")
    of_artifact = {"id", "artifactID", "artifactId", "baseArtifactID", "usedArtifactID"}
    return dict.fromkeys(of_artifact, version) | {
        **dict.fromkeys(("entity", "entityName", "teamName", "usedAsEntityName"), "acme"),
        **dict.fromkeys(("project", "projectName", "modelName", "model"), "demo"),
        **dict.fromkeys(("run", "runName", "runId", "bucketName"), run.name),
        **dict.fromkeys(("artifactSequenceID", "artifactSequenceId", "artifactCollectionID"), sequence),
        **dict.fromkeys(("artifactCollectionName", "artifactTypeName"), "data"),
        "artifactCollection": sequence,
        "artifactPortfolioID": b64(f"ArtifactPortfolio:{shelf.pk}"),
        "artifactPortfolioName": "shelf",
        "internalId": b64("ProjectInternalId:1"),
        "runID": run_id,
        "files": [],
        "state": None,
        "metadata": "{}",
        "config": "{}",
        "summaryMetrics": "{}",
        "query": MARK,
    }


class Person(GraphqlClient):
    def send(self, text: str, variables: dict[str, Any]) -> HttpResponse:
        body = {"query": text, "variables": variables, "operationName": ""}
        return self._client.post("/graphql", body, content_type="application/json", headers=self.headers)


@pytest.fixture
def people(alice, bob, vera, mallory, acme) -> dict[str, Person]:
    return {
        "stranger": Person(mallory),
        "viewer": Person(vera),
        "editor": Person(bob),
        "admin": Person(alice),
    }


def documents(kind: str, fields: dict[str, GraphQLField], known: dict[str, Any]) -> Iterator[tuple[str, str, dict]]:
    """Of each field its name, a document that asks for it in some depth, and the variables."""
    for name, field in fields.items():
        declared = ", ".join(f"${key}: {argument.type}" for key, argument in field.args.items())
        given = ", ".join(f"{key}: ${key}" for key in field.args)
        selection = selected(field.type, 3)
        text = f"{kind} Q{f'({declared})' if declared else ''} {{ {name}{f'({given})' if given else ''} {selection} }}"
        yield name, text, {key: value_of(key, argument, known, name) for key, argument in field.args.items()}


def selected(type_: Any, depth: int) -> str:
    """All leaves below a type that need no arguments, and what holds leaves, to a depth."""
    named: GraphQLNamedType = get_named_type(type_)
    if not is_composite_type(named):
        return ""
    parts = ["__typename"]
    for name, field in getattr(named, "fields", {}).items():
        if any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values()):
            continue
        if is_leaf_type(get_named_type(field.type)):
            parts.append(name)
        elif depth > 1 and name in ("edges", "node", "project", "entity", "run", "artifactSequence", "viewer", "user"):
            parts.append(f"{name} {selected(field.type, depth - 1)}")
    return f"{{ {' '.join(parts)} }}"


def value_of(name: str, key: GraphQLArgument | GraphQLInputField, known: dict[str, Any], field: str) -> Any:
    """What is known by this name; else something of the right type where something is needed."""
    type_, is_required = key.type, isinstance(key.type, GraphQLNonNull)
    type_ = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
    if isinstance(type_, GraphQLInputObjectType):
        return {one: value_of(one, part, known, field) for one, part in type_.fields.items()}
    if name == "name":
        return {"project": "demo", "model": "demo", "entity": "acme"}.get(field, "demo")
    if name == "id" and "ollection" in field:
        return known["artifactCollection"]
    if name in known and not isinstance(type_, GraphQLList):
        return known[name]
    if not is_required:
        return None
    if isinstance(type_, GraphQLList):
        return []
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    return {"Int": 1, "Float": 1.0, "Boolean": False, "ID": b64("Artifact:x")}.get(type_.name, "x")


def counts() -> list[int]:
    return [model.objects.count() for model in ROWS]


def everything(response: HttpResponse) -> str:
    return response.content.decode() + repr(list(response.headers.items()))


def test_there_is_something_to_walk():
    assert len(QUERIES) > 10 and len(MUTATIONS) > 45 and set(QUERIES) >= PUBLIC and set(MUTATIONS) >= OWN


def test_without_a_key_there_is_nothing(known, subtests):
    before, client = counts(), Client()
    for kind, fields in (("query", QUERIES), ("mutation", MUTATIONS)):
        for name, text, variables in documents(kind, fields, known):
            with subtests.test(name):
                body = {"query": text, "variables": variables, "operationName": ""}
                for headers in ({}, {"Authorization": "Basic YXBpOndyb25n"}, {"Authorization": "Bearer é"}):
                    answer = client.post("/graphql", body, content_type="application/json", headers=headers)
                    assert answer.status_code == (200 if name in PUBLIC else 401), everything(answer)
                    assert MARK not in everything(answer)
    assert counts() == before


def test_a_stranger_learns_and_changes_nothing(known, people, subtests):
    before = counts()
    for kind, fields in (("query", QUERIES), ("mutation", MUTATIONS)):
        for name, text, variables in documents(kind, fields, known):
            with subtests.test(name):
                answer = people["stranger"].send(text, variables)
                assert answer.status_code in (200, 400), everything(answer)
                assert MARK not in everything(answer).replace(f'"query": "{MARK}"', "")
                if kind == "mutation" and name not in OWN | REPEATED:
                    assert answer.json().get("errors"), everything(answer)
    # But for what is their own: a key that they make.
    assert [now - then for then, now in zip(before, counts(), strict=True)][3:] == [0] * (len(ROWS) - 3)


def test_a_viewer_changes_nothing(known, people, subtests):
    before = counts()[3:]
    for name, text, variables in documents("mutation", MUTATIONS, known):
        with subtests.test(name):
            answer = people["viewer"].send(text, variables)
            assert answer.status_code in (200, 400), everything(answer)
    assert counts()[3:] == before


def test_a_key_that_reads_writes_nothing(known, alice, subtests):
    before, client = counts(), Person(alice, Scope.READ)
    before[0] += 1
    for name, text, variables in documents("mutation", MUTATIONS, known):
        with subtests.test(name):
            answer = client.send(text, variables)
            # Variables that no mutation takes may be what is said first.
            assert answer.status_code == 200, everything(answer)
            assert answer.json()["data"] is None
            assert answer.json()["errors"][0]["extensions"]["code"] == "ReadOnlyKey"
    for name, text, variables in documents("query", QUERIES, known):
        with subtests.test(name):
            assert client.send(text, variables).status_code in (200, 400)
    assert counts() == before


@pytest.mark.parametrize("person", ["viewer", "editor", "admin"])
def test_whoever_sees_it_gets_it_and_nothing_fails(known, people, person, subtests):
    for name, text, variables in documents("query", QUERIES, known):
        with subtests.test(name):
            answer = people[person].send(text, variables)
            assert answer.status_code in (200, 400), everything(answer)
    version = known["id"]
    found = people[person].ask("query Q($id: ID!) { artifact(id: $id) { description } }", id=version)
    assert found["artifact"] == {"description": f"{MARK} version"}


@pytest.mark.parametrize("person", ["editor", "admin"])
def test_no_mutation_fails_on_the_server(known, people, person, subtests):
    for name, text, variables in documents("mutation", MUTATIONS, known):
        with subtests.test(name):
            answer = people[person].send(text, variables)
            assert answer.status_code in (200, 400), everything(answer)
