"""The files of a draft: add them by their hashes, learn which bytes are missing, remove them again."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import draft_counts, draft_extents, errors, mime_types, natural_order, validators, version_blobs
from artifacts.draft_counts import add_to_counts
from artifacts.draft_extents import Piece
from artifacts.models import ArtifactFile, ArtifactVersion, Blob
from core import bounded_count, bulk_rows
from core.value_lists import Among

MAX_FILES_A_CALL = 20_000
# More are added in several transactions: others write in between. An extent counts as a file.
MAX_FILES_A_TRANSACTION = 1_000


class FileSpec(NamedTuple):
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
        mime_type=mime_type or mime_types.guess(path),
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


def add(actor: Actor, version: ArtifactVersion, specs: Sequence[FileSpec]) -> tuple[int, list[str]]:
    """Add files to a draft by their sha256. Returns how many were new, and which sha256 must be uploaded.

    The same path with the same contents again is fine, with others `PathTaken`; bytes of it that turned out to be
    corrupt are missing again. All or none.
    """
    check_specs(specs)
    with transaction.atomic():
        return add_to_locked(actor, lock_draft(actor, version), specs)


def require_same(version: ArtifactVersion, specs: Sequence[FileSpec]) -> None:
    """Raise `PathTaken` where the draft has other contents at one of these paths, or `Invalid` for too many bytes."""
    new, _ = _split_by_existing(version, specs)
    check_total_size(version, new)


def add_to_locked(actor: Actor, version: ArtifactVersion, specs: Sequence[FileSpec]) -> tuple[int, list[str]]:
    """`add`, for callers that hold the draft's lock, and have checked the permission and the specs."""
    new, existing = _split_by_existing(version, specs)
    check_total_size(version, new)
    corrupt = [(spec, file) for spec, file in existing if file.state == Blob.State.CORRUPT]
    if any(spec.extents for spec in specs):
        own = ((spec.sha256, *(piece.sha256 for piece in spec.extents)) for spec in specs)
        draft_extents.lock(actor, version, chain.from_iterable(own))
    blobs = _claim_blobs(actor, version, [*new, *(spec for spec, _ in corrupt)])
    _insert(version, new, blobs)
    replaced = ((file.pk, blobs[spec.sha256, spec.size].pk) for spec, file in corrupt)
    bulk_rows.update(ArtifactFile, ["blob"], replaced)
    # An interrupted try may have found them so, and this one otherwise.
    changed = ((file.pk, spec.executable) for spec, file in existing if file.is_executable != spec.executable)
    bulk_rows.update(ArtifactFile, ["is_executable"], changed)
    add_to_counts(version, len(new), sum(spec.size for spec in new))
    claims = [*blobs.items(), *(((spec.sha256, spec.size), file.claim) for spec, file in existing)]
    expected = Blob.State.EXPECTED
    waiting = {claim.pk: (identity, claim) for identity, claim in claims if claim.state == expected}
    stated = {(spec.sha256, spec.size): spec.extents for spec in specs if spec.extents}
    in_pieces = {
        pk: stated.get(identity, ())
        for pk, (identity, claim) in waiting.items()
        if claim.extent_count or identity in stated
    }
    composed = draft_extents.compose(actor, version, in_pieces) if in_pieces else draft_extents.NONE_COMPOSED
    missing = {sha256 for pk, ((sha256, _), _) in waiting.items() if pk not in composed.wholes}
    return len(new), sorted(missing | composed.missing)


@transaction.atomic
def remove(actor: Actor, file: ArtifactFile) -> None:
    """Take a file out of a draft."""
    version = lock_draft(actor, file.version)
    removed = version.files.filter(pk=file.pk)
    if row := removed.first():
        removed.delete_and_touch()
        references = (-1, -row.size) if row.is_reference else (0, 0)
        add_to_counts(version, -1, -row.size, *references)


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


def check_total_size(version: ArtifactVersion, added: Iterable["FileSpec"]) -> None:
    """Raise `Invalid` where the version would have more bytes than can be counted."""
    draft_counts.check_total_size(version, sum(spec.size for spec in added))


