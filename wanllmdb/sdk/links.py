"""Links: versions of other artifacts in collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wanllmdb.sdk import errors
from wanllmdb.sdk.http_client import Client, quote_segment

if TYPE_CHECKING:
    from wanllmdb.sdk.connection import Connection

# Where `Run.link_model` links models that are named without a project, as in `wandb`.
MODEL_PROJECT = "model-registry"


def full_name(connection: Connection, target: str, project: str | None) -> str:
    """`team/project/name` of a collection that is named relative to a project. Raises `Invalid`."""
    name = connection.full_name(target, project)
    if ":" in name:
        raise errors.Invalid(f"{target!r} names a version: pass the name of a collection, and aliases of the link")
    return name


def create(client: Client, version_id: str, collection: str, aliases: Sequence[str]) -> dict[str, Any]:
    """The record of the link of a version in `team/project/name`, made now or before."""
    body = {"collection": collection, "aliases": list(aliases)}
    path = f"/artifacts/versions/{quote_segment(version_id)}/links"
    return dict(client.post(path, body, idempotent=True))


def create_collection(client: Client, collection: str, type: str) -> None:
    """Make the collection `team/project/name`, on request with its project, unless it is there."""
    project, _, name = collection.rpartition("/")
    body = {"project": project, "name": name, "type": type, "kind": "collection", "create_project": True}
    try:
        client.post("/artifacts", body, idempotent=True)
    except errors.NameTaken:
        return
