"""The differences between two versions of an artifact: in their files, their metadata, and the runs behind them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from artifacts import errors, text_diff
from artifacts.content import downloads
from artifacts.models import ArtifactFile, ArtifactVersion, Blob
from artifacts.previews import comparison_formats, registry
from artifacts.previews.comparison_results import Comparison
from artifacts.references import uris
from projects.models import Run

CHANGES_A_PAGE = 100
MAX_METADATA_CHANGES = 200
# Of each of the two files whose lines are compared.
MAX_TEXT_BYTES = 256 * 2**10
_MAX_VALUE_LENGTH = 300
_BATCH_SIZE = 2_000


class Entry(NamedTuple):
    """A file in one of the versions. `reference` is the URI of a reference without what grants access."""

    path: str
    size: int
    blob: UUID | None
    reference: str | None
    is_executable: bool = False
    reference_identity: str | None = None
    reference_version_id: str | None = None


class Change(NamedTuple):
    """A path that differs; `before` is None for a file that was added, `after` for a removed one.

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
        """Whether their lines can be compared: both have bytes here, and not too many."""
        sides = (self.before, self.after)
        return all(side is not None and side.blob and side.size <= MAX_TEXT_BYTES for side in sides)

    @property
    def has_comparison(self) -> bool:
        """Whether `file` has something to say: of their lines, or of what files of this name hold."""
        have_bytes = self.before is not None and self.after is not None and self.before.blob and self.after.blob
        return self.has_lines or (bool(have_bytes) and comparison_formats.is_known(self.path))


@dataclass(frozen=True, slots=True)
class FileChanges:
    """How many files there are of each kind, and a page of those that differ, in the order of their paths."""

    added: int
    removed: int
    changed: int
    unchanged: int
    page: list[Change]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """A key of the metadata, `a.b` inside `a`, with its values as JSON; None where it is absent.

    `delta` is the difference of two numbers, with its sign and in percent: `+0.02 (+2.5%)`.
    """

    key: str
    before: str | None
    after: str | None
    delta: str = ""

    @property
    def kind(self) -> str:
        if self.before is None:
            return "added"
        return "changed" if self.after is not None else "removed"


