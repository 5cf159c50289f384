"""Where the bytes of a blob are, and how they are read: in one object, or in the objects of the pieces it consists of.

All that reads bytes of blobs reads them here. Of a composed blob each read is one query for its list of extents, and
pieces that lie one after another in an object are one read.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef

from artifacts import errors, storage, store_connection, version_blobs
from artifacts.models import ArtifactVersion, Blob, Extent, StoredObject
from core.value_lists import Among


class Place(NamedTuple):
    """Bytes that lie one after another in an object."""

    object: StoredObject
    offset: int
    size: int


class Extents(NamedTuple):
    """The same by the object's id, of several blobs at once: where each is, by the blob's id, and the objects."""

    places: dict[UUID, list[tuple[UUID, int, int]]]
    objects: dict[UUID, StoredObject]


def places(blob: Blob) -> list[Place]:
    """Where the bytes of the blob are, in their order. Of one that is composed these are two queries."""
    if not blob.is_composed:
        return [Place(blob.object, blob.offset, blob.size)] if blob.object else []
    found = of_composed([blob.pk])
    return [Place(found.objects[pk], offset, size) for pk, offset, size in found.places.get(blob.pk, ())]


def of_composed(wholes: Iterable[UUID]) -> Extents:
    """Where the bytes of these composed blobs are, and the objects that they are in. Two queries."""
    rows = Extent.objects.filter(whole__in=list(wholes))
    columns = ("whole", "piece__object", "piece__offset", "piece__size")
    found: dict[UUID, list[tuple[UUID, int, int]]] = {}
    for whole, pk, offset, size in rows.order_by("whole", "number").values_list(*columns).iterator():
        joined = found.setdefault(whole, [])
        if joined and joined[-1][0] == pk and joined[-1][1] + joined[-1][2] == offset:
            size, offset = joined[-1][2] + size, joined.pop()[1]
        joined.append((pk, offset, size))
    objects = StoredObject.objects.filter(pk__in=rows.values("piece__object"))
    return Extents(found, {obj.pk: obj for obj in objects})


def read(blob: Blob, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
    """The bytes of the blob, or at most `length` of them from `offset` on, in chunks of at most 1 MiB.

    Raises `Missing` where an object ends before its place does, or is not there; or where a worker has replaced the
    blob by a twin since it was loaded.
    """
    end = blob.size if length is None else min(offset + length, blob.size)
    start = 0
    for place in places(blob):
        first, last = max(offset, start), min(end, start + place.size)
        if first < last:
            yield from _read(place.object.key, place.offset + first - start, last - first)
        start += place.size
    if start < end:
        raise errors.Missing("These bytes have moved meanwhile: try again.")


def mark_arrived(version: ArtifactVersion) -> None:
    """Record which composed files of a draft have arrived: those of which no piece is waited for."""
    waiting = Extent.objects.filter(whole=OuterRef("pk"), piece__state=Blob.State.EXPECTED)
    wholes = Blob.objects.filter(version_blobs.is_file_of(version), extent_count__gt=0, state=Blob.State.EXPECTED)
    pks = list(wholes.exclude(Exists(waiting)).values_list("pk", flat=True))
    Blob.objects.filter(pk__in=pks, state=Blob.State.EXPECTED).update(state=Blob.State.UPLOADED)


def pieces_of(version: ArtifactVersion, hashes: Collection[str]) -> Iterable[tuple[UUID, str, int, str, UUID, int]]:
    """Id, sha256, size, state, object's id and offset of the pieces of the version's files with these sha256."""
    pieces = Blob.objects.filter(Among("sha256", hashes), project=version.artifact.project_id)
    rows = Extent.objects.filter(version_blobs.is_whole_of(version), piece__in=pieces)
    columns = ("piece", "piece__sha256", "piece__size", "piece__state", "piece__object", "piece__offset")
    return rows.order_by("whole", "number").values_list(*columns)


def begin(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same chunks, once the first of them has been read: refusals come before it is sent."""
    return chain([next(chunks, b"")], chunks)


def _read(key: str, offset: int, size: int) -> Iterator[bytes]:
    """What lacks here would move the bytes of the next place."""
    for chunk in storage.download_file(key, offset, size):
        size -= len(chunk)
        yield chunk
    if size:
        raise errors.Missing(store_connection.TOO_SHORT)
