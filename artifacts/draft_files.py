"""The files of a draft: add them by their hashes, learn which bytes are missing, remove them again."""

import mimetypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import draft_extents, errors, validators
from artifacts.draft_extents import Piece
from artifacts.models import ArtifactFile, ArtifactVersion, Blob, ReferenceState
from core import bounded_count

MAX_FILES_A_CALL = 10_000
# What a column of the database holds. Sizes are stated before, or without, any bytes.
MAX_TOTAL_SIZE = 2**63 - 1
_BATCH_SIZE = 2_000


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A file as its client describes it: size in bytes, hashes in lower-case hex."""

    path: str
    size: int
    sha256: str | None = None
    md5: str | None = None
    mime_type: str = ""
    executable: bool = False
    # What a large file consists of, where it is uploaded in pieces that others may have already.
    extents: tuple[Piece, ...] = ()

    def to_file(self, version: ArtifactVersion, blob: Blob) -> ArtifactFile:
        """The row of this file, not saved yet."""
        return new_file(version, self.path, self.size, self.mime_type, is_executable=self.executable, blob=blob)


def new_file(version: ArtifactVersion, path: str, size: int, mime_type: str, **columns: Any) -> ArtifactFile:
    """A row that is not saved yet; without a type it has the one that its name suggests."""
    return ArtifactFile(
        version=version,
        path=path,
        name=path.rpartition("/")[2],
        size=size,
        mime_type=mime_type or mimetypes.guess_type(path)[0] or "application/octet-stream",
        **columns,
    )


# What a draft is listed by; no index has more than its paths.
_COLUMNS = {"path": "path", "size": "size", "integrity": "blob__state"}


def orders(version: ArtifactVersion) -> tuple[str, ...]:
    """What the files of the draft can be sorted by: one with very many, by their paths alone."""
    return tuple(_COLUMNS) if version.file_count <= bounded_count.COUNT_LIMIT else ("path",)


def listed(
    version: ArtifactVersion, *, by: str = "path", is_descending: bool = False, after: str = "", limit: int
) -> list[ArtifactFile]:
    """The first files with their blobs, in one of the `orders` of the draft, after the file at the path `after`.

    Those that are alike are in the order of their paths, those without a value last. Two queries.
    """
    rows = version.files.select_related("blob")
    if by == "path":
        if after:
            rows = rows.filter(path__lt=after) if is_descending else rows.filter(path__gt=after)
        return list(rows.order_by("-path" if is_descending else "path")[:limit])
    column = F(_COLUMNS[by])
    order = column.desc(nulls_last=True) if is_descending else column.asc(nulls_last=True)
    paths = list(version.files.order_by(order, "path").values_list("path", flat=True))
    start = paths.index(after) + 1 if after in paths else 0
    found = {file.path: file for file in rows.filter(path__in=paths[start : start + limit])}
    return [found[path] for path in paths[start : start + limit] if path in found]


@transaction.atomic
def add(actor: Actor, version: ArtifactVersion, specs: Sequence[FileSpec]) -> tuple[int, list[str]]:
    """Add files to a draft by their sha256. Returns how many were new, and which sha256 must be uploaded.

    The same path with the same contents again is fine, with others `PathTaken`; bytes of it that turned out to be
    corrupt are missing again. All or none.
    """
    return add_to_locked(actor, lock_draft(actor, version), specs)


def add_to_locked(actor: Actor, version: ArtifactVersion, specs: Sequence[FileSpec]) -> tuple[int, list[str]]:
    """`add`, for callers that hold the draft's lock and have checked the permission."""
    check_specs(specs)
    new, existing = _split_by_existing(version, specs)
    check_total_size(version, new)
    corrupt = [(spec, file) for spec, file in existing if file.blob.state == Blob.State.CORRUPT]
    if any(spec.extents for spec in specs):
        own = ((spec.sha256, *(piece.sha256 for piece in spec.extents)) for spec in specs)
        draft_extents.lock(actor, version, chain.from_iterable(own))
    blobs = _claim_blobs(actor, version, [*new, *(spec for spec, _ in corrupt)])
    ArtifactFile.objects.bulk_create(
        (spec.to_file(version, blobs[spec.sha256, spec.size]) for spec in new), batch_size=_BATCH_SIZE
    )
    for spec, file in corrupt:
        file.blob = blobs[spec.sha256, spec.size]
    ArtifactFile.objects.bulk_update([file for _, file in corrupt], ["blob"], batch_size=500)
    _set_executable(existing)
    count_files(version)
    waiting = {blob.pk: blob for blob in (*blobs.values(), *(file.blob for _, file in existing)) if blob.is_expected}
    stated = {(spec.sha256, spec.size): spec.extents for spec in specs}
    in_pieces = {
        pk: extents
        for pk, blob in waiting.items()
        if (extents := stated.get((blob.sha256, blob.size), ())) or blob.is_composed
    }
    composed = draft_extents.compose(actor, version, in_pieces) if in_pieces else draft_extents.NONE_COMPOSED
    missing = {blob.sha256 for pk, blob in waiting.items() if pk not in composed.wholes}
    return len(new), sorted(missing | composed.missing)


