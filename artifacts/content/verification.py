"""What workers do with bytes that arrived: read them back, hash them, and say whether they are what was stated."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone

from artifacts import errors, storage
from artifacts.content import digests
from artifacts.models import ArtifactFile, ArtifactVersion, Blob, StoredObject


class HashResult(NamedTuple):
    size: int
    sha256: str
    md5: str


def verify(version_id: str) -> None:
    """Read whatever bytes of the version no worker has read, then settle the version's integrity."""
    version = ArtifactVersion.objects.filter(pk=version_id).first()
    if version is None or version.state == ArtifactVersion.State.DELETED:
        return
    unread = Blob.objects.unread().filter(files__version=version)
    for object_id in unread.values_list("object", flat=True).distinct():
        hash_object(str(object_id))
    update_integrity(version)


def hash_object(object_id: str) -> None:
    """Hash each unread blob of one stored object, in memory that does not grow with its size."""
    place = StoredObject.objects.filter(pk=object_id, state=StoredObject.State.UPLOADED).first()
    blobs = list(Blob.objects.unread().filter(object=place).order_by("offset")) if place else []
    if place is None or not blobs:
        return
    for blob, reading in _read(place, blobs):
        _record_result(blob, reading)


def update_integrity(version: ArtifactVersion) -> None:
    """Bring integrity and digest of a finalized version in line with its blobs."""
    if not version.is_finalized:
        return
    integrity = _integrity(version)
    digest = version.digest or digests.of_version(version)
    if (integrity, digest) != (version.integrity, version.digest):
        # Not `save`: the row may have been described meanwhile.
        ArtifactVersion.objects.filter(pk=version.pk).update(integrity=integrity, digest=digest)


def pending_versions(before: datetime) -> list[str]:
    """Finalized versions that no worker has settled since `before`."""
    pending = ArtifactVersion.objects.finalized().filter(integrity=ArtifactVersion.Integrity.PENDING)
    return [str(pk) for pk in pending.filter(finalized_at__lt=before).values_list("pk", flat=True)[:1000]]


def pending_objects(before: datetime) -> list[str]:
    """Objects with bytes that arrived before `before` and that no worker has read."""
    unread = Blob.objects.unread().filter(claimed_at__lt=before)
    return [str(pk) for pk in unread.order_by().values_list("object", flat=True).distinct()[:1000]]


def _read(place: StoredObject, blobs: list[Blob]) -> Iterator[tuple[Blob, HashResult | None]]:
    """What the store holds for each blob, in the order of their offsets; neighbours in a pack come in one request."""
    end = max(blob.offset + blob.size for blob in blobs)
    stretch = _Stretch(place.key, blobs[0].offset, end)
    for blob in blobs:
        if blob.offset != stretch.at:
            stretch = _Stretch(place.key, blob.offset, end)
        try:
            yield blob, _hash(stretch.take(blob.size))
        except errors.Missing:
            yield blob, None


class _Stretch:
    """The bytes of an object from one offset to another, taken piece by piece."""

    def __init__(self, key: str, at: int, end: int) -> None:
        self.at = at
        self._chunks = storage.download_file(key, at, end - at)
        self._rest = memoryview(b"")

    def take(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes; fewer where the object ends before."""
        while size:
            chunk = self._rest or memoryview(next(self._chunks, b""))
            if not chunk:
                return
            piece, self._rest = chunk[:size], chunk[size:]
            self.at += len(piece)
            size -= len(piece)
            yield piece


def _hash(chunks: Iterable[memoryview]) -> HashResult:
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    for chunk in chunks:
        sha256.update(chunk)
        md5.update(chunk)
        size += len(chunk)
    return HashResult(size, sha256.hexdigest(), md5.hexdigest())


def _record_result(blob: Blob, reading: HashResult | None) -> None:
    """Write down what was read; a mark that another worker made meanwhile stands."""
    try:
        _write_down(blob, reading)
    except IntegrityError:
        # A twin was verified this very moment. Now it is there to be merged with.
        _write_down(blob, reading)


@transaction.atomic
def _write_down(blob: Blob, reading: HashResult | None) -> None:
    twins = Blob.objects.none()
    if reading:
        twins = Blob.objects.verified(blob.project_id, reading.sha256, reading.size).exclude(pk=blob.pk)
    unread = Blob.objects.unread().filter(pk=blob.pk)
    # Blob and twin are locked in the order in which everybody locks blobs.
    rows = {row.pk: row for row in (unread | twins).select_for_update(no_key=True).order_by("pk")}
    locked = rows.pop(blob.pk, None)
    if locked is None:
        return
    if reading is None or not _is_as_stated(locked, reading):
        _mark_corrupt(locked)
    elif rows:
        _merge(locked, rows.popitem()[1], reading)
    else:
        locked.sha256, locked.md5, locked.state = reading.sha256, reading.md5, Blob.State.VERIFIED
        locked.save(update_fields=["sha256", "md5", "state"])


def _is_as_stated(blob: Blob, reading: HashResult) -> bool:
    stated = (blob.size, blob.sha256 or reading.sha256, blob.md5 or reading.md5)
    return stated == (reading.size, reading.sha256, reading.md5)


def _mark_corrupt(blob: Blob) -> None:
    blob.state = Blob.State.CORRUPT
    blob.save(update_fields=["state"])
    hurt = ArtifactVersion.objects.finalized().filter(files__blob=blob)
    ArtifactVersion.objects.filter(pk__in=hurt.values("pk")).update(integrity=ArtifactVersion.Integrity.CORRUPT)


def _merge(blob: Blob, twin: Blob, reading: HashResult) -> None:
    """The project has a verified blob of the same bytes: files point at that one, and these bytes become garbage."""
    ArtifactFile.objects.filter(blob=blob).update(blob=twin)
    Blob.objects.filter(pk=twin.pk).update(claimed_at=timezone.now(), md5=reading.md5)
    Blob.objects.filter(pk=blob.pk).delete()


def _integrity(version: ArtifactVersion) -> Any:
    states = set(version.files.order_by().values_list("blob__state", flat=True).distinct())
    if Blob.State.CORRUPT in states:
        return ArtifactVersion.Integrity.CORRUPT
    if states <= {Blob.State.VERIFIED, None}:
        return ArtifactVersion.Integrity.VERIFIED
    return ArtifactVersion.Integrity.PENDING