@dataclass(frozen=True, slots=True)
class TextDiff:
    """The lines of a file in both versions side by side; `reason` says why there are none."""

    diff: text_diff.Diff | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A file in both versions: what differs in what it holds, and in its lines; None where that says nothing."""

    comparison: Comparison | None
    lines: TextDiff | None


class ValueChanges(NamedTuple):
    """The first changes between two JSON objects, and how many there are in all."""

    changes: list[MetadataChange]
    total: int


@dataclass(frozen=True, slots=True)
class RunChanges:
    """What differs between the runs that made two versions."""

    config: ValueChanges
    summary: ValueChanges


def files(base: ArtifactVersion, head: ArtifactVersion, *, after: str = "", limit: int = CHANGES_A_PAGE) -> FileChanges:
    """The changes of files from base to head, counted, with the first page of them after the path `after`.

    Files are streamed in the order of their paths, in memory that does not grow with their number.
    """
    count = {"added": 0, "removed": 0, "changed": 0}
    page: list[Change] = []
    changes = _merge(_entries(base), _entries(head))
    if not all(map(_has_one_blob_of_equal_bytes, (base, head))):
        changes = _without_twins(changes)
    for change in changes:
        count[change.kind] += 1
        if change.path > after and len(page) <= limit:
            page.append(change)
    has_more = len(page) > limit
    unchanged = base.file_count - count["removed"] - count["changed"]
    page = _with_hashes(page[:limit])
    return FileChanges(**count, unchanged=unchanged, page=page, next_cursor=page[-1].path if has_more else None)


def metadata(before: dict[str, Any], after: dict[str, Any]) -> ValueChanges:
    """The first changes between two JSON objects, in the order of their keys, and how many there are in all."""
    changes: list[MetadataChange] = []
    total = 0
    for change in _metadata_changes(before, after, ""):
        total += 1
        if total <= MAX_METADATA_CHANGES:
            changes.append(change)
    return ValueChanges(changes, total)


def runs(base: ArtifactVersion, head: ArtifactVersion) -> RunChanges | None:
    """The changes of config and summary from the run of base to that of head; None where those are not two runs.

    One query, by which both versions have their `run` loaded.
    """
    rows = Run.objects.in_bulk({version.run_id for version in (base, head) if version.run_id})
    for version in (base, head):
        version.run = rows.get(version.run_id)
    if len(rows) < 2:
        return None
    return RunChanges(metadata(base.run.config, head.run.config), metadata(base.run.summary, head.run.summary))


def file(base: ArtifactVersion, head: ArtifactVersion, path: str, person: str) -> FileDiff:
    """One file in both versions, for this person. `Missing` if neither has it."""
    before, after = _sides(base, head, path)
    comparison = None
    have_bytes = before and after and before.blob and after.blob
    if have_bytes and before.blob_id != after.blob_id and comparison_formats.is_known(path):
        comparison = registry.compare(before, after, person)
        if comparison.kind != "nothing" and not comparison_formats.is_text(path):
            return FileDiff(comparison, None)
    text = _lines(before, after)
    return FileDiff(comparison, None if comparison and text.reason else text)


def lines(base: ArtifactVersion, head: ArtifactVersion, path: str) -> TextDiff:
    """The lines of one file in both versions. `Missing` if neither has it; absent from one, it is empty there."""
    return _lines(*_sides(base, head, path))


def _sides(base: ArtifactVersion, head: ArtifactVersion, path: str) -> tuple[ArtifactFile | None, ArtifactFile | None]:
    before, after = (version.files.select_related("blob__object").filter(path=path).first() for version in (base, head))
    if not (before or after):
        raise errors.Missing(f"Neither version has a file at {path!r}.")
    return before, after


def _lines(*sides: ArtifactFile | None) -> TextDiff:
    if any(side and side.blob is None for side in sides):
        return TextDiff(reason="The file is a reference: its bytes are not stored here.")
    if any(side and side.size > MAX_TEXT_BYTES for side in sides):
        return TextDiff(reason=f"Too large to compare line by line: over {MAX_TEXT_BYTES // 2**10} KiB.")
    before, after = (_read_text(side) for side in sides)
    if before is None or after is None:
        return TextDiff(reason="Not a text file: only sizes and hashes can be compared.")
    if before == after:
        is_only_bit = all(sides) and sides[0].is_executable != sides[1].is_executable
        return TextDiff(reason=f"The bytes are the same{': only the executable bit differs' * is_only_bit}.")
    return TextDiff(text_diff.side_by_side(before, after))


def _entries(version: ArtifactVersion) -> Iterator[Entry]:
    columns = ("path", "size", "blob_id", "reference_uri", "is_executable")
    rows = version.files.order_by("path").values_list(*columns, "reference_identity", "reference_version_id")
    for path, size, blob, uri, *others in rows.iterator(chunk_size=_BATCH_SIZE):
        # Another signature of the same URI is no other contents.
        yield Entry(path, size, blob, uris.without_secrets(uri) if uri else None, *others)


def _merge(before: Iterator[Entry], after: Iterator[Entry]) -> Iterator[Change]:
    """A merge of two sorted streams. Python compares paths as the database does: by code points, as bytes of UTF-8."""
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


def _has_one_blob_of_equal_bytes(version: ArtifactVersion) -> bool:
    """Of verified bytes a project has only one blob; the files of a link may be those of another project."""
    return version.integrity == ArtifactVersion.Integrity.VERIFIED and not version.is_link


def _without_twins(changes: Iterator[Change]) -> Iterator[Change]:
    """Leave out files of equal bytes: those that were uploaded twice and are not merged yet are two blobs."""
    while batch := list(islice(changes, _BATCH_SIZE // 4)):
        same_size = [change for change in batch if change.before and change.after]
        same_size = [change for change in same_size if change.before.size == change.after.size]
        same_size = [change for change in same_size if change.before.is_executable == change.after.is_executable]
        hashes = _hashes_of(same_size)
        twins = {change.path for change in same_size if _are_equal(hashes, change.before, change.after)}
        yield from (change for change in batch if change.path not in twins)


class _Hashes(NamedTuple):
    sha256: str | None = None
    md5: str | None = None


def _are_equal(hashes: dict[UUID | None, _Hashes], before: Entry | None, after: Entry | None) -> bool:
    """Whether two files of one size have equal bytes: by their md5 where no worker has read one of them yet."""
    left, right = (hashes.get(side.blob if side else None, _Hashes()) for side in (before, after))
    if left.sha256 and right.sha256:
        return left.sha256 == right.sha256
    return left.md5 is not None and left.md5 == right.md5


def _hashes_of(changes: list[Change]) -> dict[UUID | None, _Hashes]:
    sides = [side for change in changes for side in (change.before, change.after) if side]
    blobs = Blob.objects.filter(pk__in={side.blob for side in sides if side.blob})
    return {pk: _Hashes(sha256, md5) for pk, sha256, md5 in blobs.values_list("pk", "sha256", "md5")}


def _with_hashes(changes: list[Change]) -> list[Change]:
    hashes = _hashes_of(changes)
    return [
        change._replace(
            sha256_before=hashes.get(change.before.blob, _Hashes()).sha256 if change.before else None,
            sha256_after=hashes.get(change.after.blob, _Hashes()).sha256 if change.after else None,
        )
        for change in changes
    ]


def _metadata_changes(before: dict[str, Any], after: dict[str, Any], prefix: str) -> Iterable[MetadataChange]:
    for key in sorted(before.keys() | after.keys()):
        name = f"{prefix}{key}"
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _metadata_changes(old, new, f"{name}.")
            continue
        old_json = json.dumps(old, ensure_ascii=False, sort_keys=True) if key in before else None
        new_json = json.dumps(new, ensure_ascii=False, sort_keys=True) if key in after else None
        if old_json != new_json:
            yield MetadataChange(name, _truncate(old_json), _truncate(new_json), _delta(old, new))


def _delta(old: Any, new: Any) -> str:
    """The difference of two numbers, "" for anything else.

    JSON has integers that no float holds, and some whose difference has more digits than Python writes.
    """
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (old, new)):
        return ""
    try:
        difference = new - old
        text = f"{difference:+,}" if isinstance(difference, int) else f"{difference:+.5g}"
        return f"{text} ({difference / abs(old):+.1%})" if old else text
    except (OverflowError, ValueError):
        return ""


def _truncate(text: str | None) -> str | None:
    if text is None or len(text) <= _MAX_VALUE_LENGTH:
        return text
    return f"{text[:_MAX_VALUE_LENGTH]}… ({len(text):,} characters)"


def _read_text(file: ArtifactFile | None) -> str | None:
    """The text of the file, None where it is binary."""
    if file is None:
        return ""
    content = b"".join(downloads.content(file))
    if b"\0" in content:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None
