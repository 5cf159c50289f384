"""How the bytes of a draft get into the store: addresses handed out, and what arrived taken in.

Clients send to signed addresses; the server learns of it when they finalize, or when they ask for addresses again. Both
are safe to repeat: an interrupted upload goes on where it stopped.
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
from artifacts import errors, storage, validators
from artifacts.drafts import FileSpec, lock_draft, require_path_free
from artifacts.models import ArtifactVersion, Blob, StoredObject
from artifacts.models.stored_object import INCOMING

MAX_OBJECTS_A_CALL = 1_000
MAX_PACK_MEMBERS = 10_000
# S3 allows 1,024 bytes in a key.
_MAX_KEY_BYTES = 1_000


class PackEntry(NamedTuple):
    """A blob's place in a pack."""

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


def begin(actor: Actor, version: ArtifactVersion, wanted: Sequence[UploadRequest]) -> list[Upload]:
    """Addresses for these objects of a draft, in this order; those that are in the store already need none."""
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    for each in wanted:
        _check(each)
    # Where all is asked for the first time, nothing can have arrived; asking for nothing asks what has.
    _look(version, _awaited(version, [sha256 for each in wanted for sha256 in _contents(each)]))
    is_bound = storage.enforces_checksums()
    places = _assign(actor, version, wanted, is_bound)
    return [_upload(place) for place in places]


def begin_single(
    actor: Actor,
    version: ArtifactVersion,
    statement: FileSpec,
    *,
    part_size: int | None = None,
    storage_key: str | None = None,
) -> StoredObject:
    """A place for one file, sent in one PUT or in parts; its bytes become a file of the draft by `files.add_uploaded`.

    With `storage_key`, the place that was begun before, if its bytes are still waited for.
    """
    validators.check_path(statement.path)
    _check_size(statement.size, part_size)
    return _begin_one(actor, version, statement, part_size, storage_key, storage.enforces_checksums())


@transaction.atomic
def _begin_one(
    actor: Actor,
    version: ArtifactVersion,
    statement: FileSpec,
    part_size: int | None,
    storage_key: str | None,
    is_enforced: bool,
) -> StoredObject:
    version = lock_draft(actor, version)
    require_path_free(version, statement.path)
    version.save(update_fields=["touched_at"])
    if storage_key:
        return _begun_before(version, storage_key, statement.size, part_size)
    is_bound = bool(statement.sha256) and part_size is None and is_enforced
    return StoredObject.objects.create(
        project=version.artifact.project,
        version=version,
        key=_free_keys(version, [statement.path])[0],
        incoming_key="" if is_bound or part_size else f"{INCOMING}{uuid7()}",
        kind=StoredObject.Kind.FILE,
        size=statement.size,
        sha256=statement.sha256,
        is_bound=is_bound,
        part_size=part_size,
    )


def sign_one(place: StoredObject) -> storage.SignedPut:
    """The address for a place of `begin_one`."""
    return storage.get_upload_url(place.incoming_key or place.key, place.size, place.sha256)


def sign_parts(place: StoredObject) -> tuple[Part, ...]:
    """The addresses for a place of `begin_one` that is sent in parts, each bound to its size alone."""
    return _upload(place).parts


def collect_uploaded(version: ArtifactVersion, finished: Iterable[CompletedUpload] = ()) -> None:
    """Complete what was sent in parts, ask the store what has arrived for the draft, and record it."""
    awaited = _awaited(version)
    etags = {each.id: each.etags for each in finished}
    for place in awaited:
        if place.is_multipart and str(place.pk) in etags:
            _check_etags(version, place, etags[str(place.pk)])
            # An upload that is not open any more was completed by an earlier try, or is listed as absent below.
            with suppress(errors.Missing):
                storage.complete_multipart(place.key, place.upload_id, etags[str(place.pk)])
    wrong = _look(version, awaited)
    if wrong:
        paths = list(version.files.filter(blob__object__in=wrong).values_list("path", flat=True)[:100])
        raise errors.BytesMismatch("The object store received more or fewer bytes than declared.", paths=paths)


def _check_etags(version: ArtifactVersion, place: StoredObject, etags: dict[int, str]) -> None:
    """The store would make a shorter object of fewer parts."""
    if etags.keys() != set(range(1, place.part_count + 1)):
        paths = list(version.files.filter(blob__object=place).values_list("path", flat=True)[:100])
        raise errors.VersionIncomplete(f"An upload of {place.part_count} parts needs them all.", paths=paths)


def _awaited(version: ArtifactVersion, hashes: Sequence[str] = ()) -> list[StoredObject]:
    """The objects that files of the draft wait for: those with these contents, or all."""
    waiting = Blob.objects.filter(files__version=version, state=Blob.State.EXPECTED)
    waiting = waiting.filter(sha256__in=hashes) if hashes else waiting
    return list(version.objects_brought.expected().filter(pk__in=waiting.values("object")))


