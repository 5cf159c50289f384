"""Packs that a client states by their first and last path: which contents of a draft are in them, and where.

A list of members would tell the server twenty thousand times what it can work out by itself.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple
from uuid import UUID

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


class _File(NamedTuple):
    """The columns of a file, and of its blob."""

    path: str
    sha256: str | None
    size: int
    state: str
    blob: UUID
    object: UUID | None
    offset: int


_COLUMNS = ("path", "blob__sha256", "blob__size", "blob__state", "blob", "blob__object", "blob__offset")


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
    """The contents whose first path lies from `first` to `last`, and others where the draft has two blobs of one."""
    files = version.files.filter(blob__size__lt=PACK_BELOW, blob__extent_count=0).order_by("path")
    rows = list(map(_File._make, files.filter(path__gte=first, path__lte=last).values_list(*_COLUMNS)))
    if _has_twins(version, rows):
        # Another blob of a content can be at any path, and belongs to it.
        rows = list(map(_File._make, files.values_list(*_COLUMNS)))
        before = set()
    else:
        before = _begun_before(version, rows, first)
    contents: dict[tuple[str | None, int], _Content] = {}
    first_paths: dict[tuple[str | None, int], str] = {}
    seen = set()
    for file in rows:
        identity = file.sha256, file.size
        path = first_paths.setdefault(identity, file.path)
        if file.state == Blob.State.EXPECTED and file.blob not in seen and file.blob not in before:
            seen.add(file.blob)
            content = contents.setdefault(identity, _Content(path, file.size, []))
            content.blobs.append((file.blob, file.object, file.offset))
    return sorted(contents.values(), key=itemgetter(0))


def _has_twins(version: ArtifactVersion, files: Sequence[_File]) -> bool:
    """Whether the draft has two blobs of one of these contents, one of which another user sent."""
    is_one = Among("sha256", {file.sha256 for file in files if file.sha256})
    blobs = Blob.objects.filter(is_one, version_blobs.is_file_of(version), project=version.artifact.project_id)
    identities = list(blobs.values_list("sha256", "size"))
    return len(set(identities)) < len(identities)


def _begun_before(version: ArtifactVersion, files: Sequence[_File], first: str) -> set[UUID]:
    """The blobs of these files that the draft has before the path `first` already."""
    # Without the version, whose index SQLite would take, and go through all files before these. What a draft waits for
    # few others have.
    is_one = Among("blob", {file.blob for file in files if file.state == Blob.State.EXPECTED})
    earlier = ArtifactFile.objects.filter(is_one, path__lt=first).order_by()
    return {blob for blob, owner in earlier.values_list("blob", "version") if owner == version.pk}
