"""How workers verify uploaded bytes: read them back, hash them, and compare them with what the client declared."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from artifacts import errors
from artifacts.content import digests
from artifacts.content.object_reader import ObjectReader
from artifacts.models import ArtifactFile, ArtifactVersion, Blob, BlobHold, StoredObject

_MAX_PENDING = 1000


class HashResult(NamedTuple):
    size: int
    sha256: str
    md5: str


def verify(version_id: str) -> None:
    """Hash the bytes of the version that no worker has read, then update the version's integrity."""
    version = ArtifactVersion.objects.filter(pk=version_id).first()
    if version is None or version.state == ArtifactVersion.State.DELETED:
        return
    unverified = Blob.objects.unverified().filter(files__version=version)
    for object_id in unverified.values_list("object", flat=True).distinct():
        hash_object(str(object_id))
    update_integrity(version)


def hash_object(object_id: str) -> None:
    """Hash each unverified blob of one stored object, in memory that does not grow with its size."""
    obj = StoredObject.objects.filter(pk=object_id, state=StoredObject.State.UPLOADED).first()
    if obj is None:
        return
    for blob, result in _hash_blobs(obj, list(Blob.objects.unverified().filter(object=obj).order_by("offset"))):
        try:
            _record_result(blob, result)
        except IntegrityError:
            # A blob of the same bytes was verified at this very moment. Now it is there to be merged with.
            _record_result(blob, result)


def update_integrity(version: ArtifactVersion) -> None:
    """Bring integrity and digest of a finalized version in line with its blobs."""
    if not version.is_finalized:
        return
    integrity = _integrity_of(version)
    digest = version.digest or digests.of_version(version)
    if (integrity, digest) != (version.integrity, version.digest):
        # Not `save`: somebody may have changed the description meanwhile.
        ArtifactVersion.objects.filter(pk=version.pk).update(integrity=integrity, digest=digest)


def pending_versions(before: datetime) -> list[str]:
    """Versions that were finalized before `before` and that no worker has verified since."""
    pending = ArtifactVersion.objects.finalized().filter(integrity=ArtifactVersion.Integrity.PENDING)
    return [str(pk) for pk in pending.filter(finalized_at__lt=before).values_list("pk", flat=True)[:_MAX_PENDING]]


def pending_objects(before: datetime) -> list[str]:
    """Objects with bytes that arrived before `before` and that no worker has read."""
    unverified = Blob.objects.unverified().filter(claimed_at__lt=before)
    return [str(pk) for pk in unverified.order_by().values_list("object", flat=True).distinct()[:_MAX_PENDING]]


def _hash_blobs(obj: StoredObject, blobs: list[Blob]) -> Iterator[tuple[Blob, HashResult | None]]:
    """What the store has for each blob, in the order of their offsets; None where the object ends before.

    Blobs that lie one after another in a pack are read by one request.
    """
    end = max((blob.offset + blob.size for blob in blobs), default=0)
    reader = None
    for blob in blobs:
        if reader is None or blob.offset != reader.position:
            reader = ObjectReader(obj.key, blob.offset, end)
        try:
            yield blob, _hash(reader.take(blob.size))
        except errors.Missing:
            yield blob, None


def _hash(chunks: Iterable[memoryview]) -> HashResult:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    for chunk in chunks:
        sha256.update(chunk)
        md5.update(chunk)
        size += len(chunk)
    return HashResult(size, sha256.hexdigest(), md5.hexdigest())


@transaction.atomic
def _record_result(blob: Blob, result: HashResult | None) -> None:
    """Mark the blob as verified or corrupt, or merge it; a mark that another worker made meanwhile stands."""
    duplicates = Blob.objects.none()
    if result:
        duplicates = Blob.objects.verified(blob.project_id, result.sha256, result.size).exclude(pk=blob.pk)
    unverified = Blob.objects.unverified().filter(pk=blob.pk)
    # Both blobs are locked in the order in which everybody locks blobs.
    rows = {row.pk: row for row in (unverified | duplicates).select_for_update(no_key=True).order_by("pk")}
    locked = rows.pop(blob.pk, None)
    if locked is None:
        return
    if result is None or not _matches(locked, result):
        _mark_corrupt(locked)
    elif rows:
        _merge(locked, rows.popitem()[1], result)
    else:
        locked.sha256, locked.md5, locked.state = result.sha256, result.md5, Blob.State.VERIFIED
        locked.save(update_fields=["sha256", "md5", "state"])


def _matches(blob: Blob, result: HashResult) -> bool:
    """Whether the bytes have the size and the hashes that the client gave."""
    return result == (blob.size, blob.sha256 or result.sha256, blob.md5 or result.md5)


def _mark_corrupt(blob: Blob) -> None:
    blob.state = Blob.State.CORRUPT
    blob.save(update_fields=["state"])
    versions = ArtifactVersion.objects.finalized().filter(files__blob=blob)
    ArtifactVersion.objects.filter(pk__in=versions.values("pk")).update(integrity=ArtifactVersion.Integrity.CORRUPT)


def _merge(blob: Blob, duplicate: Blob, result: HashResult) -> None:
    """The project has a verified blob of the same bytes: all that needs these points at that one; these are garbage."""
    ArtifactFile.objects.filter(blob=blob).update(blob=duplicate)
    BlobHold.objects.filter(blob=blob).update(blob=duplicate)
    Blob.objects.filter(pk=duplicate.pk).update(claimed_at=timezone.now(), md5=result.md5)
    Blob.objects.filter(pk=blob.pk).delete()


def _integrity_of(version: ArtifactVersion) -> ArtifactVersion.Integrity:
    states = set(version.files.order_by().values_list("blob__state", flat=True).distinct())
    if Blob.State.CORRUPT in states:
        return ArtifactVersion.Integrity.CORRUPT
    if states <= {Blob.State.VERIFIED, None}:
        return ArtifactVersion.Integrity.VERIFIED
    return ArtifactVersion.Integrity.PENDING
