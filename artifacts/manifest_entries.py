"""What the manifests of a draft state, and how it becomes rows of the draft's files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actor import Actor
from artifacts import draft_files, errors, mime_types, natural_order
from artifacts.content import md5_uploads
from artifacts.draft_counts import add_to_counts
from artifacts.models import ArtifactFile, ArtifactVersion, Blob, ReferenceState
from artifacts.references import references
from artifacts.references.references import ReferenceSpec
from core import bulk_rows
from core.value_lists import Among

_MAX_PATHS_IN_ERROR = 100
# Named in the sentence of a refusal, which is all that people see.
_MAX_PATHS_IN_SENTENCE = 3


class FileEntry(NamedTuple):
    """A file whose bytes the project has: md5 in lower-case hex; size in bytes, None where it is not stated."""

    path: str
    md5: str
    size: int | None = None


class ReferenceEntry(NamedTuple):
    """A reference, with its digest and what else the client keeps of it, which it gets back as they are."""

    spec: ReferenceSpec
    digest: str
    extra: dict[str, Any]

    @property
    def path(self) -> str:
        return self.spec.path


Entry = FileEntry | ReferenceEntry
Parse = Callable[[Iterable[bytes]], Iterator[Entry]]


class Stale(Exception):
    """The draft has files of another manifest."""


def add(actor: Actor, version: ArtifactVersion, entries: Iterable[Entry]) -> int:
    """Add these entries to the draft, but for those that an interrupted commit has added; returns how many they are.

    Raises `Stale`, `VersionIncomplete`, `BytesMismatch`.
    """
    count = 0
    waiting = iter(entries)
    while batch := list(islice(waiting, draft_files.MAX_FILES_A_TRANSACTION)):
        count += _add_batch(actor, version, batch)
    return count


def _add_batch(actor: Actor, version: ArtifactVersion, entries: Sequence[Entry]) -> int:
    draft_files.check_specs(entries)
    files = [entry for entry in entries if isinstance(entry, FileEntry)]
    stated = [
        entry._replace(spec=references.check(entry.spec)) for entry in entries if isinstance(entry, ReferenceEntry)
    ]
    with transaction.atomic():
        locked = draft_files.lock_draft(actor, version)
        known = _known(locked, entries)
        files = [file for file in files if file.path not in known]
        stated = [reference for reference in stated if reference.path not in known]
        blobs = _claim(actor, locked, files)
        files = [file._replace(size=blobs[file.path].size) for file in files]
        draft_files.check_total_size(locked, [*files, *(reference.spec for reference in stated)])
        bulk_rows.insert(ArtifactFile, _COLUMNS, (_file_row(file, blobs) for file in files), version=locked.pk)
        bulk_rows.insert(
            ArtifactFile,
            _REFERENCE_COLUMNS,
            map(_reference_row, stated),
            version=locked.pk,
            reference_state=ReferenceState.UNCHECKED,
        )
        size, referenced = sum(file.size for file in files), sum(reference.spec.size for reference in stated)
        add_to_counts(locked, len(files) + len(stated), size + referenced, len(stated), referenced)
    return len(entries)


class _Bytes(NamedTuple):
    """A blob, and how many bytes it has."""

    pk: UUID
    size: int


def _known(version: ArtifactVersion, entries: Sequence[Entry]) -> set[str]:
    """The paths of those that the draft has. Raises `Stale` where it has something else there."""
    if not version.file_count:
        return set()
    columns = ("path", "blob__md5", "reference_digest")
    rows = version.files.filter(Among("path", [entry.path for entry in entries])).values_list(*columns)
    found = {path: (md5, digest) for path, md5, digest in rows}
    for entry in entries:
        expected = (entry.md5, None) if isinstance(entry, FileEntry) else (None, entry.digest)
        if entry.path in found and found[entry.path] != expected:
            raise Stale
    return set(found)


def _claim(actor: Actor, version: ArtifactVersion, files: Sequence[FileEntry]) -> dict[str, _Bytes]:
    """By path, a blob of the bytes of each file and their size. Raises `VersionIncomplete`, `BytesMismatch`.

    The lock and the touch make a sweep that is about to remove these bytes let go.
    """
    usable = md5_uploads.usable(actor, version, {file.md5 for file in files})
    rows = list(usable.values_list("md5", "size", "pk", "state"))
    # A verified one stands, where there are two.
    rows.sort(key=lambda row: row[3] == Blob.State.VERIFIED)
    found: dict[tuple[str, int | None], _Bytes] = {}
    for md5, size, pk, _ in rows:
        found[md5, size] = found[md5, None] = _Bytes(pk, size)
    missing = [file.path for file in files if (file.md5, None) not in found]
    if missing:
        raise _incomplete(missing)
    others = [file.path for file in files if (file.md5, file.size) not in found]
    if others:
        message = f"The bytes of {_sentence(others)} have another size than the manifest says: log the version again."
        raise errors.BytesMismatch(message, paths=others[:_MAX_PATHS_IN_ERROR])
    blobs = {file.path: found[file.md5, file.size] for file in files}
    pks = {pk for pk, _ in blobs.values()}
    locked = Blob.objects.filter(Among("pk", pks)).select_for_update(no_key=True).order_by("pk")
    gone = pks.difference(locked.values_list("pk", flat=True))
    if gone:
        raise _incomplete([path for path, (pk, _) in blobs.items() if pk in gone])
    Blob.objects.filter(Among("pk", pks)).update(claimed_at=timezone.now())
    return blobs


def _incomplete(paths: Sequence[str]) -> errors.VersionIncomplete:
    message = f"The bytes of {_sentence(paths)} have not been uploaded: log the version again."
    return errors.VersionIncomplete(message, paths=list(paths[:_MAX_PATHS_IN_ERROR]))


def _sentence(paths: Sequence[str]) -> str:
    named = ", ".join(map(repr, paths[:_MAX_PATHS_IN_SENTENCE]))
    rest = len(paths) - _MAX_PATHS_IN_SENTENCE
    return f"{named} and {rest:,} other files" if rest > 0 else named


_COLUMNS = ("path", "sort_key", "name", "size", "mime_type", "blob")
_REFERENCE_COLUMNS = (
    "path", "sort_key", "name", "size", "mime_type", "reference_uri", "reference_identity",
    "reference_version_id", "reference_digest", "reference_extra",
)  # fmt: skip


def _named(path: str, size: int | None) -> tuple[Any, ...]:
    return path, natural_order.sort_key(path), path.rpartition("/")[2], size, mime_types.guess(path)


def _file_row(file: FileEntry, blobs: dict[str, _Bytes]) -> tuple[Any, ...]:
    return *_named(file.path, file.size), blobs[file.path].pk


def _reference_row(entry: ReferenceEntry) -> tuple[Any, ...]:
    spec = entry.spec
    recorded = (spec.uri, spec.identity, spec.version_id, entry.digest, entry.extra or None)
    return *_named(spec.path, spec.size), *recorded
