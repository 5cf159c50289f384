"""The writing end: our server, by its face for the official client, which takes what that client can have logged.

What that face has no word for, such as when a run began, is written by the REST API.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.http_client import Client, quote_segment
from wanllmdb.sdk.name_resolution import find_artifact

MAX_LINES_PER_REQUEST = 5_000
MAX_BYTES_PER_REQUEST = 4_000_000

_UPSERT_RUN = """
mutation ($input: UpsertBucketInput!) { upsertBucket(input: $input) { bucket { id } } }
"""
_FIND_VERSION = "query ($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"
_SHOW_VERSION = "query ($id: ID!) { artifact(id: $id) { state versionIndex } }"
_BEGIN_VERSION = """
mutation ($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact { id state versionIndex } } }
"""
_BEGIN_MANIFEST = """
mutation ($input: CreateArtifactManifestInput!) {
  createArtifactManifest(input: $input) { artifactManifest { file { uploadUrl uploadHeaders } } }
}
"""
_BEGIN_FILES = """
mutation ($input: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $input) { files { edges { node {
    name storagePath uploadUrl uploadHeaders uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } }
  } } } }
}
"""
_COMPLETE_FILE = """
mutation ($input: CompleteMultipartUploadArtifactInput!) { completeMultipartUploadArtifact(input: $input) { digest } }
"""
_COMMIT_VERSION = """
mutation ($input: CommitArtifactInput!) { commitArtifact(input: $input) { artifact { id versionIndex } } }
"""
_LINK_VERSION = "mutation ($input: LinkArtifactInput!) { linkArtifact(input: $input) { versionIndex } }"


class Target:
    """The project `team/project` of our server, into which `source_project` of the server `source_url` is copied."""

    def __init__(self, connection: Connection, project: str, source_url: str, source_project: str) -> None:
        self.rest = connection.client
        self.project = project
        self.team, _, self.name = project.partition("/")
        self._source_url, self._source_project = source_url, source_project
        settings = connection.settings
        self._face = Client(settings.base_url, settings.api_key, api_path="")

    def own_id(self, kind: str, name: str, source_project: str | None = None) -> UUID:
        """The same each time for the same thing of the source: by it the server knows what it has already.

        What is in another project of the source has the id that it has where that was copied under its own name.
        """
        source, project = self._source_project, self.project
        if source_project not in (None, source):
            source, project = str(source_project), f"{self.team}/{str(source_project).rpartition('/')[2]}"
        return uuid5(NAMESPACE_URL, f"{self._source_url}/{source}#{kind}:{name}>{project}")

    def query(self, document: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation, which may be repeated. Raises `Invalid` with what the server refuses."""
        answer = self._face.post("/graphql", {"query": document, "variables": variables}, idempotent=True)
        if problems := answer.get("errors"):
            raise errors.Invalid("; ".join(str(problem.get("message")) for problem in problems))
        data: dict[str, Any] = answer["data"]
        return data

    def put(self, url: str, headers: Iterable[str], content: bytes) -> None:
        """Send bytes to a URL that the server signed."""
        self.rest.upload(url, parse_headers(headers), lambda: [content], len(content))

    # --- Runs ---------------------------------------------------------------------------------------------------------

    def find_run(self, name: str) -> dict[str, Any] | None:
        try:
            items = self.rest.get("/runs", project=self.project, name=name)["items"]
        except errors.NotFound:  # there is no such project yet
            return None
        return dict(items[0]) if items else None

    def begin_run(self, name: str, started_at: str | None, display_name: str) -> dict[str, Any]:
        """The record of the run that copies this one, begun now or before. Raises `NameTaken` for another's run."""
        body: dict[str, Any] = {
            "project": self.project,
            "name": name,
            "display_name": display_name[:256],
            "idempotency_key": str(self.own_id("run", name)),
        }
        if started_at:
            body["started_at"] = started_at
        record: dict[str, Any] = self.rest.post("/runs", body, idempotent=True)
        return record

    def describe_run(self, name: str, **values: Any) -> None:
        named = {"entityName": self.team, "modelName": self.name, "name": name}
        self.query(_UPSERT_RUN, input={**named, **values})

    def append_lines(self, run: str, stream: str, lines: Iterable[str]) -> int:
        """Put the lines into a stream of the run from its beginning; returns how many. Those there change nothing."""
        path = "/".join(map(quote_segment, (self.team, self.name, run)))
        offset = 0
        for batch in _batches(lines):
            body = {"files": {stream: {"offset": offset, "content": batch}}}
            self._face.post(f"/files/{path}/file_stream", body, idempotent=True)
            offset += len(batch)
        return offset

    def end_run(self, record: dict[str, Any], state: str, ended_at: str | None) -> None:
        # One that had ended goes on when lines are added to it.
        self.rest.post("/runs", {"project": self.project, "name": record["name"], "resume": "must"}, idempotent=True)
        end = {"state": state} | ({"finished_at": ended_at} if ended_at else {})
        self.rest.post(f"/runs/{record['id']}/finish", end, idempotent=True)

    # --- Versions -----------------------------------------------------------------------------------------------------

    def find_version(self, client_id: str) -> str | None:
        """The id of the version that copies this one, whether it is complete or not."""
        found = self.query(_FIND_VERSION, id=client_id)["clientIDMapping"]
        return str(found["serverID"]) if found else None

    def show_version(self, version: str) -> dict[str, Any]:
        """Its `state`, and its `versionIndex` once that is COMMITTED."""
        found: dict[str, Any] = self.query(_SHOW_VERSION, id=version)["artifact"]
        return found

    def begin_version(self, **values: Any) -> dict[str, Any]:
        named = {"entityName": self.team, "projectName": self.name, "digestAlgorithm": "MANIFEST_MD5"}
        begun: dict[str, Any] = self.query(_BEGIN_VERSION, input={**named, **values})["createArtifact"]["artifact"]
        return begun

    def begin_files(self, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """For each file where its bytes are to be sent: no `uploadUrl` where the server has them."""
        found = self.query(_BEGIN_FILES, input={"artifactFiles": files, "storageLayout": "V2"})
        return [edge["node"] for edge in found["createArtifactFiles"]["files"]["edges"]]

    def complete_file(self, version: str, storage_path: str, upload_id: str, etags: list[str]) -> None:
        parts = [{"partNumber": number, "hexMD5": etag} for number, etag in enumerate(etags, 1)]
        named = {"completeMultipartAction": "Complete", "artifactID": version, "storagePath": storage_path}
        self.query(_COMPLETE_FILE, input={**named, "uploadID": upload_id, "completedParts": parts})

    def send_manifest(self, version: str, manifest: bytes, md5: str, run: str) -> None:
        named = {"entityName": self.team, "projectName": self.name, "runName": run}
        about = {"artifactID": version, "name": "wandb_manifest.json", "digest": md5, "type": "FULL"}
        begun = self.query(_BEGIN_MANIFEST, input={**named, **about})
        file = begun["createArtifactManifest"]["artifactManifest"]["file"]
        self.put(file["uploadUrl"], file["uploadHeaders"] or (), manifest)

    def commit_version(self, version: str) -> dict[str, Any]:
        committed: dict[str, Any] = self.query(_COMMIT_VERSION, input={"artifactID": version})["commitArtifact"]
        return dict(committed["artifact"])

    def find_artifact(self, name: str) -> dict[str, Any] | None:
        try:
            return find_artifact(self.rest, self.project, name)
        except errors.NotFound:  # there is no such project yet
            return None

    def use_number(self, artifact: str, number: int) -> None:
        """Leave this number out: the next version has the one after it."""
        try:
            draft = self.rest.post(f"/artifacts/{artifact}/versions", {"number": number})
        except errors.Conflict:
            # An import that was interrupted here has done so, or there are later versions.
            return
        self.rest.delete(f"/artifacts/versions/{draft['id']}")

    def list_used(self, run: str) -> set[str]:
        """The ids in the face of the versions that a run, by its id in the REST API, is known to use."""
        used = self.rest.get(f"/runs/{run}/artifacts")["used"]
        return {base64.b64encode(f"Artifact:{version['id']}".encode()).decode() for version in used}

    def record_use(self, run: str, version: str) -> None:
        """By the id of the run in the REST API, and that of the version in the face."""
        self.rest.post(f"/runs/{run}/use-artifact", {"version_id": rest_id(version)}, idempotent=True)

    # --- Links --------------------------------------------------------------------------------------------------------

    def find_link(self, version: str, collection: str) -> dict[str, Any] | None:
        """The record of the link of a version in a collection of the project."""
        for record in self.rest.iter_pages(f"/artifacts/versions/{rest_id(version)}/links"):
            if (record["project_name"], record["artifact_name"]) == (self.project, collection):
                return record
        return None

    def link(self, version: str, collection: str, aliases: list[str]) -> int:
        """The number of the link of a version in a collection, which is made if it is not there."""
        named = {"entityName": self.team, "projectName": self.name, "artifactPortfolioName": collection}
        stated = [{"artifactCollectionName": collection, "alias": alias} for alias in aliases]
        linked = self.query(_LINK_VERSION, input={**named, "artifactID": version, "aliases": stated})
        return int(linked["linkArtifact"]["versionIndex"])


def rest_id(version: str) -> str:
    """The id in the REST API of a version, by that in the face."""
    return base64.b64decode(version).decode().partition(":")[2]


def parse_headers(lines: Iterable[str]) -> dict[str, str]:
    """Of `Name:value` each."""
    return dict(line.split(":", 1) for line in lines)


def _batches(lines: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for line in lines:
        cost = len(json.dumps(line))
        if batch and (len(batch) == MAX_LINES_PER_REQUEST or size + cost > MAX_BYTES_PER_REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += cost
    if batch:
        yield batch
