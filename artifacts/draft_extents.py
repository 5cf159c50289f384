"""Composed files of a draft: which pieces they consist of, and which of these have to be uploaded.

Pieces are shared as files are: with those of the project that were verified or that the same user brought.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar
from uuid import UUID

from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.actor import Actor
from artifacts import errors, version_blobs
from artifacts.models import ArtifactVersion, Blob, Extent
from artifacts.models.extent import MAX_EXTENTS
from core import bulk_rows

# Of all files in one call.
MAX_EXTENTS_A_CALL = 50_000
_VALUES_A_QUERY = 5_000

T = TypeVar("T")


class Piece(NamedTuple):
    """What a client says of a piece: sha256 in lower-case hex, and how many bytes."""

    sha256: str
    size: int


class Composed(NamedTuple):
    """The blobs that are composed, and the sha256 of the pieces that must be uploaded for them."""

    wholes: set[UUID]
    missing: set[str]


NONE_COMPOSED = Composed(set(), set())


def check(path: str, size: int, pieces: Sequence[Piece]) -> None:
    """Raise `Invalid` where these pieces are not such a file."""
    if not 2 <= len(pieces) <= MAX_EXTENTS:
        raise errors.Invalid(f"The extents of {path!r} are {len(pieces):,}: a file has 2 to {MAX_EXTENTS:,}, or none.")
    if min(piece.size for piece in pieces) < 1:
        raise errors.Invalid(f"An extent of {path!r} is empty: leave it out.")
    total = sum(piece.size for piece in pieces)
    if total != size:
        raise errors.Invalid(f"The extents of {path!r} have {total:,} bytes together, the file has {size:,}.")


def lock(actor: Actor, version: ArtifactVersion, hashes: Iterable[str | None]) -> None:
    """Lock what may be shared of the files and pieces with these sha256, in the order in which all lock blobs."""
    shareable = Blob.objects.shareable(version.artifact.project, actor.user)
    found = (pk for some in _batches(hashes) for pk in shareable.filter(sha256__in=some).values_list("pk", flat=True))
    for pks in _batches(sorted(found)):
        list(shareable.filter(pk__in=pks).select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))


def compose(actor: Actor, version: ArtifactVersion, wholes: Mapping[UUID, Sequence[Piece]]) -> Composed:
    """Let each of these blobs of the draft, whose bytes have not arrived, consist of its pieces from now on.

    One without pieces is in an object of its own again, and one that is itself a piece of another stays in one. For
    callers that hold the draft's lock.
    """
    used = set(Extent.objects.filter(piece__in=list(wholes)).values_list("piece", flat=True))
    wholes = {whole: () if whole in used else own for whole, own in wholes.items()}
    pieces = _claim(actor, version, set(chain.from_iterable(wholes.values())), but=wholes.keys())
    waiting = {piece for piece, (_, state) in pieces.items() if state == Blob.State.EXPECTED}
    Extent.objects.filter(whole__in=list(wholes)).delete()
    bulk_rows.insert(
        Extent,
        ("whole", "number", "piece"),
        ((whole, number, pieces[piece][0]) for whole, own in wholes.items() for number, piece in enumerate(own)),
    )
    in_one = [whole for whole, own in wholes.items() if not own]
    Blob.objects.filter(pk__in=in_one, extent_count__gt=0).update(extent_count=0)
    composed = [(whole, len(own), _state(own, waiting)) for whole, own in wholes.items() if own]
    bulk_rows.update(Blob, ("extent_count", "state"), composed, object=None, offset=0)
    return Composed({whole for whole, *_ in composed}, {piece.sha256 for piece in waiting})


def _state(pieces: Sequence[Piece], waiting: set[Piece]) -> str:
    return Blob.State.UPLOADED if waiting.isdisjoint(pieces) else Blob.State.EXPECTED


def _claim(
    actor: Actor, version: ArtifactVersion, wanted: set[Piece], but: Collection[UUID]
) -> dict[Piece, tuple[UUID, str]]:
    """Id and state of a blob for each: one that may be shared, one that the draft waits for already, or a new one."""
    project = version.artifact.project
    in_objects = Blob.objects.filter(extent_count=0, project=project).exclude(pk__in=list(but))
    claimed: dict[Piece, tuple[UUID, str]] = {}
    for hashes in _batches(piece.sha256 for piece in wanted):
        waiting = in_objects.filter(state=Blob.State.EXPECTED, sha256__in=hashes)
        for is_own in (version_blobs.is_file_of(version), version_blobs.is_piece_of(version)):
            for sha256, size, pk in waiting.filter(is_own).values_list("sha256", "size", "pk"):
                claimed[Piece(sha256, size)] = pk, Blob.State.EXPECTED
        shareable = Blob.objects.shareable(project, actor.user) & in_objects
        rows = shareable.filter(sha256__in=hashes).select_for_update(no_key=True).order_by("pk")
        for sha256, size, pk, state in rows.values_list("sha256", "size", "pk", "state"):
            piece = Piece(sha256, size)
            if piece in wanted and claimed.get(piece, (None, None))[1] != Blob.State.VERIFIED:
                claimed[piece] = pk, state
    for pks in _batches(pk for pk, _ in claimed.values()):
        Blob.objects.filter(pk__in=pks).update(claimed_at=timezone.now())
    new = {piece: (uuid7(), Blob.State.EXPECTED) for piece in wanted - claimed.keys()}
    rows = ((pk, piece.sha256, piece.size) for piece, (pk, _) in new.items())
    user = actor.user.pk if actor.user else None
    bulk_rows.insert(Blob, ("id", "sha256", "size"), rows, project=project.pk, created_by=user)
    return claimed | new


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    unique = list(dict.fromkeys(values))
    return (unique[start : start + _VALUES_A_QUERY] for start in range(0, len(unique), _VALUES_A_QUERY))
