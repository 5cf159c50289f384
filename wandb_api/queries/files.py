"""The files of versions, each with a signed URL, and their manifests."""

import base64
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import CharField
from django.db.models.functions import Cast
from graphql import GraphQLResolveInfo

from artifacts import errors, storage
from artifacts.content import digests, downloads
from artifacts.content.manifests import READABLE
from artifacts.models import ArtifactVersion, StoredObject
from core.cursors import decode_text
from core.value_lists import Among
from wandb_api import cursors, ids, manifest_documents
from wandb_api.context import Context
from wandb_api.queries.memberships import Membership
from wandb_api.resolvers import Resolvers

artifact = Resolvers("Artifact")
membership = Resolvers("ArtifactCollectionMembership")

_COLUMNS = (
    "pk_text", "path", "size", "mime_type", "blob__md5", "blob__state", "blob__object__kind", "blob__object__key",
    "brought_by_text", "reference_uri", "reference_identity", "reference_digest",
)  # fmt: skip
# Not as UUIDs: to make 10,000 of them takes as long as the query.
_IDS = {"pk_text": Cast("pk", CharField()), "brought_by_text": Cast("blob__object__version", CharField())}


class _Row(NamedTuple):
    pk: str
    path: str
    size: int
    mime_type: str
    md5: str | None
    state: str | None
    object_kind: str | None
    object_key: str | None
    brought_by: str | None
    reference_uri: str | None
    reference_identity: str | None
    reference_digest: str | None


class FileNode:
    """A file of a version, as the wire's `File` has it. URLs are signed when they are asked for."""

    __slots__ = ("row", "version")

    def __init__(self, version: ArtifactVersion, row: _Row) -> None:
        self.version = version
        self.row = row

    upload_url = upload_headers = upload_multipart_urls = None

    @property
    def id(self) -> str:
        return ids.encode("ArtifactFile", UUID(self.row.pk))

    @property
    def name(self) -> str:
        return self.row.path

    display_name = name

    @property
    def direct_url(self) -> str:
        """That of the object store, for a file that has an object to itself; that of this server for one that lies in a
        pack or consists of pieces; of a reference the reference itself. Raises what reading the file would raise."""
        row = self.row
        if row.reference_uri is not None:
            return row.reference_uri
        if row.state not in READABLE:
            raise errors.BytesMismatch(f"The bytes of {row.path!r} are corrupt, or not there: log the file again.")
        if row.object_kind == StoredObject.Kind.FILE:
            return storage.get_download_url(row.object_key or "")
        return downloads.content_url(_hyphenated(row.pk))

    url = direct_url

    @property
    def size_bytes(self) -> int:
        return self.row.size

    @property
    def storage_path(self) -> str:
        return f"wandb_artifacts/{self.row.object_key or self.row.path}"

    @property
    def mimetype(self) -> str:
        return self.row.mime_type

    @property
    def updated_at(self) -> datetime:
        """No file of a version changes."""
        return self.version.finalized_at or self.version.created_at

    @property
    def digest(self) -> str | None:
        row = self.row
        if row.reference_uri is not None:
            return digests.reference_on_wire(row.reference_uri, row.reference_identity or "", row.reference_digest)
        return self.md5

    @property
    def md5(self) -> str | None:
        return base64.b64encode(bytes.fromhex(self.row.md5)).decode() if self.row.md5 else None

    @property
    def artifact(self) -> Any:
        """The version that brought the bytes, of which clients know the id alone; of a link itself."""
        is_own = self.version.is_link or not self.row.brought_by
        brought_by = self.version.pk if is_own else UUID(self.row.brought_by)
        return self.version if brought_by == self.version.pk else ArtifactVersion(pk=brought_by)


@artifact(name="files")
def files_of_version(
    row: ArtifactVersion,
    info: GraphQLResolveInfo,
    names: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    return _page(info.context, row, names, first, after)


@membership(name="files")
def files_of_membership(
    row: Membership,
    info: GraphQLResolveInfo,
    names: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    return _page(info.context, row.member, names, first, after)


@artifact
def files_by_manifest_entries(
    row: ArtifactVersion, info: GraphQLResolveInfo, entries: list[dict[str, Any]] | None = None, **_: Any
) -> dict[str, Any]:
    """The files of these entries, in their order; none for one that the version does not have."""
    names = [entry["name"] for entry in entries or ()]
    info.context.page_size(len(names))
    found = {node.name: node for node in _nodes(row, names, limit=len(names))}
    nodes = [found.get(name) for name in names]
    return cursors.connection(nodes, range(1, len(nodes) + 1), False, total_count=len(nodes))


@artifact
def current_manifest(row: ArtifactVersion, info: GraphQLResolveInfo) -> dict[str, Any] | None:
    """The manifest as a file at a signed URL, which counts as a download; None of a draft."""
    if not row.is_finalized:
        return None
    downloads.record_download(info.context.actor, row, None)
    name = manifest_documents.FILE_NAME
    key = ids.encode("ArtifactManifest", row.pk)
    url = manifest_documents.url(row)
    file = {"id": key, "name": name, "display_name": name, "url": url, "direct_url": url, "size_bytes": 0}
    return {"id": key, "file": file | {"mimetype": "application/json", "updated_at": row.finalized_at}}


def _page(
    context: Context, version: ArtifactVersion, names: Sequence[str] | None, first: int | None, after: str | None
) -> dict[str, Any]:
    """In the order of their paths. One query."""
    size = context.page_size(first)
    nodes = _nodes(version, names, after=decode_text(after) if after else "", limit=size + 1)
    has_next = len(nodes) > size
    del nodes[size:]
    total = version.file_count if names is None else version.files.filter(Among("path", names)).count()
    return cursors.connection(nodes, [node.name for node in nodes], has_next, total_count=total)


def _nodes(version: ArtifactVersion, names: Iterable[str] | None, *, after: str = "", limit: int) -> list[FileNode]:
    files = version.files.order_by("path")
    if names is not None:
        files = files.filter(Among("path", names))
    if after:
        files = files.filter(path__gt=after)
    rows = files.annotate(**_IDS).values_list(*_COLUMNS)[:limit]
    return [FileNode(version, _Row._make(row)) for row in rows]


def _hyphenated(text: str) -> str:
    """A UUID as URLs have it; SQLite has it without hyphens."""
    return text if len(text) > 32 else f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