def _set_executable(existing: Iterable[tuple[FileSpec, ArtifactFile]]) -> None:
    """An interrupted try may have found them so, and this one otherwise."""
    changed = [(spec, file) for spec, file in existing if file.is_executable != spec.executable]
    for spec, file in changed:
        file.is_executable = spec.executable
    ArtifactFile.objects.bulk_update([file for _, file in changed], ["is_executable"], batch_size=500)


@transaction.atomic
def remove(actor: Actor, file: ArtifactFile) -> None:
    """Take a file out of a draft."""
    version = lock_draft(actor, file.version)
    ArtifactFile.objects.filter(pk=file.pk).delete_and_touch()
    count_files(version)


def lock_draft(actor: Actor, version: ArtifactVersion) -> ArtifactVersion:
    """The version under a row lock, if the user may write to it and it is still a draft. One query.

    Raises `Denied`, `VersionNotFound`, `VersionFinalized`.
    """
    rows = ArtifactVersion.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "artifact__project__team"
    )
    locked = rows.with_role_of(actor.user).filter(pk=version.pk).first()
    if locked is None:
        permissions.require(actor, version.artifact.project.team, Role.EDITOR)
        raise errors.VersionNotFound.deleted(version.title, version.artifact.name)
    role = Role(locked.role) if locked.role else None
    permissions.require_role(actor, locked.artifact.project.team, role, Role.EDITOR)
    require_draft(locked)
    return locked


def require_draft(version: ArtifactVersion) -> None:
    """Raise `VersionNotFound` or `VersionFinalized` where it is no draft any more."""
    if version.state == ArtifactVersion.State.DELETED:
        raise errors.VersionNotFound.deleted(version.title, version.artifact.name)
    if version.is_finalized:
        raise errors.VersionFinalized(f"Version {version.version} is finalized, and finalized versions are immutable.")


def count_files(version: ArtifactVersion) -> None:
    """Bring the numbers of a draft in line with its files. References that were added have not been checked."""
    is_reference = Q(reference_uri__isnull=False)
    totals = version.files.aggregate(
        count=Count("pk"),
        total_size=Sum("size"),
        reference_count=Count("pk", filter=is_reference),
        referenced_size=Sum("size", filter=is_reference),
    )
    version.file_count, version.total_size = totals["count"], totals["total_size"] or 0
    if totals["reference_count"] != version.reference_count:
        version.reference_state = ReferenceState.UNCHECKED if totals["reference_count"] else None
    version.reference_count, version.referenced_size = totals["reference_count"], totals["referenced_size"] or 0
    counts = ["file_count", "total_size", "reference_count", "referenced_size", "reference_state"]
    version.save(update_fields=[*counts, "touched_at"])


def check_total_size(version: ArtifactVersion, added: Iterable["FileSpec"]) -> None:
    """Raise `Invalid` where the version would have more bytes than can be counted."""
    if version.total_size + sum(spec.size for spec in added) > MAX_TOTAL_SIZE:
        raise errors.Invalid("The sizes of all files add up to more than 8 EiB: state their true sizes.")


