"""How the bytes of a draft get into the object store: signed URLs are handed out, arrived bytes are recorded.

Clients send to signed URLs; the server learns of it when they finalize, or when they ask for URLs again. Both are safe
to repeat: an interrupted upload goes on where it stopped.
"""

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from uuid_utils.compat import uuid7

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import errors, storage
from artifacts.content import deletions, incoming
from artifacts.draft_files import lock_draft
from artifacts.models import ArtifactVersion, Blob, StoredObject

MAX_OBJECTS_A_CALL = 1_000
MAX_PACK_MEMBERS = 10_000
# S3 allows 1,024 bytes in a key.
_MAX_KEY_BYTES = 1_000
_MAX_PATHS_IN_ERROR = 100

_Identity = tuple[str, str | None, int, int | None]


class PackEntry(NamedTuple):
    """Where the bytes of a blob begin in a pack."""

    sha256: str
    offset: int


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """An object that a client is about to send: one file in one PUT, one file in parts, or a pack of small files.

    `sha256` is that of the object's bytes; `part_hashes` has one for each part, all but the last of `part_size` bytes.
    """

    kind: str
    sha256: str
    size: int
    part_size: int | None = None
    part_hashes: tuple[str, ...] = ()
    members: tuple[PackEntry, ...] = ()

    @property
    def is_pack(self) -> bool:
        return self.kind == StoredObject.Kind.PACK

    @property
    def contents(self) -> Sequence[PackEntry]:
        """The blobs that are in the object: one, unless it is a pack."""
        return self.members if self.is_pack else [PackEntry(self.sha256, 0)]


@dataclass(frozen=True, slots=True)
class Part:
    number: int
    offset: int
    size: int
    put: storage.SignedPut
    etag: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """Where to send an object; nothing to send when `put` is None and there are no parts."""

    object: StoredObject
    put: storage.SignedPut | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class CompletedUpload:
    """An object that a client has sent; for one in parts, the store's ETag of each part by number."""

    id: str
    etags: dict[int, str] = field(default_factory=dict)


def begin(actor: Actor, version: ArtifactVersion, requests: Sequence[UploadRequest]) -> list[Upload]:
    """Signed URLs for these objects of a draft, in this order; those that are in the store already need none."""
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    for request in requests:
        _check(request)
    # Where everything is requested for the first time, nothing can have arrived; requesting nothing looks at all.
    hashes = [sha256 for request in requests for sha256, _ in request.contents]
    _record_arrived(version, _expected_objects(version, hashes))
    is_bound = storage.enforces_checksums()
    return [sign(obj) for obj in _assign_objects(actor, version, requests, is_bound)]


def collect_uploaded(version: ArtifactVersion, completed: Iterable[CompletedUpload] = ()) -> None:
    """Complete the multipart uploads, ask the store what has arrived for the draft, and record it."""
    expected = _expected_objects(version)
    etags = {upload.id: upload.etags for upload in completed}
    for obj in expected:
        if obj.is_multipart and str(obj.pk) in etags:
            _check_etags(version, obj, etags[str(obj.pk)])
            # An upload that is not open any more was completed by an earlier try, or is listed as absent below.
            with suppress(errors.Missing):
                storage.complete_multipart(obj.key, obj.upload_id, etags[str(obj.pk)])
    of_wrong_size = _record_arrived(version, expected)
    if of_wrong_size:
        paths = _paths_in(version, of_wrong_size)
        raise errors.BytesMismatch("The object store received more or fewer bytes than declared.", paths=paths)


def check_size(size: int, part_size: int | None) -> int:
    """The number of PUTs for an object of this size. Raises `Invalid` where the store cannot take it so."""
    if size > storage.MAX_OBJECT:
        raise errors.Invalid("An object has at most 5 TiB.")
    if part_size is None:
        if size > storage.MAX_PUT:
            raise errors.Invalid("One PUT takes at most 5 GiB: send a part_size.")
        return 1
    if not storage.MIN_PART <= part_size <= storage.MAX_PUT:
        raise errors.Invalid("A part has between 5 MiB and 5 GiB.")
    count = max(1, math.ceil(size / part_size))
    if count > storage.MAX_PARTS:
        raise errors.Invalid(f"An upload has at most {storage.MAX_PARTS:,} parts: use a larger part_size.")
    return count


