"""Packs that a client states by their first and last path: which contents of a draft are in them, and where.

A list of members would tell the server twenty thousand times what it can work out by itself.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from artifacts import errors
from artifacts.models import ArtifactFile, ArtifactVersion, Blob

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
    """The small contents that a draft waits for, in the order of the first path of each. Two queries."""

    def __init__(self, version: ArtifactVersion) -> None:
        self._contents = _read(version)
        self._paths = [content.path for content in self._contents]

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


def _read(version: ArtifactVersion) -> list[_Content]:
    waiting = version.files.filter(blob__state=Blob.State.EXPECTED, blob__size__lt=PACK_BELOW, blob__extent_count=0)
    columns = ("path", "blob__sha256", "blob__size", "blob", "blob__object", "blob__offset")
    contents: dict[tuple[str, int], _Content] = {}
    seen = set()
    for path, sha256, size, blob, obj, offset in waiting.order_by("path").values_list(*columns).iterator(5000):
        if blob not in seen:
            seen.add(blob)
            contents.setdefault((sha256, size), _Content(path, size, [])).blobs.append((blob, obj, offset))
    for sha256, size, path in _elsewhere(version, waiting):
        content = contents.get((sha256, size))
        if content and path < content.path:
            contents[sha256, size] = content._replace(path=path)
    return sorted(contents.values(), key=itemgetter(0))


def _elsewhere(version: ArtifactVersion, waiting: QuerySet[ArtifactFile]) -> QuerySet[Any]:
    """The contents that the draft waits for and has as well, since another user sent them: the first path of each."""
    files = ArtifactFile.objects.filter(version=version, blob=OuterRef("pk"))
    # From each content to the few blobs of its sha256: the other way round goes through all files for each.
    others = Blob.objects.filter(project=version.artifact.project_id, sha256=OuterRef("blob__sha256"))
    others = others.exclude(pk=OuterRef("blob")).filter(Exists(files))
    first = others.annotate(first=Subquery(files.order_by("path").values("path")[:1])).order_by("first")
    return waiting.filter(Exists(others)).values_list("blob__sha256", "blob__size", Subquery(first.values("first")[:1]))
