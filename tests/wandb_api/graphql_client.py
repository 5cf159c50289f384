"""The official client by hand: a document, its variables, and what comes back."""

import base64
import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts import keys
from accounts.actor import Actor, Channel
from accounts.models import Scope, User
from wandb_api import execution
from wandb_api.context import Context

# What clients ask of a version.
VERSION = """
id versionIndex description metadata ttlDurationSeconds ttlIsInherited historyStep state size digest digestAlgorithm
commitHash fileCount createdAt updatedAt
artifactSequence { __typename name project { id name entity { name } } }
artifactType { name }
tags { __typename id name }
aliases { __typename id alias artifactCollection { __typename name } }
"""


class Refused(Exception):
    """What the client prints: the sentence of the first error."""


class GraphqlClient:
    """One user's client, with a key of its own."""

    def __init__(self, user: User, scope: Scope = Scope.WRITE) -> None:
        self.user = user
        _, value = keys.issue(user=user, name="wandb", scope=scope)
        self.headers = {"Authorization": "Basic " + base64.b64encode(f"api:{value}".encode()).decode()}
        self._client = Client()

    def get(self, path: str) -> HttpResponse:
        return self._client.get(path, headers=self.headers)

    def post(self, query: str, **variables: Any) -> HttpResponse:
        body = json.dumps({"query": query, "variables": variables, "operationName": ""})
        return self._client.post("/graphql", body, content_type="application/json", headers=self.headers)

    def ask(self, query: str, **variables: Any) -> Any:
        return answer_of(self.post(query, **variables).json())

    def execute(self, query: str, **variables: Any) -> Any:
        """The same without HTTP, to count what a document costs by itself."""
        context = Context(Actor(self.user, Channel.WANDB), "http://testserver")
        return answer_of(execution.execute(context, {"query": query, "variables": variables}).body)

    def mutate(self, name: str, selection: str, /, **input: Any) -> Any:
        type_ = f"{name[0].upper()}{name[1:]}Input!"
        document = f"mutation M($input: {type_}) {{ result: {name}(input: $input) {{ {selection} }} }}"
        return self.ask(document, input=input)["result"]

    def membership(self, name: str, selection: str = f"artifact {{ {VERSION} }}", project: str = "acme/demo") -> Any:
        """`ArtifactMembershipByName`: None where there is none."""
        entity, project = project.split("/")
        document = f"""query Q($entity: String!, $project: String!, $name: String!) {{
            project(name: $project, entityName: $entity) {{
                artifactCollectionMembership(name: $name) {{ {selection} }}
            }}
        }}"""
        found = self.ask(document, entity=entity, project=project, name=name)["project"]
        return found and found["artifactCollectionMembership"]


def answer_of(body: dict[str, Any]) -> Any:
    if body.get("errors"):
        raise Refused(body["errors"][0]["message"])
    return body["data"]


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def artifact_id(version: Any) -> str:
    return b64(f"Artifact:{version.pk}")


def sequence_id(artifact: Any) -> str:
    return b64(f"ArtifactSequence:{artifact.pk}")
