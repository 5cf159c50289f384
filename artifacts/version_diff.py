"""What is different between two versions of one artifact: their files, their metadata, the lines of a text."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from artifacts import errors, name_resolution, text_diff
from artifacts.content import downloads
from artifacts.models import Artifact, ArtifactFile, ArtifactVersion, Blob

CHANGES_A_PAGE = 100
MAX_DIFFERENCES = 200
# Of each of the two files whose lines are compared.
MAX_TEXT_BYTES = 256 * 2**10
_MAX_SHOWN = 300
_ROWS_AT_ONCE = 2_000


class Entry(NamedTuple):
    """A file as one of the versions has it."""

    path: str
    size: int
    blob: UUID | None
    reference: str | None


class Change(NamedTuple):
    """A path that is not the same in both; `before` is None for a file that was added, `after` for a removed one.

    The hashes are None where no worker has read the bytes yet, and for references.
    """

    path: str
    before: Entry | None
    after: Entry | None
    sha256_before: str | None = None
    sha256_after: str | None = None

    @property
    def kind(self) -> str:
        if self.before is None:
            return "added"
        return "changed" if self.after else "removed"

    @property
    def has_lines(self) -> bool:
        """Whether their lines may be compared: both have bytes here, and few enough."""
        sides = (self.before, self.after)
        return all(side is not None and side.blob and side.size <= MAX_TEXT_BYTES for side in sides)


@dataclass(frozen=True, slots=True)
class FileChanges:
    """How many files there are of each kind, and a page of those that are not the same, in the order of their paths."""

    added: int
    removed: int
    changed: int
    unchanged: int
    page: list[Change]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """A key of the metadata, `a.b` inside `a`, with its values as JSON; None where it is absent."""

    key: str
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        if self.before is None:
            return "added"
        return "changed" if self.after is not None else "removed"


@dataclass(frozen=True, slots=True)
class TextDiff:
    """The lines of a file in both versions side by side; `reason` says why there is nothing to show."""

    diff: text_diff.Diff | None = None
    reason: str = ""


def resolve_pair(
    artifact: Artifact, base: str = "", head: str = ""
) -> tuple[ArtifactVersion | None, ArtifactVersion | None]:
    """The two finalized versions that these words mean: versions or aliases.

    Without a word the head is the newest one, and the base the one before the head; None where there is none.
    """
    finals = artifact.versions.finalized().order_by("-number")
    later = name_resolution.resolve_suffix(artifact, head).version if head else finals.first()
    if base:
        return name_resolution.resolve_suffix(artifact, base).version, later
    return (finals.filter(number__lt=later.number).first() if later else None), later


def files(base: ArtifactVersion, head: ArtifactVersion, *, after: str = "", limit: int = CHANGES_A_PAGE) -> FileChanges:
    """The files of two versions against one another, and the first changes whose paths come after `after`.

    They pass by in the order of their paths, in memory that does not grow with their number.
    """
    count = {"added": 0, "removed": 0, "changed": 0}
    page: list[Change] = []
    changes = _merge(_entries(base), _entries(head))
    if not _is_verified(base, head):
        changes = _without_twins(changes)
    for change in changes:
        count[change.kind] += 1
        if change.path > after and len(page) <= limit:
            page.append(change)
    more = len(page) > limit
    unchanged = base.file_count - count["removed"] - count["changed"]
    shown = _with_hashes(page[:limit])
    return FileChanges(**count, unchanged=unchanged, page=shown, next_cursor=shown[-1].path if more else None)


def metadata(before: dict[str, Any], after: dict[str, Any]) -> tuple[list[MetadataChange], int]:
    """The first differences between two JSON objects, in the order of their keys, and how many there are in all."""
    found: list[MetadataChange] = []
    total = 0
    for difference in _differences(before, after, ""):
        total += 1
        if total <= MAX_DIFFERENCES:
            found.append(difference)
    return found, total


def lines(base: ArtifactVersion, head: ArtifactVersion, path: str) -> TextDiff:
    """The lines of one file in both versions. `Missing` if neither has it; absent from one, it is empty there."""
    sides = [version.files.select_related("blob__object").filter(path=path).first() for version in (base, head)]
    if not any(sides):
        raise errors.Missing(f"Neither version has a file at {path!r}.")
    if any(side and side.blob is None for side in sides):
        return TextDiff(reason="The file is a reference: its bytes are not stored here.")
    if any(side and side.size > MAX_TEXT_BYTES for side in sides):
        return TextDiff(reason=f"Too large to compare line by line: over {MAX_TEXT_BYTES // 2**10} KiB.")
    before, after = (_text(side) for side in sides)
    if before is None or after is None:
        return TextDiff(reason="Not a text file: only sizes and hashes can be compared.")
    if before == after:
        return TextDiff(reason="The bytes are the same.")
    return TextDiff(text_diff.side_by_side(before, after))


def _entries(version: ArtifactVersion) -> Iterator[Entry]:
    columns = version.files.order_by("path").values_list("path", "size", "blob_id", "reference_uri")
    return map(Entry._make, columns.iterator(chunk_size=_ROWS_AT_ONCE))


def _merge(before: Iterator[Entry], after: Iterator[Entry]) -> Iterator[Change]:
    """Walk both in step. Paths compare in Python as in the database: by code points, which is by bytes of UTF-8."""
    left, right = next(before, None), next(after, None)
    while left or right:
        if right is None or (left and left.path < right.path):
            assert left is not None
            yield Change(left.path, left, None)
            left = next(before, None)
        elif left is None or right.path < left.path:
            yield Change(right.path, None, right)
            right = next(after, None)
        else:
            if left != right:
                yield Change(left.path, left, right)
            left, right = next(before, None), next(after, None)


def _is_verified(*versions: ArtifactVersion) -> bool:
    """Whether a project has one blob, and no twin, for each content of these."""
    return all(version.integrity == ArtifactVersion.Integrity.VERIFIED for version in versions)


def _without_twins(changes: Iterator[Change]) -> Iterator[Change]:
    """Bytes that were sent twice and not merged yet are two blobs, and the same all the same."""
    while some := list(islice(changes, _ROWS_AT_ONCE // 4)):
        alike = [each for each in some if each.before and each.after and each.before.size == each.after.size]
        hashed = (each for each in _with_hashes(alike) if each.sha256_before)
        twins = {each.path for each in hashed if each.sha256_before == each.sha256_after}
        yield from (each for each in some if each.path not in twins)


def _with_hashes(changes: list[Change]) -> list[Change]:
    sides = [side for change in changes for side in (change.before, change.after) if side]
    found = Blob.objects.filter(pk__in={side.blob for side in sides if side.blob})
    hashes: dict[UUID | None, str | None] = dict(found.values_list("pk", "sha256"))
    return [
        change._replace(
            sha256_before=hashes.get(change.before.blob) if change.before else None,
            sha256_after=hashes.get(change.after.blob) if change.after else None,
        )
        for change in changes
    ]


def _differences(before: dict[str, Any], after: dict[str, Any], inside: str) -> Iterable[MetadataChange]:
    for key in sorted(before.keys() | after.keys()):
        name = f"{inside}{key}"
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{name}.")
            continue
        was = json.dumps(old, ensure_ascii=False, sort_keys=True) if key in before else None
        now = json.dumps(new, ensure_ascii=False, sort_keys=True) if key in after else None
        if was != now:
            yield MetadataChange(name, _shortened(was), _shortened(now))


def _shortened(text: str | None) -> str | None:
    if text is None or len(text) <= _MAX_SHOWN:
        return text
    return f"{text[:_MAX_SHOWN]}… ({len(text):,} characters)"


def _text(file: ArtifactFile | None) -> str | None:
    """What the file says, None where that is no text."""
    if file is None:
        return ""
    content = b"".join(downloads.content(file))
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