def _look(version: ArtifactVersion, awaited: list[StoredObject]) -> list[StoredObject]:
    """Record which of these have arrived; answers those of a wrong size, which may be sent anew."""
    if not awaited:
        return []
    sizes = {info.key: info.size for info in storage.list_files(version.storage_path + "/")}
    _record([place for place in awaited if sizes.get(place.key) == place.size])
    return [place for place in awaited if sizes.get(place.key, place.size) != place.size]


@transaction.atomic
def _record(places: list[StoredObject]) -> None:
    StoredObject.objects.filter(pk__in=[place.pk for place in places]).update(state=StoredObject.State.UPLOADED)
    arrived = Blob.objects.filter(object__in=places)
    arrived.filter(state=Blob.State.EXPECTED).update(state=Blob.State.UPLOADED)
    # The store compared the sha256; a stated md5 is for the worker to check.
    bound = arrived.filter(state=Blob.State.UPLOADED, object__is_bound=True, md5=None)
    twins = Blob.objects.filter(
        project=OuterRef("project"), sha256=OuterRef("sha256"), size=OuterRef("size"), state=Blob.State.VERIFIED
    )
    # Where another upload of the same bytes wins this moment, they stay unread, and the worker merges the twins.
    with suppress(IntegrityError), transaction.atomic():
        bound.exclude(Exists(twins)).update(state=Blob.State.VERIFIED)


def _check(wanted: UploadRequest) -> None:
    if wanted.kind == StoredObject.Kind.PACK and wanted.part_size is not None:
        raise errors.Invalid("A pack is sent in one PUT.")
    count = _check_size(wanted.size, wanted.part_size)
    if wanted.part_size is not None and len(wanted.part_hashes) != count:
        raise errors.Invalid(f"{wanted.size} bytes are {count} parts of {wanted.part_size}: send the sha256 of each.")
    if wanted.kind == StoredObject.Kind.PACK and not wanted.members:
        raise errors.Invalid("A pack must list its members.")
    if len(wanted.members) > MAX_PACK_MEMBERS:
        raise errors.Invalid(f"A pack has at most {MAX_PACK_MEMBERS:,} members.")


def _check_size(size: int, part_size: int | None) -> int:
    """The number of PUTs that so many bytes take, if the store can take them so."""
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


def _begun_before(version: ArtifactVersion, storage_key: str, size: int, part_size: int | None) -> StoredObject:
    begun = StoredObject.objects.sent_alone().filter(version=version, key=storage_key)
    place = begun.filter(size=size, part_size=part_size).first()
    if place is None:
        raise errors.Invalid("No such upload with this storage_key was started for this version.")
    if place.state == StoredObject.State.UPLOADED:
        raise errors.Conflict("The bytes of this upload have already arrived: register the file.")
    return place


@transaction.atomic
def _assign(
    actor: Actor, version: ArtifactVersion, wanted: Sequence[UploadRequest], is_bound: bool
) -> list[StoredObject]:
    """A place for each object: the one handed out before, or a new one that the blobs are pointed at."""
    version = lock_draft(actor, version)
    version.save(update_fields=["touched_at"])
    blobs = _blobs(version, {sha256 for each in wanted for sha256 in _contents(each)})
    known = {_shape(place): place for place in _places(version, wanted)}
    fresh: dict[tuple[object, ...], StoredObject] = {}
    moved: dict[object, Blob] = {}
    for each, key in zip(wanted, _keys(version, wanted, blobs), strict=True):
        _check_contents(each, blobs)
        settled = _settled(each, blobs)
        shape = (each.kind, each.sha256, each.size, each.part_size)
        place = settled or known.get(shape) or fresh.get(shape)
        if place is None:
            place = fresh[shape] = StoredObject(
                project=version.artifact.project,
                version=version,
                key=key,
                kind=each.kind,
                size=each.size,
                sha256=each.sha256,
                is_bound=is_bound and each.kind == StoredObject.Kind.FILE and each.part_size is None,
                part_size=each.part_size,
                part_hashes=list(each.part_hashes),
            )
        known[shape] = place
        if settled is None:
            for sha256, offset in _offsets(each):
                blob = blobs[sha256]
                if blob.state == Blob.State.EXPECTED:
                    blob.object, blob.offset = place, offset
                    moved[blob.pk] = blob
    StoredObject.objects.bulk_create(fresh.values())
    # An upsert of rows that are there: bulk_update writes a CASE of thousands of branches, at ten times the cost.
    Blob.objects.bulk_create(
        moved.values(),
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["object", "offset"],
        batch_size=2000,
    )
    return [_settled(each, blobs) or known[each.kind, each.sha256, each.size, each.part_size] for each in wanted]


