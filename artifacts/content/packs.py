"""Packs that a client states by their first and last path: which contents of a draft are in them, and where.

A list of members would tell the server twenty thousand times what it can work out by itself.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from artifacts import errors, version_blobs
from artifacts.models import ArtifactFile, ArtifactVersion, Blob
from core.value_lists import Among

# Files of fewer bytes go into packs; the SDK has the same number.
PACK_BELOW = 2**20
MAX_MEMBERS = 10_000


@dataclass(frozen=True, slots=True)
class PathRange:
    """The contents that a draft waits for whose first path lies from `first` to `last`: `count` of them."""

    first: str
    last: str
    count: int


class Member(NamedTuple):
    """A blob that lies, or will lie, at `offset` of a pack. `object` is where it was to be so far, and at `before`."""

    blob: UUID
    offset: int
    object: UUID | None
    before: int


class _Content(NamedTuple):
    path: str
    size: int
    # More than one only where they came into the draft by different ways.
    blobs: list[tuple[UUID, UUID | None, int]]


class Waiting:
    """The small contents that a draft waits for, in the order of the first path of each, as far as packs state them.

    Three queries. What lies before and behind the packs is not read: packs are stated some at a time, and a draft can
    have very many of them.
    """

    def __init__(self, version: ArtifactVersion, ranges: Sequence[PathRange]) -> None:
        self._contents = _read(version, min(paths.first for paths in ranges), max(paths.last for paths in ranges))
        self._paths = [content.path for content in self._contents]

    @property
    def was_requested(self) -> bool:
        """Whether some of them were to be in an object before: its bytes may have arrived since."""
        return any(obj for content in self._contents for _, obj, _ in content.blobs)

    def members(self, paths: PathRange) -> tuple[list[Member], int, int]:
        """The members of a pack without gaps, with their number and the bytes that they have together."""
        start, end = bisect_left(self._paths, paths.first), bisect_right(self._paths, paths.last)
        members, offset = [], 0
        for content in self._contents[start:end]:
            members += [Member(blob, offset, obj, before) for blob, obj, before in content.blobs]
            offset += content.size
        return members, max(0, end - start), offset


def check_ranges(ranges: Sequence[PathRange]) -> None:
    """Raise `Invalid` where a range ends before it begins, or two of them overlap."""
    for paths in ranges:
        if paths.first > paths.last:
            raise errors.Invalid(f"A pack cannot begin at {paths.first!r} and end at {paths.last!r}.")
    ordered = sorted(set(ranges), key=lambda paths: paths.first)
    for before, after in pairwise(ordered):
        if after.first <= before.last:
            message = (
                f"The packs from {before.first!r} and from {after.first!r} overlap: each file lies in one of them."
            )
            raise errors.Invalid(message)


def differs(paths: PathRange, size: int, waiting_count: int, waiting_size: int) -> errors.PackDiffers:
    """The refusal of a pack that is not what the draft waits for."""
    return errors.PackDiffers(
        f"From {paths.first!r} to {paths.last!r} the draft waits for {waiting_count:,} small contents of "
        f"{waiting_size:,} bytes together, not for {paths.count:,} of {size:,} bytes: state its files again to learn "
        "what is missing."
    )


def _read(version: ArtifactVersion, first: str, last: str) -> list[_Content]:
    """The contents whose first path lies from `first` to `last`, and some others where there are two blobs of one."""
    files = version.files.filter(blob__size__lt=PACK_BELOW, blob__extent_count=0)
    within = files.filter(path__gte=first, path__lte=last)
    # Another blob of a content can be at any path, and belongs to it.
    has_twins = within.filter(Exists(_twins(version))).exists()
    waiting = (files if has_twins else within).filter(blob__state=Blob.State.EXPECTED)
    columns = ("path", "blob__sha256", "blob__size", "blob", "blob__object", "blob__offset")
    contents: dict[tuple[str, int], _Content] = {}
    seen = set()
    for path, sha256, size, blob, obj, offset in waiting.order_by("path").values_list(*columns).iterator(5000):
        if blob not in seen:
            seen.add(blob)
            contents.setdefault((sha256, size), _Content(path, size, [])).blobs.append((blob, obj, offset))
    if has_twins:
        for sha256, size, path in _first_of_twins(version, waiting):
            content = contents.get((sha256, size))
            if content and path < content.path:
                contents[sha256, size] = content._replace(path=path)
    else:
        for identity in _begun_before(version, waiting, first):
            contents.pop(identity, None)
    return sorted(contents.values(), key=itemgetter(0))


def _twins(version: ArtifactVersion) -> QuerySet[Blob]:
    """Of a file, the other blobs of its content that the draft has, since another user sent them.

    From each content to the few blobs of its sha256: the other way round goes through all files for each.
    """
    others = Blob.objects.filter(project=version.artifact.project_id, sha256=OuterRef("blob__sha256"))
    return others.exclude(pk=OuterRef("blob")).filter(version_blobs.is_file_of(version))


def _first_of_twins(version: ArtifactVersion, waiting: QuerySet[ArtifactFile]) -> QuerySet[Any]:
    """The contents that the draft waits for and has as well: sha256, size, and the first path of what it has."""
    paths = ArtifactFile.objects.filter(version=version, blob=OuterRef("pk")).order_by("path").values("path")[:1]
    twins = _twins(version)
    first = twins.annotate(first=Subquery(paths)).order_by("first").values("first")[:1]
    return waiting.filter(Exists(twins)).values_list("blob__sha256", "blob__size", Subquery(first))


def _begun_before(
    version: ArtifactVersion, waiting: QuerySet[ArtifactFile], first: str
) -> Iterator[tuple[str | None, int]]:
    """The contents among these that come before the path `first` already."""
    # Compared here: asked for paths before it, SQLite would go through all of these for each file.
    same = ArtifactFile.objects.filter(version=version, blob=OuterRef("blob")).exclude(pk=OuterRef("pk"))
    repeated = set(waiting.filter(Exists(same)).values_list("blob", flat=True))
    own = version.files.filter(Among("blob", repeated)).order_by()
    for path, sha256, size in own.values_list("path", "blob__sha256", "blob__size").iterator(5000):
        if path < first:
            yield sha256, size