def unused_keys(version: ArtifactVersion, paths: Sequence[str]) -> list[str]:
    """Keys that were never used, in this order: `{path}`, else `{path}~{n}`; a short one for a path too long."""
    root = version.storage_path
    keys_of_paths = [f"{root}/{path}" for path in paths if path]
    taken = set(StoredObject.objects.filter(key__in=keys_of_paths).values_list("key", flat=True))
    taken.update(version.objects_brought.exclude(reserved_key="").values_list("reserved_key", flat=True))
    keys = []
    for path in paths:
        key = f"{root}/{path}"
        if not path or path.split("/")[0] == ".packs" or len(key.encode()) > _MAX_KEY_BYTES:
            key = f"{root}/.packs/{uuid7()}"
        number = 1
        while key in taken:
            key = f"{root}/{path}~{number}"
            number += 1
            if key not in taken and StoredObject.objects.filter(key=key).exists():
                taken.add(key)
        taken.add(key)
        keys.append(key)
    return keys


def sign(obj: StoredObject) -> Upload:
    """Signed URLs for what has not arrived of the object."""
    if obj.state == StoredObject.State.UPLOADED:
        return Upload(obj)
    if not obj.is_multipart:
        return Upload(obj, put=storage.get_upload_url(obj.incoming_key or obj.key, obj.size, obj.sha256))
    arrived = _list_arrived_parts(obj)
    return Upload(obj, parts=tuple(_sign_part(obj, number, arrived) for number in range(1, obj.part_count + 1)))


def _check(request: UploadRequest) -> None:
    if request.is_pack and request.part_size is not None:
        raise errors.Invalid("A pack is sent in one PUT.")
    count = check_size(request.size, request.part_size)
    if request.part_size is not None and len(request.part_hashes) != count:
        raise errors.Invalid(f"{request.size} bytes are {count} parts of {request.part_size}: send the sha256 of each.")
    if request.is_pack and not request.members:
        raise errors.Invalid("A pack must list its members.")
    if len(request.members) > MAX_PACK_MEMBERS:
        raise errors.Invalid(f"A pack has at most {MAX_PACK_MEMBERS:,} members.")


def _check_etags(version: ArtifactVersion, obj: StoredObject, etags: dict[int, str]) -> None:
    """The store would make a shorter object of fewer parts."""
    if etags.keys() != set(range(1, obj.part_count + 1)):
        message = f"This upload has {obj.part_count} parts: send the ETag of each."
        raise errors.VersionIncomplete(message, paths=_paths_in(version, [obj]))


def _paths_in(version: ArtifactVersion, objects: list[StoredObject]) -> list[str]:
    """Some files of the version whose bytes are in these objects."""
    paths = version.files.filter(blob__object__in=objects).values_list("path", flat=True)
    return list(paths[:_MAX_PATHS_IN_ERROR])


def _expected_objects(version: ArtifactVersion, hashes: Sequence[str] = ()) -> list[StoredObject]:
    """The objects that files of the draft wait for: those with these contents, or all."""
    blobs = Blob.objects.filter(files__version=version, state=Blob.State.EXPECTED)
    blobs = blobs.filter(sha256__in=hashes) if hashes else blobs
    return list(version.objects_brought.expected().filter(pk__in=blobs.values("object")))


