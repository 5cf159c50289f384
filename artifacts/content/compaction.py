"""How workers give back the bytes in packs that nothing needs any more: what is needed is copied into new packs.

Garbage collection removes the blobs that nothing needs; the bytes of a pack go only all at once. Rows are switched when
the copies have been read back, and the former packs are garbage once no URL that was signed for them is valid: who has
an older manifest reads on.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from uuid_utils.compat import uuid7

from artifacts import errors, storage
from artifacts.content import deletions
from artifacts.content.object_reader import ObjectReader
from artifacts.models import Blob, StoredObject
from core import bulk_rows

# Of a new pack, unless one member alone is larger. It is in memory while it is sent.
_PACK_SIZE = 4 * 2**20
# A pack with a larger member stays as it is.
_MAX_MEMBER = 64 * 2**20
_MAX_GAP = 2**20
_PACKS_A_QUERY = 500

_log = logging.getLogger(__name__)


class Pack(NamedTuple):
    """A pack that has bytes of which some are `needed`, in bytes as `size`."""

    pk: UUID
    project_id: UUID
    key: str
    size: int
    needed: int

    @property
    def needless(self) -> int:
        return self.size - self.needed


class _Member(NamedTuple):
    """The columns of a blob in a pack."""

    pk: UUID
    object_id: UUID
    offset: int
    size: int
    sha256: str
    state: str
    md5: str | None

    @property
    def is_ready(self) -> bool:
        """Whether a worker has read and found it to be what it should be, and it is small enough."""
        return self.state == Blob.State.VERIFIED and self.md5 is not None and self.size <= _MAX_MEMBER


class _Place(NamedTuple):
    """Where a blob is from now on."""

    pk: UUID
    object_id: UUID
    offset: int


def measure(grace: timedelta) -> Iterator[Pack]:
    """Each pack that was begun longer than `grace` ago and that is partly needed, a query for each 500.

    What somebody claimed within `ORPHAN_GRACE` counts as needed. Packs of drafts are left out.
    """
    packs = StoredObject.objects.finished_packs(timezone.now() - grace).annotate(needed=Sum("blobs__size"))
    rows = packs.order_by("pk").values_list("pk", "project", "key", "size", "needed")
    found = list(map(Pack._make, rows[:_PACKS_A_QUERY]))
    while found:
        yield from (pack for pack in found if pack.needed is not None)
        found = list(map(Pack._make, rows.filter(pk__gt=found[-1].pk)[:_PACKS_A_QUERY]))


def repack() -> int:
    """Rewrite the packs of which `REPACK_THRESHOLD` or more is not needed; returns how many bytes that gives back.

    Garbage collection takes them `ORPHAN_GRACE` later. May run twice, also at once, and end anywhere: copies to which
    no row was switched are garbage.
    """
    return sum(map(_rewrite, _groups(measure(settings.ORPHAN_GRACE))))


def _groups(packs: Iterable[Pack]) -> Iterator[list[Pack]]:
    """The packs to rewrite, those together whose bytes go into the same new one: of one project, up to its size."""
    waiting: dict[UUID, list[Pack]] = {}
    for pack in packs:
        if not 0 < pack.needless >= pack.size * settings.REPACK_THRESHOLD:
            continue
        group = waiting.setdefault(pack.project_id, [])
        group.append(pack)
        if sum(one.needed for one in group) >= _PACK_SIZE:
            yield waiting.pop(pack.project_id)
    yield from waiting.values()


def _rewrite(packs: Sequence[Pack]) -> int:
    """Copy what is needed of these packs, then switch to the copies; returns how many bytes that gives back."""
    columns = ("pk", "object", "offset", "size", "sha256", "state", "md5")
    rows = Blob.objects.filter(object__in=[pack.pk for pack in packs]).order_by("object_id", "offset", "pk")
    members: dict[UUID, list[_Member]] = {pack.pk: [] for pack in packs}
    for member in map(_Member._make, rows.values_list(*columns)):
        members[member.object_id].append(member)
    # What is corrupt is left where it is, and what nobody has read yet is moved once it has been.
    ready = [pack for pack in packs if members[pack.pk] and all(member.is_ready for member in members[pack.pk])]
    try:
        places = [place for body in _bodies(ready, members) for place in _store(packs[0].project_id, *body)]
    except (errors.Missing, errors.BytesMismatch) as error:
        _log.error("A pack cannot be rewritten: %s", error)
        return 0
    return _switch(ready, places) if places else 0


def _bodies(
    packs: Iterable[Pack], members: Mapping[UUID, Sequence[_Member]]
) -> Iterator[tuple[list[_Member], list[bytes]]]:
    """The members of these packs, each with its bytes, by new packs."""
    copied: list[_Member] = []
    chunks: list[bytes] = []
    size = 0
    for pack in packs:
        for member, chunk in _read(pack.key, members[pack.pk]):
            if copied and size + len(chunk) > _PACK_SIZE:
                yield copied, chunks
                copied, chunks, size = [], [], 0
            copied.append(member)
            chunks.append(chunk)
            size += len(chunk)
    if copied:
        yield copied, chunks


def _read(key: str, members: Sequence[_Member]) -> Iterator[tuple[_Member, bytes]]:
    """The bytes of each member. Raises `Missing` or `BytesMismatch` where they are not those that were verified."""
    end = max(member.offset + member.size for member in members)
    reader = ObjectReader(key, 0, end)
    for member in members:
        gap = member.offset - reader.position
        if gap > _MAX_GAP or (gap < 0 and member.size):
            reader = ObjectReader(key, member.offset, end)
        elif gap > 0:
            for _ in reader.take(gap):
                pass
        body = b"".join(reader.take(member.size))
        if hashlib.sha256(body).hexdigest() != member.sha256:
            # So a worker reads it again, and marks it as corrupt if it is.
            Blob.objects.filter(pk=member.pk).update(md5=None)
            raise errors.BytesMismatch(f"{key!r} has other bytes at {member.offset} than were verified.")
        yield member, body


def _store(project_id: UUID, members: Sequence[_Member], chunks: Sequence[bytes]) -> list[_Place]:
    """Send a new pack, and read it back: where these members are in it. Its row is there before its bytes."""
    body = b"".join(chunks)
    key = f"{deletions.ROOT}{project_id}/packs/{uuid7()}"
    obj = StoredObject.objects.create(project_id=project_id, key=key, kind=StoredObject.Kind.PACK, size=len(body))
    storage.upload_file(key, body)
    if b"".join(storage.download_file(key)) != body:
        raise errors.BytesMismatch(f"The object store has other bytes at {key!r} than were sent to it.")
    offsets = accumulate((member.size for member in members), initial=0)
    return [_Place(member.pk, obj.pk, offset) for member, offset in zip(members, offsets, strict=False)]


@transaction.atomic
def _switch(packs: Sequence[Pack], places: Sequence[_Place]) -> int:
    """Point the blobs at their copies; returns how many bytes that gives back.

    Does nothing where another worker was faster, or where this one took so long that its copies are garbage.
    """
    copies = {place.object_id for place in places}
    objects = StoredObject.objects.select_for_update().filter(pk__in=copies).order_by("pk")
    size = sum(objects.values_list("size", flat=True))
    former = StoredObject.objects.filter(pk__in=[pack.pk for pack in packs])
    blobs = Blob.objects.select_for_update(no_key=True).filter(object__in=former).order_by("pk")
    # What nothing needed any more may have gone meanwhile.
    remaining = set(blobs.values_list("pk", flat=True))
    if not remaining or objects.count() != len(copies):
        return 0
    bulk_rows.update(Blob, ["object", "offset"], [place for place in places if place.pk in remaining])
    objects.update(state=StoredObject.State.UPLOADED)
    # Their grace begins now, in which garbage collection leaves them.
    former.update(created_at=timezone.now())
    return sum(pack.size for pack in packs) - size