def _blobs(version: ArtifactVersion, hashes: set[str]) -> dict[str, Blob]:
    found = Blob.objects.filter(files__version=version, sha256__in=hashes).select_related("object")
    return {blob.sha256: blob for blob in found if blob.sha256}


def _places(version: ArtifactVersion, wanted: Sequence[UploadRequest]) -> Iterable[StoredObject]:
    return version.objects_brought.expected().filter(sha256__in={each.sha256 for each in wanted})


def _shape(place: StoredObject) -> tuple[object, ...]:
    return (place.kind, place.sha256, place.size, place.part_size)


def _contents(wanted: UploadRequest) -> list[str]:
    return [sha256 for sha256, _ in _offsets(wanted)]


def _offsets(wanted: UploadRequest) -> Sequence[tuple[str, int]]:
    return wanted.members if wanted.kind == StoredObject.Kind.PACK else [(wanted.sha256, 0)]


def _check_contents(wanted: UploadRequest, blobs: dict[str, Blob]) -> None:
    """Each content is a file of this draft, of the stated size, and the members fill the pack without overlap."""
    end = 0
    for sha256, offset in sorted(_offsets(wanted), key=lambda member: member[1]):
        blob = blobs.get(sha256)
        if blob is None:
            raise errors.Invalid(f"No file of this draft has the sha256 {sha256}: list the files first.")
        if offset < end and blob.size:
            raise errors.Invalid(f"The member {sha256} overlaps the one before it.")
        end = offset + blob.size
    alone = wanted.kind == StoredObject.Kind.FILE
    if end > wanted.size or (alone and end != wanted.size):
        raise errors.Invalid(f"The contents of {wanted.sha256} end at byte {end}, the object at {wanted.size}.")


def _settled(wanted: UploadRequest, blobs: dict[str, Blob]) -> StoredObject | None:
    """An object that holds a content of this one already, if none of them is waited for any more."""
    contents = [blobs[sha256] for sha256 in _contents(wanted)]
    if any(blob.state == Blob.State.EXPECTED for blob in contents):
        return None
    return contents[0].object


def _keys(version: ArtifactVersion, wanted: Sequence[UploadRequest], blobs: dict[str, Blob]) -> list[str]:
    """A key for each object: the path of one of its files for a file, a name of its own for a pack."""
    alone = [blobs[each.sha256].pk for each in wanted if each.sha256 in blobs]
    paths = {blob: path for path, blob in version.files.filter(blob__in=alone).values_list("path", "blob")}
    plain = [
        paths[blobs[each.sha256].pk] if each.kind == StoredObject.Kind.FILE and each.sha256 in blobs else ""
        for each in wanted
    ]
    return _free_keys(version, plain)


def _free_keys(version: ArtifactVersion, paths: Sequence[str]) -> list[str]:
    """Keys that were never used, in this order: `{path}`, else `{path}~{n}`; a short one for a path too long."""
    root = version.storage_path
    taken = set(
        StoredObject.objects.filter(key__in=[f"{root}/{path}" for path in paths if path]).values_list("key", flat=True)
    )
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


def _parts_there(place: StoredObject) -> dict[int, storage.ObjectInfo]:
    """The parts that have arrived for an upload that is open after this, whatever became of the one before."""
    if place.upload_id:
        with suppress(errors.Missing):
            return storage.list_parts(place.key, place.upload_id)
    _open_multipart(place)
    return {}


def _open_multipart(place: StoredObject) -> None:
    """Open the upload in parts, once: the first who writes its id wins, and the other's is given up."""
    upload_id = storage.begin_multipart(place.key)
    if StoredObject.objects.filter(pk=place.pk, upload_id=place.upload_id).update(upload_id=upload_id):
        place.upload_id = upload_id
    else:
        storage.abort_multipart(place.key, upload_id)
        place.refresh_from_db(fields=["upload_id"])


def _upload(place: StoredObject) -> Upload:
    if place.state == StoredObject.State.UPLOADED:
        return Upload(place)
    if not place.is_multipart:
        return Upload(place, put=storage.get_upload_url(place.key, place.size, place.sha256))
    arrived = _parts_there(place)
    return Upload(place, parts=tuple(_part(place, number, arrived) for number in range(1, place.part_count + 1)))


def _part(place: StoredObject, number: int, arrived: dict[int, storage.ObjectInfo]) -> Part:
    assert place.part_size is not None
    offset = (number - 1) * place.part_size
    size = min(place.part_size, place.size - offset)
    sha256 = place.part_hashes[number - 1] if place.part_hashes else None
    there = arrived.get(number)
    return Part(
        number=number,
        offset=offset,
        size=size,
        put=storage.get_part_url(place.key, place.upload_id, number, size, sha256),
        etag=there.etag if there and there.size == size else None,
    )
