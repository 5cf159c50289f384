"""How the bytes of a draft get into the object store: signed URLs are handed out for objects that hold its contents.

Clients send to them; what has arrived is recorded when they finalize, or ask for URLs again. Both are safe to repeat:
an interrupted upload goes on where it stopped.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import errors, storage
from artifacts.content import arrivals, deletions, extents, incoming, packs
from artifacts.content.packs import Member, PathRange
from artifacts.draft_files import lock_draft, require_draft
from artifacts.models import ArtifactVersion, Blob, StoredObject
from core import bulk_rows

MAX_OBJECTS_A_CALL = 1_000
# S3 allows 1,024 bytes in a key.
_MAX_KEY_BYTES = 1_000
# So many contents are pointed at their objects in a transaction: others write in between.
_BATCH_SIZE = 2_000

_Identity = tuple[str, str | None, int, int | None]


class PackEntry(NamedTuple):
    """Where the bytes of a blob begin in a pack."""

    sha256: str
    offset: int


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """An object that a client is about to send: one file in one PUT, one file in parts, or a pack of small files.

    `sha256` is that of the object's bytes; `part_hashes` has one for each part, all but the last of `part_size` bytes.
    What is in a pack is said by its `members`, or by the `paths` of the files.
    """

    kind: str
    sha256: str
    size: int
    part_size: int | None = None
    part_hashes: tuple[str, ...] = ()
    members: tuple[PackEntry, ...] = ()
    paths: PathRange | None = None

    @property
    def is_pack(self) -> bool:
        return self.kind == StoredObject.Kind.PACK

    @property
    def contents(self) -> Sequence[PackEntry]:
        """What is stated to be in the object: one content, unless it is a pack."""
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
class _Placement:
    """What the draft waits for of an object; or, where that is nothing, the object that has its contents already."""

    request: UploadRequest
    members: Sequence[Member]
    # Of a file, the first one of its paths, by which the object is called; empty of a piece.
    path: str = ""
    arrived: UUID | None = None


class _Content(NamedTuple):
    """A content of the draft at one of its paths, and those of its blobs whose bytes have not arrived."""

    path: str
    size: int
    object: UUID | None
    expected: list[Member]


def begin(actor: Actor, version: ArtifactVersion, requests: Sequence[UploadRequest]) -> list[Upload]:
    """Signed URLs for these objects of a draft, in this order; those that are in the store already need none.

    Raises `PackDiffers` where a pack that is stated by paths is not what the draft waits for.
    """
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    require_draft(version)
    for request in requests:
        _check(request)
    packs.check_ranges([request.paths for request in requests if request.paths])
    waiting = _read_waiting(version, requests)
    was_requested = waiting is not None and waiting.was_requested
    # Where all is requested for the first time, nothing can have arrived. What was requested before may have arrived in
    # an object that is not requested now, so that all are looked at; requesting nothing does that as well.
    hashes = [] if was_requested else [sha256 for request in requests for sha256, _ in request.contents]
    if waiting is None or was_requested or hashes:
        arrivals.record(version, arrivals.expected_objects(version, hashes))
    if was_requested:
        waiting = _read_waiting(version, requests)
    is_bound = storage.enforces_checksums()
    objects: dict[int, StoredObject] = {}
    for batch in _batches(_place(version, requests, waiting)):
        for placement, obj in zip(batch, _assign_objects(actor, version, batch, is_bound), strict=True):
            objects[id(placement.request)] = obj
    return [sign(objects[id(request)]) for request in requests]


def _read_waiting(version: ArtifactVersion, requests: Sequence[UploadRequest]) -> packs.Waiting | None:
    """None where no pack is stated by its paths."""
    ranges = [request.paths for request in requests if request.paths]
    return packs.Waiting(version, ranges) if ranges else None


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
    arrived = open_multipart(obj)
    return Upload(obj, parts=tuple(_sign_part(obj, number, arrived) for number in range(1, obj.part_count + 1)))


def _check(request: UploadRequest) -> None:
    if request.is_pack and request.part_size is not None:
        raise errors.Invalid("A pack is sent in one PUT.")
    count = check_size(request.size, request.part_size)
    if request.part_size is not None and len(request.part_hashes) != count:
        raise errors.Invalid(f"{request.size} bytes are {count} parts of {request.part_size}: send the sha256 of each.")
    if request.is_pack and bool(request.members) == bool(request.paths):
        raise errors.Invalid("A pack is stated by its members, or by its first and last path: send one of the two.")
    if len(request.members) > packs.MAX_MEMBERS:
        raise errors.Invalid(f"A pack has at most {packs.MAX_MEMBERS:,} members.")


def _place(
    version: ArtifactVersion, requests: Sequence[UploadRequest], waiting: packs.Waiting | None
) -> list[_Placement]:
    """Which blobs lie where in each object. It refuses before anything is written.

    Nothing is locked: bytes that arrive, and files that come or go meanwhile, make no object wrong.
    """
    contents = _find_contents(version, {sha256 for request in requests for sha256, _ in request.contents})
    ranges = [request for request in requests if request.paths]
    uploaded = version.objects_brought.filter(
        state=StoredObject.State.UPLOADED, sha256__in={request.sha256 for request in ranges}
    )
    arrived = {_identity(obj): obj.pk for obj in uploaded} if ranges else {}
    placements = []
    for request in requests:
        if request.paths and waiting:
            members, count, size = waiting.members(request.paths)
            found = arrived.get(_identity(request)) if not count else None
            if not found and (count, size) != (request.paths.count, request.size):
                raise packs.differs(request.paths, request.size, count, size)
            placements.append(_Placement(request, members, arrived=found))
            continue
        _check_contents(request, contents)
        own = [(contents[sha256], offset) for sha256, offset in request.contents]
        members = [member._replace(offset=offset) for content, offset in own for member in content.expected]
        found = None if members else own[0][0].object
        placements.append(_Placement(request, members, "" if request.is_pack else own[0][0].path, found))
    return placements


def _find_contents(version: ArtifactVersion, hashes: set[str]) -> dict[str, _Content]:
    """The contents of the draft with these sha256, as far as it has them."""
    if not hashes:
        return {}
    own = version.files.filter(blob__project=version.artifact.project_id, blob__sha256__in=hashes)
    own = own.filter(blob__extent_count=0).order_by("path")
    columns = ("blob", "blob__sha256", "blob__size", "blob__state", "blob__object", "blob__offset")
    # A piece has no path of its own.
    pieces = (("", *row) for row in extents.pieces_of(version, hashes))
    contents: dict[str, _Content] = {}
    seen = set()
    for path, blob, sha256, size, state, obj, offset in chain(own.values_list("path", *columns), pieces):
        if blob in seen:
            continue
        seen.add(blob)
        content = contents.setdefault(sha256, _Content(path, size, obj, []))
        if state == Blob.State.EXPECTED:
            content.expected.append(Member(blob, 0, obj, offset))
    return contents


def _batches(placements: Sequence[_Placement]) -> Iterator[list[_Placement]]:
    """One even where there are none: the draft is touched, or it is refused. Of a large pack a part of the members."""
    batch: list[_Placement] = []
    count = 0
    for placement in chain.from_iterable(map(_parts, placements)):
        if batch and count + len(placement.members) > _BATCH_SIZE:
            yield batch
            batch, count = [], 0
        batch.append(placement)
        count += len(placement.members)
    yield batch


def _parts(placement: _Placement) -> Iterator[_Placement]:
    for start in range(0, len(placement.members) or 1, _BATCH_SIZE):
        yield replace(placement, members=placement.members[start : start + _BATCH_SIZE])


@transaction.atomic
def _assign_objects(
    actor: Actor, version: ArtifactVersion, placements: Sequence[_Placement], is_bound: bool
) -> list[StoredObject]:
    """An object for each placement: the one handed out before, or a new one that the blobs are pointed at."""
    version = lock_draft(actor, version)
    version.save(update_fields=["touched_at"])
    expected = version.objects_brought.expected().filter(sha256__in={one.request.sha256 for one in placements})
    if not is_bound:
        # The store is another since: a URL for what it does not check any more is not signed again.
        expected = expected.filter(is_bound=False)
    objects = {_identity(obj): obj for obj in expected}
    arrived = StoredObject.objects.in_bulk([one.arrived for one in placements if one.arrived])
    new: list[StoredObject] = []
    pointed: dict[UUID, tuple[UUID, UUID, int]] = {}
    result = []
    for placement, key in zip(placements, unused_keys(version, [one.path for one in placements]), strict=True):
        request = placement.request
        obj = arrived.get(placement.arrived) or objects.get(_identity(request))
        if obj is None:
            obj = objects[_identity(request)] = _new_object(version, request, key, is_bound)
            new.append(obj)
        for blob, offset, *before in placement.members:
            if before != [obj.pk, offset]:
                pointed[blob] = blob, obj.pk, offset
        result.append(obj)
    StoredObject.objects.bulk_create(new)
    # Bytes that have arrived meanwhile stay where they are.
    bulk_rows.update(Blob, ["object", "offset"], pointed.values(), where={"state": Blob.State.EXPECTED})
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


def _check_contents(request: UploadRequest, contents: dict[str, _Content]) -> None:
    """Each content is a file of this draft, of its size, and the members fill the pack without overlap."""
    end = 0
    for sha256, offset in sorted(request.contents, key=lambda entry: entry.offset):
        content = contents.get(sha256)
        if content is None:
            raise errors.Invalid(f"No file of this draft has the sha256 {sha256}: list the files first.")
        if offset < end and content.size:
            raise errors.Invalid(f"The member {sha256} overlaps the one before it.")
        end = offset + content.size
    if end > request.size or (not request.is_pack and end != request.size):
        raise errors.Invalid(f"The contents of {request.sha256} end at byte {end}, the object at {request.size}.")


def open_multipart(obj: StoredObject) -> dict[int, storage.ObjectInfo]:
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