def check_specs(specs: Sequence[Any]) -> None:
    """Raise `InvalidPath`, or `PathTaken` where the paths cannot all be in one version. Asks no database."""
    if len(specs) > MAX_FILES_A_CALL:
        raise errors.Invalid(f"One call takes at most {MAX_FILES_A_CALL:,} files; this one has {len(specs):,}.")
    in_pieces = [spec for spec in specs if isinstance(spec, FileSpec) and spec.extents]
    if sum(len(spec.extents) for spec in in_pieces) > draft_extents.MAX_EXTENTS_A_CALL:
        raise errors.Invalid(f"One call takes at most {draft_extents.MAX_EXTENTS_A_CALL:,} extents of files.")
    for spec in in_pieces:
        draft_extents.check(spec.path, spec.size, spec.extents)
    paths = [spec.path for spec in specs]
    for path in paths:
        validators.check_path(path)
    if len(set(paths)) < len(paths):
        repeated, _ = Counter(paths).most_common(1)[0]
        raise errors.PathTaken(f"The path {repeated!r} is listed twice.", paths=[repeated])
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
    folders, above = set(), {path.rpartition("/")[0] for path in paths}
    while above := {folder for folder in above if folder} - folders:
        folders |= above
        above = {folder.rpartition("/")[0] for folder in above}
    if taken := folders & paths:
        folder = min(taken)
        path = min(path for path in paths if path.startswith(f"{folder}/"))
        raise errors.PathTaken(f"{folder!r} cannot be a file and the folder of {path!r}.", paths=[folder, path])


class _Claim(NamedTuple):
    """The blob of a file."""

    pk: UUID
    state: str
    extent_count: int


class _DraftFile(NamedTuple):
    """A file that the draft has already; of a reference there is no claim."""

    pk: UUID
    sha256: str | None
    size: int
    is_executable: bool
    claim: _Claim

    @property
    def state(self) -> str:
        return self.claim.state


def _split_by_existing(
    version: ArtifactVersion, specs: Sequence[FileSpec]
) -> tuple[list[FileSpec], list[tuple[FileSpec, _DraftFile]]]:
    """The specs that are new to the draft, and those that it has already, each with its file."""
    if not version.file_count:
        return list(specs), []
    columns = ("path", "pk", "blob__sha256", "size", "is_executable", "blob", "blob__state", "blob__extent_count")
    rows = version.files.filter(Among("path", [spec.path for spec in specs])).order_by()
    files = {
        path: _DraftFile(pk, sha256, size, is_executable, _Claim(*blob))
        for path, pk, sha256, size, is_executable, *blob in rows.values_list(*columns)
    }
    new, existing = [], []
    for spec in specs:
        file = files.get(spec.path)
        if file is None:
            new.append(spec)
        elif file.claim.pk is None or (file.sha256, file.size) != (spec.sha256, spec.size):
            raise errors.PathTaken(f"The draft already has other contents at {spec.path!r}.", paths=[spec.path])
        else:
            existing.append((spec, file))
    return new, existing


def _claim_blobs(
    actor: Actor, version: ArtifactVersion, specs: Sequence[FileSpec]
) -> dict[tuple[str | None, int], _Claim]:
    """A blob for each sha256 and size: one that may be shared, one that the draft waits for already, or a new one."""
    project = version.artifact.project
    requested = {(spec.sha256, spec.size): spec for spec in specs}
    is_requested = Among("sha256", {sha256 for sha256, _ in requested})
    columns = ("sha256", "size", "pk", "state", "extent_count")
    claimed = {}
    if version.file_count:
        is_own = version_blobs.is_file_of(version)
        awaited = Blob.objects.filter(is_requested, is_own, state=Blob.State.EXPECTED, project=project)
        claimed = {(sha256, size): _Claim(*blob) for sha256, size, *blob in awaited.values_list(*columns)}
    # The lock and the touch make a sweep that is about to remove these bytes let go.
    shareable = Blob.objects.shareable(project, actor.user).filter(is_requested)
    for sha256, size, *blob in shareable.select_for_update(no_key=True).order_by("pk").values_list(*columns):
        identity = (sha256, size)
        if identity in requested and (identity not in claimed or claimed[identity].state != Blob.State.VERIFIED):
            claimed[identity] = _Claim(*blob)
    Blob.objects.filter(Among("pk", [blob.pk for blob in claimed.values()])).update(claimed_at=timezone.now())
    expected = Blob.State.EXPECTED
    new = {identity: _Claim(uuid7(), expected, 0) for identity in requested if identity not in claimed}
    bulk_rows.insert(
        Blob,
        ["id", "sha256", "size", "md5"],
        [(blob.pk, *identity, requested[identity].md5) for identity, blob in new.items()],
        project=project.pk,
        created_by=actor.user.pk if actor.user else None,
    )
    return claimed | new


def _insert(version: ArtifactVersion, specs: Sequence[FileSpec], blobs: dict[tuple[str | None, int], _Claim]) -> None:
    rows = (
        (
            spec.path,
            natural_order.sort_key(spec.path),
            spec.path.rpartition("/")[2],
            spec.size,
            spec.mime_type or mime_types.guess(spec.path),
            spec.executable,
            blobs[spec.sha256, spec.size].pk,
        )
        for spec in specs
    )
    columns = ["path", "sort_key", "name", "size", "mime_type", "is_executable", "blob"]
    bulk_rows.insert(ArtifactFile, columns, rows, version=version.pk)
