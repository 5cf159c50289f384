"""How bytes get out: signed URLs of the object store, each of them counted as a download.

A file in a pack has no URL of its own in the store, nor has one that is composed of pieces. Clients that can send
`Range` read them from their objects by the manifest; for all others they have a signed URL of this server, which passes
the bytes on.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.core import signing

from accounts.actor import Actor
from artifacts import errors, storage
from artifacts.content import extents
from artifacts.content.pack_cache import PackCache
from artifacts.models import ArtifactDownload, ArtifactFile, ArtifactVersion, Blob, StoredObject
from artifacts.references import external_stores, uris
from core.stream_pool import StreamPool

# A response of at most so many bytes is handed to the web server in one piece, and no thread waits for its client.
_ONE_PIECE = storage.CHUNK
# What passes through this server otherwise, in each process: fewer than it has threads.
_pool = StreamPool(size=2, per_person=1)
_packs = PackCache()
_SALT = "artifacts.content.downloads"


class FileUrl(NamedTuple):
    """Where a file can be read. What is not signed is the URI of a reference, for clients with access of their own."""

    url: str
    is_signed: bool


def url(actor: Actor, file: ArtifactFile) -> FileUrl:
    """The presigned URL of the file, or the URI of a reference that this server cannot sign. Counted as a download."""
    signed = _signed_url(file)
    record_download(actor, file.version, file)
    return FileUrl(signed or file.reference_uri or "", signed is not None)


def presigned_url(actor: Actor, file: ArtifactFile) -> str:
    """A URL that reads exactly this file, for `SIGNED_URL_LIFE`. Counted as a download.

    Raises as `require_readable` does; not for a reference that is in an external store of the team.
    """
    signed = _signed_url(file)
    if signed is None:
        raise _not_stored(file)
    record_download(actor, file.version, file)
    return signed


def check_signature(file_id: str, signature: str) -> None:
    """`Missing` unless the signature is one of ours, for this file, and still fresh."""
    try:
        signed = signing.loads(signature, salt=_SALT, max_age=storage.SIGNED_URL_LIFE)
    except signing.BadSignature:
        signed = None
    if signed != file_id:
        raise errors.Missing("This download URL is invalid or has expired: request a new one.")


def inline_url(file: ArtifactFile, type: str) -> str | None:
    """A URL of the object store that shows a large file in the browser as of that media type. Not counted.

    None for one that this server passes on: one that is small, in a pack, or composed.
    """
    obj = _own_object(require_readable(file))
    return None if obj is None or file.size <= _ONE_PIECE else storage.get_inline_url(obj.key, type)


def passed_on(file: ArtifactFile, person: str, offset: int = 0, length: int | None = None) -> bytes | Iterator[bytes]:
    """The bytes of a file, or `length` of them from `offset` on, to be sent to this person by this server.

    Raises as `require_slot` does, but says no time to ask again. The official `wandb` client asks for 64 files at once
    and 16 times for each: by its own backoff that is 20 minutes, by a time of ours 16 times as long as that.
    """
    length = file.size - offset if length is None else length
    if length <= _ONE_PIECE:
        return _from_pack(file, offset, length) or b"".join(content(file, offset, length))
    _pool.require_slot(person, retry_after=None)
    return _pool.stream(person, content(file, offset, length), retry_after=None)


def _from_pack(file: ArtifactFile, offset: int, length: int) -> bytes | None:
    blob = require_readable(file)
    pack = blob.object
    if pack is None or pack.kind != StoredObject.Kind.PACK or not length or offset + length > file.size:
        return None
    return _packs.read(pack, blob.offset + offset, length)


def require_slot(person: str) -> None:
    """Raise `Busy` where this server has no slot for what it would send to this person: before anything is read."""
    _pool.require_slot(person)


def stream(person: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks, to be sent to this person by this server. Raises `Busy` without a slot."""
    return _pool.stream(person, chunks)


def content(file: ArtifactFile, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes of a file, or some of them, in chunks of at most 1 MiB.

    The first is read at once, so that refusals come before it.
    """
    return extents.begin(extents.read(require_readable(file), offset, length))


def read_range(file: ArtifactFile, offset: int, length: int) -> bytes:
    """At most `length` bytes of a file from `offset` on, for the server's own use: not counted."""
    return b"".join(extents.read(require_readable(file), offset, length))


def require_readable(file: ArtifactFile) -> Blob:
    """The blob of the file. Raises `Conflict` for a reference, `BytesMismatch` or `VersionIncomplete`."""
    blob = file.blob
    if blob is None:
        raise _not_stored(file)
    if blob.state == Blob.State.CORRUPT:
        raise errors.BytesMismatch(f"The bytes of {file.path!r} are corrupt: log the file again.", paths=[file.path])
    if not blob.has_arrived:
        raise errors.VersionIncomplete(f"The bytes of {file.path!r} have not been uploaded yet.", paths=[file.path])
    return blob


def record_download(actor: Actor, version: ArtifactVersion, file: ArtifactFile | None) -> None:
    """Record that the file, or without one the whole version, was downloaded."""
    ArtifactDownload.objects.create(
        version=version, file=file, user=actor.user, ip_address=actor.ip, user_agent=actor.user_agent
    )


def _signed_url(file: ArtifactFile) -> str | None:
    """None for a reference that is in no external store of the team."""
    if file.is_reference:
        return external_stores.signed_url(file)
    obj = _own_object(require_readable(file))
    if obj is None:
        return content_url(file.pk)
    return storage.get_download_url(obj.key, file.name)


@lru_cache
def _signer(secret_key: str) -> signing.TimestampSigner:
    return signing.TimestampSigner(key=secret_key, salt=_SALT)


def content_url(file_id: UUID | str) -> str:
    """The signed URL at which this server itself gives the bytes of a file; it honours `Range`.

    A page can have thousands, so the signer is made once.
    """
    signature = _signer(settings.SECRET_KEY).sign_object(str(file_id))
    return f"{settings.BASE_URL}/api/v1/artifacts/files/{file_id}/content?signature={signature}"


def _own_object(blob: Blob) -> StoredObject | None:
    """The object that has exactly these bytes, for one that is neither in a pack nor composed."""
    obj = blob.object
    return None if obj is None or obj.kind == StoredObject.Kind.PACK else obj


def _not_stored(file: ArtifactFile) -> errors.Conflict:
    uri = uris.without_secrets(file.reference_uri or "")
    return errors.Conflict(f"{file.path!r} is a reference to {uri}: its bytes are not stored here.")
