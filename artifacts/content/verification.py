"""How workers verify uploaded bytes: read them back, hash them, and compare them with what the client declared.

Small files come by the hundred thousand, so rows are read and written in bulk: 1,000 results in one transaction. Large
ones are read once: a file and the pieces it consists of are hashed in the same pass.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from itertools import chain, groupby
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from artifacts import errors
from artifacts.content import digests, extents, relocation
from artifacts.content.object_reader import ContentReader, ObjectReader
from artifacts.models import ArtifactFile, ArtifactVersion, Blob, BlobHold, Extent, StoredObject
from core import bulk_rows, straight_deletes

_MAX_PENDING = 1000
# Results that are recorded in one transaction: SQLite's lock is held for a twentieth of a second.
_BATCH_SIZE = 1_000
# Bytes that are read again where a worker dies.
_MAX_UNRECORDED = 256 * 2**20
_OBJECTS_A_QUERY = 500
# Of at most 1 MiB, that wait in memory to be hashed; each counts twice where it is also hashed as a piece.
_MAX_CHUNKS_AHEAD = 8
# Each time another upload of the same bytes was verified at that very moment.
_ATTEMPTS = 5


class HashResult(NamedTuple):
    size: int
    sha256: str
    md5: str


class _UnreadBlob(NamedTuple):
    """The columns of a blob that no worker has read; the hashes are what its client declared, or None."""

    pk: UUID
    project_id: UUID
    object_id: UUID | None
    offset: int
    size: int
    sha256: str | None
    md5: str | None


_UNREAD_COLUMNS = ("pk", "project", "object", "offset", "size", "sha256", "md5")
# What two blobs of the same bytes have in common, after their ids.
_IDENTITY = ("pk", "project", "sha256", "size")
_STATE = ("state", "md5", "extent_count")
_Identity = tuple[UUID, str, int]
_Hashed = tuple[_UnreadBlob, HashResult | None]


def verify(version_id: str) -> None:
    """Hash the bytes of the version that no worker has read, then update the version's integrity."""
    version = ArtifactVersion.objects.filter(pk=version_id).first()
    if version is None or version.state == ArtifactVersion.State.DELETED:
        return
    unread = Blob.objects.unverified().order_by()
    hash_composed(unread.filter(files__version=version, extent_count__gt=0).values_list("pk", flat=True).distinct())
    own = unread.filter(files__version=version, object__isnull=False)
    pieces = unread.filter(uses__whole__files__version=version)
    objects = [list(rows.values_list("object", flat=True).distinct()) for rows in (own, pieces)]
    hash_objects(list(dict.fromkeys(chain.from_iterable(objects))))
    update_integrity(version)


def hash_object(object_id: str) -> None:
    """Hash each unverified blob of one stored object."""
    hash_objects([UUID(object_id)])


def hash_objects(object_ids: Sequence[UUID]) -> None:
    """Hash each unverified blob of these objects, in memory that does not grow with their sizes."""
    _record_all(_hash_all(_unread_blobs(object_ids)))


def hash_composed(pks: Iterable[UUID]) -> None:
    """Hash each of these composed blobs that is unverified, and with it those of its pieces that are.

    It is recorded once its pieces are verified: with one that is corrupt, it is corrupt already.
    """
    own = Extent.objects.filter(whole=OuterRef("pk"))
    unreadable = own.exclude(piece__state__in=[Blob.State.UPLOADED, Blob.State.VERIFIED])
    unverified = own.exclude(piece__state=Blob.State.VERIFIED)
    for pk in list(pks):
        blob = Blob.objects.unverified().filter(pk=pk, extent_count__gt=0).exclude(Exists(unreadable)).first()
        if blob is None:
            continue
        pieces = _pieces_of(blob)
        whole = _Hashes()
        result = None
        try:
            _record_all(_hash_pieces(pieces, ContentReader(extents.read(blob)), whole))
            result = whole.result()
        except errors.Missing:
            # Read one by one, it is known which of them lacks bytes.
            objects = (piece.object_id for piece, is_unread in pieces if is_unread)
            hash_objects(list(dict.fromkeys(obj for obj in objects if obj)))
        if Blob.objects.unverified().filter(pk=pk).exclude(Exists(unverified)).exists():
            _record([(_UnreadBlob._make(getattr(blob, name) for name in _UnreadBlob._fields), result)])


def _record_all(results: Iterable[_Hashed]) -> None:
    """Record them batch by batch, as they come."""
    hashed: list[_Hashed] = []
    size = 0
    for blob, result in results:
        hashed.append((blob, result))
        size += blob.size
        if len(hashed) == _BATCH_SIZE or size > _MAX_UNRECORDED:
            _record(hashed)
            hashed, size = [], 0
    _record(hashed)