def _record_arrived(version: ArtifactVersion, expected: list[StoredObject]) -> list[StoredObject]:
    """Record which of these have arrived. Returns those of a wrong size, which may be sent anew."""
    if not expected:
        return []
    arrived: dict[str, storage.ObjectInfo] = {}
    if not all(obj.is_incoming for obj in expected):
        arrived |= {info.key: info for info in storage.list_files(version.storage_path + "/")}
    if any(obj.is_incoming for obj in expected):
        arrived |= {info.key: info for info in storage.list_files(incoming.prefix_of(version))}
    present = [(obj, arrived[key]) for obj in expected if (key := obj.incoming_key or obj.key) in arrived]
    right = [(obj, info) for obj, info in present if info.size == obj.size]
    mark_uploaded([obj for obj, _ in right if not obj.is_incoming])
    incoming.take_in((obj, info) for obj, info in right if obj.is_incoming)
    return [obj for obj, info in present if info.size != obj.size]


@transaction.atomic
def mark_uploaded(objects: Sequence[StoredObject]) -> None:
    """Record that the bytes of these objects have arrived; those that the store has compared are verified."""
    # By its key, for an upload in parts may have been begun again under another meanwhile.
    arrived = StoredObject.objects.filter(key__in=[obj.key for obj in objects])
    arrived.update(state=StoredObject.State.UPLOADED)
    blobs = Blob.objects.filter(object__in=arrived)
    blobs.filter(state=Blob.State.EXPECTED).update(state=Blob.State.UPLOADED)
    # The store compared the sha256 of the file; that of a pack says nothing of the files in it, and an md5 that the
    # client gave is for the worker to check.
    bound = blobs.filter(
        state=Blob.State.UPLOADED, object__is_bound=True, object__kind=StoredObject.Kind.FILE, md5=None
    )
    twins = Blob.objects.filter(
        project=OuterRef("project"), sha256=OuterRef("sha256"), size=OuterRef("size"), state=Blob.State.VERIFIED
    )
    # Where another upload of the same bytes wins at this moment, they stay unverified, and the worker merges the two.
    with suppress(IntegrityError), transaction.atomic():
        bound.exclude(Exists(twins)).update(state=Blob.State.VERIFIED)


@transaction.atomic
def _assign_objects(
    actor: Actor, version: ArtifactVersion, requests: Sequence[UploadRequest], is_bound: bool
) -> list[StoredObject]:
    """An object for each request: the one handed out before, or a new one that the blobs are pointed at."""
    version = lock_draft(actor, version)
    version.save(update_fields=["touched_at"])
    hashes = {sha256 for request in requests for sha256, _ in request.contents}
    blobs = {
        blob.sha256: blob
        for blob in Blob.objects.filter(files__version=version, sha256__in=hashes).select_related("object")
    }
    expected = version.objects_brought.expected().filter(sha256__in={request.sha256 for request in requests})
    if not is_bound:
        # The store is another since: a URL for what it does not check any more is not signed again.
        expected = expected.filter(is_bound=False)
    objects = {_identity(obj): obj for obj in expected}
    new: list[StoredObject] = []
    pointed: dict[object, Blob] = {}
    result = []
    for request, key in zip(requests, _keys_for(version, requests, blobs), strict=True):
        _check_contents(request, blobs)
        obj = _get_arrived(request, blobs)
        if obj is None:
            obj = objects.get(_identity(request))
            if obj is None:
                obj = objects[_identity(request)] = _new_object(version, request, key, is_bound)
                new.append(obj)
            for sha256, offset in request.contents:
                blob = blobs[sha256]
                if blob.state == Blob.State.EXPECTED:
                    blob.object, blob.offset = obj, offset
                    pointed[blob.pk] = blob
        result.append(obj)
    StoredObject.objects.bulk_create(new)
    # An upsert of rows that are there: bulk_update writes a CASE of thousands of branches, at ten times the cost.
    Blob.objects.bulk_create(
        pointed.values(),
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["object", "offset"],
        batch_size=2000,
    )
    return result


def _identity(obj: StoredObject | UploadRequest) -> _Identity:
    """What two requests for the same object have in common."""
    return obj.kind, obj.sha256, obj.size, obj.part_size


