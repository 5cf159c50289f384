"""Which bytes of a draft have arrived in the object store: asked of the store, then recorded.

Nobody tells the server of it: it looks when a client finalizes, or asks for signed URLs again.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from artifacts import errors, storage, version_blobs
from artifacts.content import extents, incoming
from artifacts.models import ArtifactVersion, Blob, Extent, StoredObject
from core.value_lists import Among

# So many single files, or one pack, are recorded in a transaction: others write in between.
_BATCH_SIZE = 1_000
_MAX_PATHS_IN_ERROR = 100


@dataclass(frozen=True, slots=True)
class CompletedUpload:
    """An object that a client has sent; for one in parts, the store's ETag of each part by number."""

    id: str
    etags: dict[int, str] = field(default_factory=dict)


def collect(version: ArtifactVersion, completed: Iterable[CompletedUpload] = ()) -> None:
    """Complete the multipart uploads, ask the store what has arrived for the draft, and record it."""
    expected = list(expected_objects(version))
    etags = {upload.id: upload.etags for upload in completed}
    for obj in expected:
        if obj.is_multipart and str(obj.pk) in etags:
            _check_etags(version, obj, etags[str(obj.pk)])
            # An upload that is not open any more was completed by an earlier try, or is listed as absent below.
            with suppress(errors.Missing):
                storage.complete_multipart(obj.key, obj.upload_id, etags[str(obj.pk)])
    of_wrong_size = record(version, expected)
    if of_wrong_size:
        paths = _paths_in(version, of_wrong_size)
        raise errors.BytesMismatch("The object store received more or fewer bytes than declared.", paths=paths)


def expected_objects(version: ArtifactVersion, hashes: Sequence[str] = ()) -> Iterable[StoredObject]:
    """The objects that files of the draft wait for: those with these contents, or all."""
    is_needed = version_blobs.is_file_of(version) | version_blobs.is_piece_of(version)
    waiting = Blob.objects.filter(is_needed, object=OuterRef("pk"), state=Blob.State.EXPECTED)
    waiting = waiting.filter(Among("sha256", hashes)) if hashes else waiting
    return version.objects_brought.expected().filter(Exists(waiting))


def record(version: ArtifactVersion, expected: Iterable[StoredObject]) -> list[StoredObject]:
    """Record which of these have arrived. Returns those of a wrong size, which may be sent anew."""
    expected = list(expected)
    of_wrong_size = _record_objects(version, expected) if expected else []
    extents.mark_arrived(version)
    return of_wrong_size


def _record_objects(version: ArtifactVersion, expected: Sequence[StoredObject]) -> list[StoredObject]:
    arrived: dict[str, storage.ObjectInfo] = {}
    if not all(obj.is_incoming for obj in expected):
        arrived |= {info.key: info for info in storage.list_files(version.storage_path + "/")}
    if any(obj.is_incoming for obj in expected):
        arrived |= {info.key: info for info in storage.list_files(incoming.prefix_of(version))}
    present = [(obj, arrived[key]) for obj in expected if (key := obj.incoming_key or obj.key) in arrived]
    right = [(obj, info) for obj, info in present if info.size == obj.size]
    for batch in _batches([obj for obj, _ in right if not obj.is_incoming]):
        mark_uploaded(batch)
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
    if not any(obj.is_bound and obj.kind == StoredObject.Kind.FILE for obj in objects):
        return
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


def _batches(objects: Sequence[StoredObject]) -> Iterator[Sequence[StoredObject]]:
    yield from ([obj] for obj in objects if obj.kind == StoredObject.Kind.PACK)
    files = [obj for obj in objects if obj.kind == StoredObject.Kind.FILE]
    yield from (files[start : start + _BATCH_SIZE] for start in range(0, len(files), _BATCH_SIZE))


def _check_etags(version: ArtifactVersion, obj: StoredObject, etags: dict[int, str]) -> None:
    """The store would make a shorter object of fewer parts."""
    if etags.keys() != set(range(1, obj.part_count + 1)):
        message = f"This upload has {obj.part_count} parts: send the ETag of each."
        raise errors.VersionIncomplete(message, paths=_paths_in(version, [obj]))


def _paths_in(version: ArtifactVersion, objects: list[StoredObject]) -> list[str]:
    """Some files of the version whose bytes are in these objects."""
    own = Q(blob__object__in=objects[:_MAX_PATHS_IN_ERROR])
    pieces = Extent.objects.filter(piece__object__in=objects[:_MAX_PATHS_IN_ERROR])
    paths = version.files.filter(own | Q(blob__in=pieces.values("whole"))).values_list("path", flat=True)
    return list(paths[:_MAX_PATHS_IN_ERROR])