def update_integrity(version: ArtifactVersion) -> None:
    """Bring integrity and digests of a finalized version in line with its blobs."""
    if not version.is_finalized:
        return
    integrity = _integrity_of(version)
    digest, wire_digest = version.digest, version.wire_digest
    if digest is None or wire_digest is None:
        found = digests.both_of_version(version)
        digest, wire_digest = digest or found.version, wire_digest or found.wire
    if (integrity, digest, wire_digest) != (version.integrity, version.digest, version.wire_digest):
        # Not `save`: somebody may have changed the description meanwhile.
        columns = {"integrity": integrity, "digest": digest, "wire_digest": wire_digest}
        ArtifactVersion.objects.update_contents(version.contents_id, **columns)


def pending_versions(before: datetime) -> list[str]:
    """Versions that were finalized before `before` and that no worker has verified since."""
    pending = ArtifactVersion.objects.finalized().filter(integrity=ArtifactVersion.Integrity.PENDING)
    return [str(pk) for pk in pending.filter(finalized_at__lt=before).values_list("pk", flat=True)[:_MAX_PENDING]]


def pending_objects(before: datetime) -> list[str]:
    """Objects with bytes that arrived before `before` and that no worker has read."""
    unverified = Blob.objects.unverified().filter(claimed_at__lt=before, object__isnull=False)
    return [str(pk) for pk in unverified.order_by().values_list("object", flat=True).distinct()[:_MAX_PENDING]]


def read_again(now: datetime) -> None:
    """Read once more what a signed URL that is bound to an md5 could replace, once no such URL is valid any more.

    That is what was verified before `relocation` moved such bytes: it moves them now. What was replaced is marked as
    corrupt.
    """
    replaceable = StoredObject.objects.filter(state=StoredObject.State.UPLOADED, url_expires_at__lt=now)
    while pks := list(replaceable.values_list("pk", flat=True)[:_OBJECTS_A_QUERY]):
        hash_objects(pks)
        objects = dict(StoredObject.objects.filter(pk__in=pks).values_list("pk", "key"))
        verified = Blob.objects.filter(object__in=objects, state=Blob.State.VERIFIED).order_by("object_id", "offset")
        rows = map(_UnreadBlob._make, verified.values_list(*_UNREAD_COLUMNS))
        grouped = ((objects[pk], list(members)) for pk, members in groupby(rows, key=attrgetter("object_id")))
        replaced = [blob.pk for blob, result in _hash_all(grouped) if not (result and _matches(blob, result))]
        with transaction.atomic():
            if replaced:
                _mark_corrupt(replaced)
            StoredObject.objects.filter(pk__in=pks).update(url_expires_at=None)


def _unread_blobs(object_ids: Sequence[UUID]) -> Iterator[tuple[str, list[_UnreadBlob]]]:
    """The key of each object that has any, and these by offset. A query for each pack, one for many files."""
    for start in range(0, len(object_ids), _OBJECTS_A_QUERY):
        pks = object_ids[start : start + _OBJECTS_A_QUERY]
        relocation.move(pks)
        objects = StoredObject.objects.filter(pk__in=pks, state=StoredObject.State.UPLOADED)
        keys, files, packs = {}, [], []
        for pk, key, kind in objects.values_list("pk", "key", "kind"):
            keys[pk] = key
            (packs if kind == StoredObject.Kind.PACK else files).append(pk)
        for group in (files, *([pack] for pack in packs)):
            blobs = Blob.objects.unverified().filter(object__in=group).order_by("object_id", "offset")
            rows = map(_UnreadBlob._make, blobs.values_list(*_UNREAD_COLUMNS))
            for pk, members in groupby(rows, key=attrgetter("object_id")):
                yield keys[pk], list(members)


def _hash_all(objects: Iterable[tuple[str, list[_UnreadBlob]]]) -> Iterator[_Hashed]:
    """Hash the blobs of each object, while the first bytes of the next one are on their way."""
    with ThreadPoolExecutor(1) as ahead:
        waiting: list[Iterator[_Hashed]] = []
        for key, blobs in objects:
            end = max(blob.offset + blob.size for blob in blobs)
            reader = ObjectReader(key, blobs[0].offset, end)
            waiting.append(_hash_blobs(key, blobs, end, reader, ahead.submit(reader.begin)))
            if len(waiting) > 1:
                yield from waiting.pop(0)
        if waiting:
            yield from waiting.pop()


