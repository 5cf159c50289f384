"""Bytes that apps above the registry keep in its store: sent to signed URLs, or by the server itself, then held.

They are blobs of a project as those of files are: known by their hashes and shared, read back by workers, and garbage
once no file and no hold is left. What was sent and never held is garbage after `ORPHAN_GRACE`.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models import User
from artifacts import errors, storage
from artifacts.content import arrivals, deletions, extents, incoming
from artifacts.models import Blob, BlobHold, StoredObject
from artifacts.models.stored_object import INCOMING
from projects.models import Project

_MAX_WORKERS = 8
_BATCH_SIZE = 500


class Bytes(NamedTuple):
    """What a client is about to send: sha256 in lower-case hex, and how many bytes."""

    sha256: str
    size: int


class Upload(NamedTuple):
    """Where to send the bytes, and the id to name them by; nothing to send where `put` is None."""

    id: UUID
    put: storage.SignedPut | None


def content_of(body: bytes) -> Bytes:
    return Bytes(hashlib.sha256(body).hexdigest(), len(body))


def begin(project: Project, user: User | None, owner: str, contents: Sequence[Bytes]) -> list[Upload]:
    """Signed URLs for these bytes, in this order, for keys under `owner`; none for what the project has already."""
    is_bound = storage.enforces_checksums()
    blobs = _claim(project, user, owner, contents, is_bound=is_bound)
    return [Upload(blobs[content].pk, _sign(blobs[content])) for content in contents]


def collect(project: Project, user: User | None, ids: Iterable[UUID]) -> None:
    """Ask the store for what this user was to send under these ids, and record what has arrived.

    Raises `UploadIncomplete` for bytes that are not there, `BytesMismatch` for more or fewer than were announced.
    """
    expected = Blob.objects.filter(project=project, created_by=user, state=Blob.State.EXPECTED, pk__in=list(ids))
    objects = [blob.object for blob in expected.select_related("object") if blob.object is not None]
    if not objects:
        return
    with ThreadPoolExecutor(_MAX_WORKERS) as workers:
        infos = list(workers.map(storage.get_file_info, [obj.incoming_key or obj.key for obj in objects]))
    arrived = []
    for obj, info in zip(objects, infos, strict=True):
        if info is None:
            raise errors.UploadIncomplete(f"The object store has no bytes with the sha256 {obj.sha256} yet.")
        if info.size != obj.size:
            message = f"The object store has {info.size} bytes with the sha256 {obj.sha256}, not {obj.size}."
            raise errors.BytesMismatch(f"{message} Begin again.")
        arrived.append((obj, info))
    incoming.take_in((obj, info) for obj, info in arrived if obj.is_incoming)
    _record_arrived([obj for obj, _ in arrived if not obj.is_incoming])


def store(project: Project, user: User | None, owner: str, bodies: Sequence[bytes]) -> list[UUID]:
    """Put these bytes into the store, under `owner`; returns the ids to hold them by, in this order."""
    contents = [content_of(body) for body in bodies]
    blobs = _claim(project, user, owner, contents, is_bound=False, is_ours=True)
    sent: dict[UUID, tuple[StoredObject, bytes]] = {}
    for content, body in zip(contents, bodies, strict=True):
        obj = blobs[content].object
        if blobs[content].state == Blob.State.EXPECTED and obj is not None:
            sent[obj.pk] = obj, body
    with ThreadPoolExecutor(_MAX_WORKERS) as workers:
        list(workers.map(lambda pair: storage.upload_file(pair[0].key, pair[1]), sent.values()))
    _record_arrived([obj for obj, _ in sent.values()])
    return [blobs[content].pk for content in contents]


def find(project: Project, user: User | None, contents: Iterable[Bytes]) -> dict[Bytes, UUID]:
    """The ids of those of these bytes that this user was to send, or, for who sees the project, that it has."""
    wanted = set(contents)
    rows = _known_by_hash(project, user).filter(sha256__in={content.sha256 for content in wanted})
    # A verified one before all others, and the newest of these.
    order = {state: rank for rank, state in enumerate(["corrupt", "expected", "uploaded", "verified"])}
    found = sorted(rows, key=lambda blob: (order[blob.state], blob.pk))
    return {content: blob.pk for blob in found if (content := Bytes(str(blob.sha256), blob.size)) in wanted}


def hold(project: Project, user: User | None, ids: Iterable[UUID]) -> Mapping[UUID, Blob]:
    """The blobs of these ids, locked, so that holds on them can be saved in the same transaction.

    Those of the user's own uploads, and for who sees the project its verified ones: others are left out. Raises
    `UploadIncomplete` and `BytesMismatch` for what cannot be held.
    """
    ids = list(ids)
    found: dict[UUID, Blob] = {}
    for start in range(0, len(ids), _BATCH_SIZE):
        rows = Blob.objects.filter(_usable(project, user), pk__in=ids[start : start + _BATCH_SIZE], project=project)
        rows.touch()
        found |= {blob.pk: blob for blob in rows.select_related("object")}
    for blob in found.values():
        require_readable(blob)
    return found


def release(holds: Iterable[UUID]) -> None:
    """Delete these holds. The grace of their bytes begins now: somebody may be reading them still."""
    holds = list(holds)
    for start in range(0, len(holds), _BATCH_SIZE):
        rows = BlobHold.objects.filter(pk__in=holds[start : start + _BATCH_SIZE])
        Blob.objects.filter(holds__in=rows).touch()
        rows.delete()


def read(blob: Blob) -> Iterator[bytes]:
    """The bytes, in chunks of at most 1 MiB. Raises as `require_readable`, and `StoreUnavailable`."""
    require_readable(blob)
    return extents.read(blob)


def read_content(project: Project, user: User | None, content: Bytes) -> bytes | None:
    """These bytes, where the project has them or this user has sent them; else None."""
    pk = find(project, user, [content]).get(content)
    blob = Blob.objects.select_related("object").filter(pk=pk).first() if pk else None
    return b"".join(read(blob)) if blob and blob.has_arrived else None


def read_range(blob: Blob, offset: int, length: int) -> bytes:
    """At most `length` of the bytes from `offset` on. Raises as `read` does."""
    require_readable(blob)
    return b"".join(extents.read(blob, offset, length))


def download_url(blob: Blob, file_name: str) -> str | None:
    """A signed URL that reads exactly these bytes; None for those in a pack or in pieces, which have no such URL."""
    require_readable(blob)
    obj = blob.object
    return None if obj is None or obj.kind == StoredObject.Kind.PACK else storage.get_download_url(obj.key, file_name)


def require_readable(blob: Blob) -> None:
    """Raises `BytesMismatch` for corrupt bytes, `UploadIncomplete` for those that have not arrived."""
    if blob.state == Blob.State.CORRUPT:
        raise errors.BytesMismatch(f"The bytes with the sha256 {blob.sha256} are corrupt: send them again.")
    if not blob.has_arrived:
        raise errors.UploadIncomplete(f"The bytes with the sha256 {blob.sha256} have not been uploaded yet.")


@transaction.atomic
def _claim(
    project: Project,
    user: User | None,
    owner: str,
    contents: Sequence[Bytes],
    *,
    is_bound: bool,
    is_ours: bool = False,
) -> dict[Bytes, Blob]:
    """For each content a blob that the project has, or a new one that is expected.

    Who wants to send bytes by their hash shares what they know of; what the server has before it, it may always share.
    """
    shareable = Blob.objects.shareable(project, user).filter(sha256__in={content.sha256 for content in contents})
    if not is_ours:
        shareable = shareable.filter(pk__in=_known_by_hash(project, user).values("pk"))
    shareable = shareable.filter(extent_count=0)
    shareable.touch()
    # A verified one, where there are two.
    rows = sorted(shareable.select_related("object"), key=lambda blob: blob.state == Blob.State.VERIFIED)
    blobs = {Bytes(str(blob.sha256), blob.size): blob for blob in rows}
    objects, new = [], []
    for content in dict.fromkeys(contents):
        if content in blobs:
            continue
        obj = StoredObject(
            project=project,
            key=f"{deletions.ROOT}{project.pk}/{owner}/{uuid7()}",
            # No signed URL leads to what the server sends itself, so nobody can replace it.
            incoming_key="" if is_bound or is_ours else f"{INCOMING}{project.pk}/{owner}/{uuid7()}",
            kind=StoredObject.Kind.FILE,
            size=content.size,
            sha256=content.sha256,
            is_bound=is_bound,
        )
        blob = Blob(project=project, size=content.size, sha256=content.sha256, object=obj, created_by=user)
        objects.append(obj)
        new.append(blob)
        blobs[content] = blob
    StoredObject.objects.bulk_create(objects, batch_size=_BATCH_SIZE)
    Blob.objects.bulk_create(new, batch_size=_BATCH_SIZE)
    return blobs


def _usable(project: Project, user: User | None) -> Q:
    """Their own uploads, and for who sees the project what is verified in it; nothing that is composed of pieces.

    Where a hierarchy is open, those write who do not see its project: to them a hash is no ticket to its bytes.
    """
    own = Q(created_by=user, extent_count=0)
    sees_project = user is not None and Project.objects.visible_to(user).filter(pk=project.pk).exists()
    return own | Q(state=Blob.State.VERIFIED, extent_count=0) if sees_project else own


def _known_by_hash(project: Project, user: User | None) -> QuerySet[Blob]:
    """The same, without what visitors have sent: one does not know what another has."""
    rows = Blob.objects.filter(project=project)
    return rows.none() if user is None else rows.filter(_usable(project, user))


@transaction.atomic
def _record_arrived(objects: Sequence[StoredObject]) -> None:
    arrivals.mark_uploaded(objects)
    # The sweep looks at what was claimed some minutes ago: not before the caller has held it.
    Blob.objects.filter(object__in=objects).update(claimed_at=timezone.now())


def _sign(blob: Blob) -> storage.SignedPut | None:
    obj = blob.object
    if blob.state != Blob.State.EXPECTED or obj is None:
        return None
    return storage.get_upload_url(obj.incoming_key or obj.key, obj.size, obj.sha256)
