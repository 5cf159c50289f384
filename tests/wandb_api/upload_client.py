"""The official client by hand: the requests by which it logs an artifact, one by one, so that each can go wrong."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from django.test import Client
from graphql import get_named_type, is_leaf_type

from accounts import keys
from accounts.actor import Actor
from accounts.models import Scope, User
from artifacts.models import ArtifactVersion
from tests.artifacts.client import HTTP
from wandb_api.schema import SCHEMA

FILES = {"a.txt": b"one", "sub/b.txt": b"two", "empty": b""}
_ARTIFACT = "id state digest versionIndex artifactSequence { id latestArtifact { id versionIndex } }"
_PARTS = "uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }"
# Clients differ in what they ask of a file, so all of it is asked.
_LEAVES = " ".join(
    name for name, field in SCHEMA.get_type("File").fields.items() if is_leaf_type(get_named_type(field.type))
)
_FILE = f"{_LEAVES} artifact {{ id }} {_PARTS}"


class Refused(Exception):
    """What the client prints: the sentence of the first error."""


def version_of(answer: Mapping[str, Any]) -> ArtifactVersion:
    """The version that the client was told of."""
    return ArtifactVersion.objects.select_related("artifact").get(
        artifact__name=answer.get("name", "set"), number=answer["versionIndex"]
    )


def b64md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def digest_of(entries: Mapping[str, Mapping[str, Any]]) -> str:
    lines = "".join(f"{path}:{entries[path]['digest']}\n" for path in sorted(entries))
    return hashlib.md5(f"wandb-artifact-manifest-v1\n{lines}".encode(), usedforsecurity=False).hexdigest()


def entries_of(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    return {path: {"digest": b64md5(body), "size": len(body)} for path, body in files.items()}


def put(url: str, headers: Iterable[str], body: bytes) -> Any:
    named = dict(header.split(":", 1) for header in headers)
    return HTTP.request("PUT", url, body=body, headers=named)


class Wandb:
    """One user's client, which logs into one project."""

    def __init__(self, user: User, project: str = "acme/demo", scope: Scope = Scope.WRITE) -> None:
        self.entity, self.project = project.split("/")
        token = keys.create(Actor(user), "wandb", scope)[1]
        self._authorization = "Basic " + base64.b64encode(f"api:{token}".encode()).decode()
        self._client = Client()

    def post(self, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables, "operationName": ""}
        return self._client.post(
            "/graphql",
            json.dumps(body),
            content_type="application/json",
            headers={"Authorization": self._authorization},
        )

    def ask(self, query: str, **variables: Any) -> Any:
        answer = self.post(query, **variables).json()
        if answer.get("errors"):
            raise Refused(answer["errors"][0]["message"])
        return answer["data"]

    def mutate(self, name: str, answer: str, /, **input: Any) -> Any:
        type_ = f"{name[0].upper()}{name[1:]}Input!"
        return self.ask(f"mutation M($input: {type_}) {{ result: {name}(input: $input) {{ {answer} }} }}", input=input)[
            "result"
        ]

    def create(
        self, name: str, digest: str, *, aliases: Iterable[str] = ("latest",), type: str = "dataset", **more: Any
    ) -> dict[str, Any]:
        sent = {
            "artifactTypeName": type,
            "artifactCollectionName": name,
            "entityName": self.entity,
            "projectName": self.project,
            "runName": None,
            "digest": digest,
            "digestAlgorithm": "MANIFEST_MD5",
            "aliases": [{"artifactCollectionName": name, "alias": alias} for alias in aliases],
            "enableDigestDeduplication": True,
            "clientID": secrets.token_hex(64),
            "sequenceClientID": secrets.token_hex(64),
        }
        return self.mutate("createArtifact", f"artifact {{ {_ARTIFACT} }}", **(sent | more))["artifact"]

    def files(self, artifact_id: str, files: Mapping[str, bytes], **more: Any) -> list[dict[str, Any]]:
        specs = [
            {"artifactID": artifact_id, "name": path, "md5": b64md5(body), "mimetype": "text/plain", **more}
            for path, body in files.items()
        ]
        answer = f"files {{ edges {{ node {{ {_FILE} }} }} }}"
        edges = self.mutate("createArtifactFiles", answer, artifactFiles=specs, storageLayout="V2")["files"]["edges"]
        return [edge["node"] for edge in edges]

    def send(self, artifact_id: str, files: Mapping[str, bytes]) -> int:
        """Send what is missing; how many files that were."""
        nodes = self.files(artifact_id, files)
        count = 0
        for node, body in zip(nodes, files.values(), strict=True):
            if node["uploadUrl"]:
                answer = put(node["uploadUrl"], node["uploadHeaders"], body)
                assert answer.status == 200, answer.data
                count += 1
        return count

    def create_manifest(self, artifact_id: str, digest: str = "", type: str = "FULL", **more: Any) -> dict[str, Any]:
        sent = {
            "artifactID": artifact_id, "name": "wandb_manifest.json", "digest": digest, "type": type,
            "entityName": self.entity, "projectName": self.project, "runName": "run",
        }  # fmt: skip
        answer = f"artifactManifest {{ id file {{ {_LEAVES} }} }}"
        return self.mutate("createArtifactManifest", answer, **(sent | more))["artifactManifest"]

    def send_manifest(self, artifact_id: str, contents: Mapping[str, Any], type: str = "FULL", **more: Any) -> None:
        manifest = {
            "version": 1,
            "storagePolicy": "wandb-storage-policy-v1",
            "storagePolicyConfig": {"storageLayout": "V2"},
            "contents": contents,
        }
        body = json.dumps(manifest).encode()
        self.create_manifest(artifact_id, type=type, **more)
        file = self.create_manifest(artifact_id, b64md5(body), type, **more)["file"]
        answer = put(file["uploadUrl"], file["uploadHeaders"], body)
        assert answer.status == 200, answer.data

    def commit(self, artifact_id: str) -> dict[str, Any]:
        return self.mutate("commitArtifact", f"artifact {{ {_ARTIFACT} }}", artifactID=artifact_id)["artifact"]

    def fill(self, artifact_id: str, files: Mapping[str, bytes], references: Mapping[str, Any] | None = None) -> None:
        self.send(artifact_id, files)
        self.send_manifest(artifact_id, {**entries_of(files), **(references or {})})

    def log(
        self, name: str, files: Mapping[str, bytes], references: Mapping[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Log these files as the client does; the version that has them."""
        begun = self.create(name, digest_of({**entries_of(files), **(references or {})}), **more)
        if begun["state"] == "COMMITTED":
            return begun
        self.fill(begun["id"], files, references)
        return self.commit(begun["id"])