def _hash_blobs(
    key: str, blobs: Sequence[_UnreadBlob], end: int, reader: ObjectReader, begun: Future[bool]
) -> Iterator[_Hashed]:
    """What the store has for each blob, in the order of their offsets; None where the object ends before.

    Blobs that lie one after another in a pack are read by one request.
    """
    is_over = isinstance(begun.exception(), errors.Missing)
    if not is_over:
        begun.result()
    for blob in blobs:
        result = None
        if not (is_over and blob.size):
            if blob.size and blob.offset != reader.position:
                reader = ObjectReader(key, blob.offset, end)
            try:
                result = _hash(reader.take(blob.size))
            except errors.Missing:
                is_over = True
        yield blob, result


def _hash(chunks: Iterable[memoryview]) -> HashResult:
    hashes = _Hashes()
    for chunk in chunks:
        hashes.update(chunk)
    return hashes.result()


class _Hashes:
    """The hashes of what is passed to it, in this order."""

    def __init__(self) -> None:
        self._sha256, self._md5, self._size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0

    def update(self, chunk: memoryview) -> None:
        self._sha256.update(chunk)
        self._md5.update(chunk)
        self._size += len(chunk)

    def result(self) -> HashResult:
        return HashResult(self._size, self._sha256.hexdigest(), self._md5.hexdigest())


def _pieces_of(whole: Blob) -> list[tuple[_UnreadBlob, bool]]:
    """What the composed blob consists of, in order; with each, whether it is unread and comes for the first time."""
    rows = Extent.objects.filter(whole=whole).order_by("number")
    columns = [f"piece__{name}" for name in (*_UNREAD_COLUMNS, "state")]
    pieces = []
    seen: set[UUID] = set()
    for *row, state in rows.values_list(*columns):
        piece = _UnreadBlob._make(row)
        is_unread = state == Blob.State.UPLOADED or (state == Blob.State.VERIFIED and piece.md5 is None)
        pieces.append((piece, is_unread and piece.pk not in seen))
        seen.add(piece.pk)
    return pieces


def _hash_pieces(
    pieces: Iterable[tuple[_UnreadBlob, bool]], reader: ContentReader, whole: _Hashes
) -> Iterator[_Hashed]:
    """Hash the unread ones of these pieces that come one after another, and all of them as the whole.

    hashlib lets other threads run: pieces are hashed in one, the whole in another, and this one reads ahead of both.
    """
    with ThreadPoolExecutor(1) as of_pieces, ThreadPoolExecutor(1) as of_whole:
        under_way: deque[Future[None]] = deque()
        unfinished: deque[tuple[_UnreadBlob, _Hashes, Future[None]]] = deque()
        for piece, is_unread in pieces:
            hashes = _Hashes()
            last = None
            for chunk in reader.take(piece.size):
                under_way.append(of_whole.submit(whole.update, chunk))
                if is_unread:
                    last = of_pieces.submit(hashes.update, chunk)
                    under_way.append(last)
                while len(under_way) > _MAX_CHUNKS_AHEAD:
                    under_way.popleft().result()
            if last is not None:
                unfinished.append((piece, hashes, last))
            while unfinished and unfinished[0][2].done():
                done, done_hashes, _ = unfinished.popleft()
                yield done, done_hashes.result()
        for future in under_way:
            future.result()
        for done, done_hashes, _ in unfinished:
            yield done, done_hashes.result()


def _record(hashed: Sequence[_Hashed]) -> None:
    """Mark each blob as verified or corrupt, or merge it; a mark that another worker made meanwhile stands."""
    if not hashed:
        return
    for attempt in range(1, _ATTEMPTS + 1):
        twins = _find_verified([(blob.project_id, result.sha256) for blob, result in hashed if result])
        try:
            return _record_beside(hashed, twins)
        except IntegrityError:
            # A blob of the same bytes was verified at this very moment. Now it is there to be merged with.
            if attempt == _ATTEMPTS:
                raise


def _find_verified(hashes: Sequence[tuple[UUID, str]]) -> list[UUID]:
    """The verified blobs that have these hashes in their projects, and perhaps some that have them in another one."""
    projects, hashes_of_them = {project for project, _ in hashes}, {sha256 for _, sha256 in hashes}
    verified = Blob.objects.filter(state=Blob.State.VERIFIED, project__in=projects, sha256__in=hashes_of_them)
    return list(verified.values_list("pk", flat=True))