def check_specs(specs: Sequence[FileSpec]) -> None:
    """Raise `InvalidPath`, or `PathTaken` where the paths cannot all be in one version."""
    if len(specs) > MAX_FILES_A_CALL:
        raise errors.Invalid(f"One call takes at most {MAX_FILES_A_CALL:,} files; this one has {len(specs):,}.")
    if sum(len(spec.extents) for spec in specs) > draft_extents.MAX_EXTENTS_A_CALL:
        raise errors.Invalid(f"One call takes at most {draft_extents.MAX_EXTENTS_A_CALL:,} extents of files.")
    paths = set()
    for spec in specs:
        validators.check_path(spec.path)
        if spec.extents:
            draft_extents.check(spec.path, spec.size, spec.extents)
        if spec.path in paths:
            raise errors.PathTaken(f"The path {spec.path!r} is listed twice.", paths=[spec.path])
        paths.add(spec.path)
    check_tree(paths)


def require_path_free(version: ArtifactVersion, path: str) -> None:
    """`PathTaken` if the draft has a file at this path, at a folder of it, or under it as a folder."""
    folders = [path[:index] for index, character in enumerate(path) if character == "/"]
    taken = version.files.filter(path__in=[path, *folders]).values_list("path", flat=True).first()
    taken = taken or version.files.under(f"{path}/").values_list("path", flat=True).first()
    if taken == path:
        raise errors.PathTaken(f"The draft already has a file at {path!r}.", paths=[path])
    if taken:
        check_tree([taken, path])


def check_tree(paths: Iterable[str]) -> None:
    """`PathTaken` if one path is a folder of another: no disk can hold both."""
    paths = set(paths)
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder:
            if folder in paths:
                raise errors.PathTaken(f"{folder!r} cannot be a file and the folder of {path!r}.", paths=[folder, path])
            folder = folder.rpartition("/")[0]


def _split_by_existing(
    version: ArtifactVersion, specs: Sequence[FileSpec]
) -> tuple[list[FileSpec], list[tuple[FileSpec, ArtifactFile]]]:
    """The specs that are new to the draft, and those that it has already, each with its file."""
    rows = version.files.select_related("blob").filter(path__in=[spec.path for spec in specs])
    files = {file.path: file for file in rows} if version.file_count else {}
    new, existing = [], []
    for spec in specs:
        file = files.get(spec.path)
        if file is None:
            new.append(spec)
        elif file.blob is None or (file.blob.sha256, file.blob.size) != (spec.sha256, spec.size):
            raise errors.PathTaken(f"The draft already has other contents at {file.path!r}.", paths=[file.path])
        else:
            existing.append((spec, file))
    return new, existing


def _claim_blobs(
    actor: Actor, version: ArtifactVersion, specs: Sequence[FileSpec]
) -> dict[tuple[str | None, int], Blob]:
    """A blob for each sha256 and size: one that may be shared, one that the draft waits for already, or a new one."""
    project = version.artifact.project
    requested = {(spec.sha256, spec.size): spec for spec in specs}
    hashes = {sha256 for sha256, _ in requested}
    # The lock and the touch make a sweep that is about to remove these bytes let go.
    shareable = Blob.objects.shareable(project, actor.user).filter(sha256__in=hashes)
    expected = Blob.objects.filter(
        state=Blob.State.EXPECTED, project=project, sha256__in=hashes, files__version=version
    )
    claimed = {(blob.sha256, blob.size): blob for blob in expected}
    for blob in shareable.select_for_update(no_key=True).order_by("pk"):
        identity = (blob.sha256, blob.size)
        if identity in requested and (identity not in claimed or claimed[identity].state != Blob.State.VERIFIED):
            claimed[identity] = blob
    Blob.objects.filter(pk__in=[blob.pk for blob in claimed.values()]).update(claimed_at=timezone.now())
    new = {
        identity: Blob(project=project, size=spec.size, sha256=spec.sha256, md5=spec.md5, created_by=actor.user)
        for identity, spec in requested.items()
        if identity not in claimed
    }
    Blob.objects.bulk_create(new.values(), batch_size=_BATCH_SIZE)
    return claimed | new
