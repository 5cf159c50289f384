"""Manifests of versions as documents of the wire, written from our rows, at signed URLs of this server."""

import base64
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from artifacts import errors, storage
from artifacts.content import digests
from artifacts.models import ArtifactVersion
from artifacts.references import identities
from wandb_api import ids

FILE_NAME = "wandb_manifest.json"
_SALT = "wandb_api.manifest_documents"
_HEAD = {
    "version": 1,
    "storagePolicy": "wandb-storage-policy-v1",
    "storagePolicyConfig": {"storageLayout": "V2"},
}
_COLUMNS = (
    "path", "size", "blob__md5", "blob__object__version", "reference_uri", "reference_identity",
    "reference_version_id", "reference_digest", "reference_extra",
)  # fmt: skip
_READ_SIZE = 5_000
# About 6 MiB of text. Where a larger one is sent, a thread waits for the client, so there are few of them at once.
MAX_FILES_IN_ONE_PIECE = 50_000
# In place of the md5 of bytes that are corrupt, of which nobody knows what they were.
_NO_MD5 = base64.b64encode(bytes(16)).decode()


def url(version: ArtifactVersion) -> str:
    """Where the document of the version can be read without a key, for as long as other signed URLs."""
    signature = signing.dumps(str(version.pk), salt=_SALT)
    return f"{settings.BASE_URL}{reverse('wandb-manifest', args=[version.pk])}?signature={signature}"


def check_signature(version_id: str, signature: str) -> None:
    """`Missing` unless the signature is one of ours, for this version, and still fresh."""
    try:
        signed = signing.loads(signature, salt=_SALT, max_age=storage.SIGNED_URL_LIFE)
    except signing.BadSignature:
        signed = None
    if signed != version_id:
        raise errors.Missing("This URL of a manifest is invalid or has expired: request a new one.")


def is_large(version: ArtifactVersion) -> bool:
    """Whether the document is sent as it is written, instead of being made whole."""
    return version.file_count > MAX_FILES_IN_ONE_PIECE


def write(version: ArtifactVersion) -> Iterator[bytes]:
    """The document, of which the md5 of all files are known, in chunks; a query each, and none stays open.

    Raises `Missing` where the version is deleted meanwhile: who reads gets no whole document then.
    """
    yield f'{json.dumps(_HEAD)[:-1]}, "contents": {{'.encode()
    separator, count = "", 0
    for entries in _pages(version):
        yield f"{separator}{', '.join(entries)}".encode()
        separator, count = ", ", count + len(entries)
    if count != version.file_count:
        raise errors.Missing("The version was deleted while its manifest was read.")
    yield b"}}"


def _pages(version: ArtifactVersion) -> Iterator[list[str]]:
    files = version.files.order_by("path")
    own = ids.encode("Artifact", version.pk)
    # Of a link, whoever reads it may see nothing of where its bytes came from.
    births = defaultdict(lambda: own) if version.is_link else _Births({None: own})
    last = ""
    while rows := list(files.filter(path__gt=last).values_list(*_COLUMNS)[:_READ_SIZE]):
        last = rows[-1][0]
        yield [_entry(births, *row) for row in rows]


class _Births(dict[Any, str]):
    """The ids of versions that brought bytes, by their keys."""

    def __missing__(self, key: UUID) -> str:
        self[key] = ids.encode("Artifact", key)
        return self[key]


def _entry(
    births: dict[Any, str], path: str, size: int, md5: str | None, brought_by: UUID | None, *reference: Any
) -> str:
    if reference[0] is not None:
        entry = _reference(*reference)
    else:
        digest = base64.b64encode(bytes.fromhex(md5)).decode() if md5 else _NO_MD5
        entry = {"digest": digest, "birthArtifactID": births[brought_by]}
    return f"{json.dumps(path)}: {json.dumps({**entry, 'size': size})}"


def _reference(
    uri: str, identity: str, version_id: str, stated: str | None, stated_extra: dict[str, Any] | None
) -> dict[str, Any]:
    """What this client said of it, as it said it; of one that another logged, what is known."""
    digest = digests.reference_on_wire(uri, identity, stated)
    if stated is not None:
        return {"digest": digest, "ref": uri, "extra": stated_extra or {}}
    etag = identities.etag_of(identity)
    extra = {"versionID": version_id} if version_id else {}
    return {"digest": digest, "ref": uri, "extra": extra | ({"etag": etag} if etag else {})}