@transaction.atomic
def _record_beside(hashed: Sequence[_Hashed], twins: Sequence[UUID]) -> None:
    """`_record`, where these blobs are all that are verified of the same bytes. Else `IntegrityError`."""
    # All are locked in the order in which everybody locks blobs.
    rows = Blob.objects.filter(pk__in={*twins, *(blob.pk for blob, _ in hashed)})
    locked = rows.select_for_update(no_key=True).order_by("pk")
    verified: dict[UUID, _Identity] = {}
    unread = set()
    composed = set()
    for pk, project_id, sha256, size, state, md5, extent_count in locked.values_list(*_IDENTITY, *_STATE):
        if state == Blob.State.VERIFIED:
            verified[pk] = project_id, sha256, size
        if extent_count:
            composed.add(pk)
        if state == Blob.State.UPLOADED or (state == Blob.State.VERIFIED and md5 is None):
            unread.add(pk)
    right = [(blob, result) for blob, result in hashed if blob.pk in unread and result and _matches(blob, result)]
    corrupt = unread.intersection(blob.pk for blob, _ in hashed).difference(blob.pk for blob, _ in right)
    keepers = {identity: pk for pk, identity in verified.items() if pk not in corrupt}
    sound: list[tuple[_UnreadBlob, HashResult]] = []
    merged: dict[UUID, UUID] = {}
    for blob, result in right:
        identity = blob.project_id, result.sha256, blob.size
        keeper = keepers.setdefault(identity, blob.pk)
        if keeper in composed and blob.pk not in composed:
            # What is in one object can be a piece and be held, so that is kept.
            keepers[identity], merged[keeper], keeper = blob.pk, blob.pk, blob.pk
        if keeper == blob.pk:
            sound.append((blob, result))
        else:
            merged[blob.pk] = keeper
    if corrupt:
        _mark_corrupt(corrupt)
    if merged:
        _merge(merged)
    _mark_verified(sound)


def _matches(blob: _UnreadBlob, result: HashResult) -> bool:
    """Whether the bytes have the size and the hashes that the client gave."""
    return result == (blob.size, blob.sha256 or result.sha256, blob.md5 or result.md5)


def _mark_verified(sound: Sequence[tuple[_UnreadBlob, HashResult]]) -> None:
    # A hash that is written is written to its indexes too, so those that are there are left as they are.
    known = [(blob.pk, result.md5) for blob, result in sound if blob.sha256]
    found = [(blob.pk, result.md5, result.sha256) for blob, result in sound if not blob.sha256]
    bulk_rows.update(Blob, ["md5"], known, state=Blob.State.VERIFIED)
    bulk_rows.update(Blob, ["md5", "sha256"], found, state=Blob.State.VERIFIED)


def _mark_corrupt(pks: Iterable[UUID]) -> None:
    """And what consists of them."""
    pks = {*pks, *Extent.objects.filter(piece__in=pks).values_list("whole", flat=True)}
    Blob.objects.filter(pk__in=pks).update(state=Blob.State.CORRUPT)
    versions = ArtifactVersion.objects.finalized().filter(files__blob__in=pks).values("pk")
    # The links last, as in `update_contents`.
    for key in ("pk", "linked_version"):
        ArtifactVersion.objects.filter(**{f"{key}__in": versions}).update(integrity=ArtifactVersion.Integrity.CORRUPT)


def _merge(keepers: Mapping[UUID, UUID]) -> None:
    """Of each blob the project has a verified one of the same bytes, its keeper: all that needs the one points at that.

    The bytes of the others are garbage.
    """
    for model, name in ((ArtifactFile, "blob"), (BlobHold, "blob"), (Extent, "piece")):
        rows = model._default_manager.filter(**{f"{name}__in": keepers}).order_by("pk").values_list("pk", name)
        bulk_rows.update(model, [name], [(pk, keepers[blob]) for pk, blob in rows])
    own = Extent.objects.filter(whole__in=keepers)
    now = timezone.now()
    Blob.objects.filter(pk__in=set(keepers.values())).update(claimed_at=now)
    # Somebody may be reading them still.
    Blob.objects.filter(pk__in=own.values("piece")).update(claimed_at=now)
    straight_deletes.delete(own)
    straight_deletes.delete(Blob.objects.filter(pk__in=keepers))


def _integrity_of(version: ArtifactVersion) -> ArtifactVersion.Integrity:
    states = set(version.files.order_by().values_list("blob__state", flat=True).distinct())
    if Blob.State.CORRUPT in states:
        return ArtifactVersion.Integrity.CORRUPT
    if states <= {Blob.State.VERIFIED, None}:
        return ArtifactVersion.Integrity.VERIFIED
    return ArtifactVersion.Integrity.PENDING