def _new_object(version: ArtifactVersion, request: UploadRequest, key: str, is_bound: bool) -> StoredObject:
    is_single = request.part_size is None
    return StoredObject(
        project=version.artifact.project,
        version=version,
        key=key,
        # The parts of an upload cannot be replaced once it is completed.
        incoming_key=incoming.new_key(version) if is_single and not is_bound else "",
        kind=request.kind,
        size=request.size,
        sha256=request.sha256,
        is_bound=is_bound and is_single,
        part_size=request.part_size,
        part_hashes=list(request.part_hashes),
    )


def _check_contents(request: UploadRequest, blobs: dict[str | None, Blob]) -> None:
    """Each content is a file of this draft, of its size, and the members fill the pack without overlap."""
    end = 0
    for sha256, offset in sorted(request.contents, key=lambda entry: entry.offset):
        blob = blobs.get(sha256)
        if blob is None:
            raise errors.Invalid(f"No file of this draft has the sha256 {sha256}: list the files first.")
        if offset < end and blob.size:
            raise errors.Invalid(f"The member {sha256} overlaps the one before it.")
        end = offset + blob.size
    if end > request.size or (not request.is_pack and end != request.size):
        raise errors.Invalid(f"The contents of {request.sha256} end at byte {end}, the object at {request.size}.")


def _get_arrived(request: UploadRequest, blobs: dict[str | None, Blob]) -> StoredObject | None:
    """An object that has a content of this one already, if none of them is expected any more."""
    contents = [blobs[sha256] for sha256, _ in request.contents]
    if any(blob.state == Blob.State.EXPECTED for blob in contents):
        return None
    return contents[0].object


def _keys_for(version: ArtifactVersion, requests: Sequence[UploadRequest], blobs: dict[str | None, Blob]) -> list[str]:
    """A key for each object: the path of one of its files for a file, a name of its own for a pack."""
    of_files = {request.sha256: blobs[request.sha256].pk for request in requests if request.sha256 in blobs}
    rows = version.files.filter(blob__in=of_files.values()).values_list("path", "blob")
    paths = {blob: path for path, blob in rows}
    return unused_keys(
        version,
        ["" if request.is_pack else paths.get(of_files.get(request.sha256), "") for request in requests],
    )


def _list_arrived_parts(obj: StoredObject) -> dict[int, storage.ObjectInfo]:
    """The parts that have arrived for an upload that is open after this, whatever became of the one before."""
    if obj.upload_id:
        with suppress(errors.Missing):
            return storage.list_parts(obj.key, obj.upload_id)
    # One that is not open any more may have been completed, so the next one cannot have its key.
    key = obj.new_key_beside() if obj.upload_id else obj.key
    upload_id = storage.begin_multipart(key)
    # Of two who open it at once, the first to write its id wins, and the other's is given up.
    if not _record_open(obj, key, upload_id):
        storage.abort_multipart(key, upload_id)
    obj.refresh_from_db(fields=["key", "reserved_key", "upload_id"])
    return {}


@transaction.atomic
def _record_open(obj: StoredObject, key: str, upload_id: str) -> bool:
    """Whether this is the upload that brings the bytes from now on."""
    is_moved = key != obj.key
    reserved_key = (obj.reserved_key or obj.key) if is_moved else obj.reserved_key
    unchanged = StoredObject.objects.expected().filter(pk=obj.pk, key=obj.key, upload_id=obj.upload_id)
    is_ours = bool(unchanged.update(key=key, reserved_key=reserved_key, upload_id=upload_id))
    if is_ours and is_moved:
        deletions.owe_keys([obj.key])
    return is_ours


def _sign_part(obj: StoredObject, number: int, arrived: dict[int, storage.ObjectInfo]) -> Part:
    assert obj.part_size is not None
    offset = (number - 1) * obj.part_size
    size = min(obj.part_size, obj.size - offset)
    sha256 = obj.part_hashes[number - 1] if obj.part_hashes else None
    part = arrived.get(number)
    return Part(
        number=number,
        offset=offset,
        size=size,
        put=storage.get_part_url(obj.key, obj.upload_id, number, size, sha256),
        etag=part.etag if part and part.size == size else None,
    )
