"""What people do with the files of a draft: state them, find which bytes are missing, take them out again."""

import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import errors, storage, tasks, validators
from artifacts.models import ArtifactFile, ArtifactVersion, Blob, StoredObject

MAX_FILES_A_CALL = 10_000
_ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class FileSpec:
    """What a client says of a file: size in bytes, hashes in lower-case hex."""

    path: str
    size: int
    sha256: str | None = None
    md5: str | None = None
    mime_type: str = ""


@transaction.atomic
def add(actor: Actor, version: ArtifactVersion, statements: Sequence[FileSpec]) -> tuple[int, list[str]]:
    """State files of a draft by their sha256; answers how many were new, and which sha256 must be uploaded.

    The same path with the same contents again is fine, with others `PathTaken`; bytes of it that turned out to be
    corrupt are missing again. All or none.
    """
    version = lock_draft(actor, version)
    _check(statements)
    fresh, held = _apart(version, statements)
    hurt = [(statement, file) for statement, file in held if file.blob.state == Blob.State.CORRUPT]
    blobs = _claim_blobs(actor, version, [*fresh, *(statement for statement, _ in hurt)])
    ArtifactFile.objects.bulk_create(
        (_file(version, statement, blobs[statement.sha256, statement.size]) for statement in fresh),
        batch_size=_ROWS_AT_ONCE,
    )
    for statement, file in hurt:
        file.blob = blobs[statement.sha256, statement.size]
    ArtifactFile.objects.bulk_update([file for _, file in hurt], ["blob"], batch_size=500)
    count_files(version)
    known = (file.blob for _, file in held)
    waiting = {blob.sha256 for blob in [*blobs.values(), *known] if blob.state == Blob.State.EXPECTED}
    return len(fresh), sorted(waiting)


def register_upload(
    actor: Actor,
    version: ArtifactVersion,
    statement: FileSpec,
    storage_key: str,
    etags: Mapping[int, str] | None = None,
) -> ArtifactFile:
    """Register one file whose bytes were sent to the addresses of `uploads.begin_one`.

    `etags`, the store's ETag of each part by number, complete an upload in parts. Safe to repeat.
    """
    _check([statement])
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    place = StoredObject.objects.sent_alone().filter(version=version, key=storage_key).first()
    if place is None:
        raise errors.Invalid("No upload with this storage_key was started for this version.")
    if place.is_multipart and place.state == StoredObject.State.EXPECTED:
        _complete(place, etags or {})
    try:
        _bring_in(statement, place)
    except (errors.VersionIncomplete, errors.Missing):
        place.refresh_from_db()
        if _is_incoming(place):
            raise
        # The same call, made twice at once: the other one has brought it in meanwhile.
        _compare(statement, place)
    file = _register(actor, version, statement, place)
    if place.incoming_key:
        storage.delete_file(place.incoming_key)
    return file


@transaction.atomic
def remove(actor: Actor, file: ArtifactFile) -> None:
    """Take a file out of a draft."""
    version = lock_draft(actor, file.version)
    ArtifactFile.objects.filter(pk=file.pk).release()
    count_files(version)


def lock_draft(actor: Actor, version: ArtifactVersion) -> ArtifactVersion:
    """The version under a row lock, if the user may write it and it is still a draft."""
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    rows = ArtifactVersion.objects.select_for_update(no_key=True, of=("self",)).select_related("artifact__project")
    locked = rows.filter(pk=version.pk).first()
    if locked is None or locked.state == ArtifactVersion.State.DELETED:
        raise errors.VersionNotFound(f"Version {version.version} was deleted.")
    if locked.is_finalized:
        raise errors.VersionFinalized(f"Version {version.version} is finalized: its contents never change.")
    return locked


def count_files(version: ArtifactVersion) -> None:
    totals = version.files.aggregate(count=Count("pk"), size=Sum("size"))
    version.file_count, version.total_size = totals["count"], totals["size"] or 0
    version.save(update_fields=["file_count", "total_size", "touched_at"])


def _check(statements: Sequence[FileSpec]) -> None:
    if len(statements) > MAX_FILES_A_CALL:
        raise errors.Invalid(f"One call takes at most {MAX_FILES_A_CALL:,} files; this one has {len(statements):,}.")
    paths = set()
    for statement in statements:
        validators.check_path(statement.path)
        if statement.path in paths:
            raise errors.PathTaken(f"The path {statement.path!r} is listed twice.", paths=[statement.path])
        paths.add(statement.path)
    check_tree(paths)


def require_path_free(version: ArtifactVersion, path: str) -> None:
    """`PathTaken` if the draft has a file at this path, at a folder of it, or under it as a folder."""
    folders = [path[:index] for index, character in enumerate(path) if character == "/"]
    there = version.files.filter(path__in=[path, *folders]).values_list("path", flat=True).first()
    there = there or version.files.under(f"{path}/").values_list("path", flat=True).first()
    if there == path:
        raise errors.PathTaken(f"The draft already has a file at {path!r}.", paths=[path])
    if there:
        check_tree([there, path])


def check_tree(paths: Iterable[str]) -> None:
    """`PathTaken` if one path is a folder of another: no disk can hold both."""
    paths = set(paths)
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder:
            if folder in paths:
                raise errors.PathTaken(f"{folder!r} cannot be a file and the folder of {path!r}.", paths=[folder, path])
            folder = folder.rpartition("/")[0]


def _apart(
    version: ArtifactVersion, statements: Sequence[FileSpec]
) -> tuple[list[FileSpec], list[tuple[FileSpec, ArtifactFile]]]:
    """The statements that are new to the draft, and those that it has, each with its file."""
    paths = [statement.path for statement in statements]
    here = version.files.select_related("blob")
    files = {file.path: file for file in here.filter(path__in=paths)} if version.file_count else {}
    fresh, held = [], []
    for statement in statements:
        file = files.get(statement.path)
        if file is None:
            fresh.append(statement)
        elif file.blob is None or (file.blob.sha256, file.blob.size) != (statement.sha256, statement.size):
            raise errors.PathTaken(f"The draft holds other contents at {file.path!r}.", paths=[file.path])
        else:
            held.append((statement, file))
    return fresh, held


def _claim_blobs(
    actor: Actor, version: ArtifactVersion, statements: Sequence[FileSpec]
) -> dict[tuple[str | None, int], Blob]:
    """A blob for each sha256 and size: one that may be shared, one that the draft waits for already, or a new one."""
    project = version.artifact.project
    wanted = {(statement.sha256, statement.size): statement for statement in statements}
    hashes = {sha256 for sha256, _ in wanted}
    # The lock and the touch make a sweep that is about to remove these bytes let go.
    shareable = Blob.objects.shareable(project, actor.user).filter(sha256__in=hashes)
    waiting = Blob.objects.filter(state=Blob.State.EXPECTED, project=project, sha256__in=hashes, files__version=version)
    found = {(blob.sha256, blob.size): blob for blob in waiting}
    for blob in shareable.select_for_update(no_key=True).order_by("pk"):
        if (blob.sha256, blob.size) in wanted:
            better = found.get((blob.sha256, blob.size))
            if better is None or better.state != Blob.State.VERIFIED:
                found[blob.sha256, blob.size] = blob
    Blob.objects.filter(pk__in=[blob.pk for blob in found.values()]).update(claimed_at=timezone.now())
    fresh = {
        identity: Blob(
            project=project, size=statement.size, sha256=statement.sha256, md5=statement.md5, created_by=actor.user
        )
        for identity, statement in wanted.items()
        if identity not in found
    }
    Blob.objects.bulk_create(fresh.values(), batch_size=_ROWS_AT_ONCE)
    return found | fresh


def _complete(place: StoredObject, etags: Mapping[int, str]) -> None:
    if sorted(etags) != list(range(1, place.part_count + 1)):
        raise errors.Invalid(f"This upload has {place.part_count} parts: send the ETag of each.")
    # An upload that is not open any more was completed by an earlier try, or is found to be absent below.
    with suppress(errors.Missing):
        storage.complete_multipart(place.key, place.upload_id, dict(etags))


def _bring_in(statement: FileSpec, place: StoredObject) -> None:
    """Put the bytes where nobody can replace them, if they are what was stated."""
    info = _compare(statement, place)
    if _is_incoming(place):
        storage.copy_file(place.incoming_key, place.key, info.etag)


def _is_incoming(place: StoredObject) -> bool:
    """Whether the bytes still lie where its address leads, and not yet where nobody can replace them."""
    return bool(place.incoming_key) and place.state == StoredObject.State.EXPECTED


def _compare(statement: FileSpec, place: StoredObject) -> storage.ObjectInfo:
    """What was stated, at either time, against what the store holds."""
    if statement.sha256 and place.sha256 and statement.sha256 != place.sha256:
        raise errors.BytesMismatch(
            "This sha256 differs from the one that the upload was started with.", paths=[statement.path]
        )
    info = storage.get_file_info(place.incoming_key if _is_incoming(place) else place.key)
    if info is None:
        raise errors.VersionIncomplete(
            "The object store has no bytes for this storage_key yet.", paths=[statement.path]
        )
    if info.size != statement.size:
        sentence = f"The object store has {info.size} bytes for {statement.path!r}, not {statement.size}."
        raise errors.BytesMismatch(sentence, paths=[statement.path])
    if place.size != statement.size:
        sentence = f"The upload was started with {place.size} bytes, not {statement.size}."
        raise errors.BytesMismatch(sentence, paths=[statement.path])
    # The ETag of a single PUT is the md5 of what was sent, except on stores that encrypt: then it has another form.
    if statement.md5 and len(info.etag) == 32 and info.etag != statement.md5:
        raise errors.BytesMismatch(
            f"The bytes that the object store has for {statement.path!r} do not have this md5.", paths=[statement.path]
        )
    return info


@transaction.atomic
def _register(actor: Actor, version: ArtifactVersion, statement: FileSpec, place: StoredObject) -> ArtifactFile:
    version = lock_draft(actor, version)
    known = version.files.filter(path=statement.path, blob__object=place).select_related("blob__object").first()
    if known:
        return known
    place.state = StoredObject.State.UPLOADED
    place.save(update_fields=["state"])
    place.blobs.filter(state=Blob.State.EXPECTED).update(state=Blob.State.UPLOADED)
    blob = place.blobs.first() or Blob.objects.create(
        project=version.artifact.project,
        size=place.size,
        sha256=statement.sha256 or place.sha256,
        md5=statement.md5,
        object=place,
        state=Blob.State.UPLOADED,
        created_by=actor.user,
    )
    file = _file(version, statement, blob)
    taken = errors.PathTaken(f"The draft already has a file at {statement.path!r}.", paths=[statement.path])
    with errors.refuse(file_path_unique=taken):
        file.save(force_insert=True)
    count_files(version)
    tasks.hash_object.delay_on_commit(str(place.pk))
    return file


def _file(version: ArtifactVersion, statement: FileSpec, blob: Blob) -> ArtifactFile:
    return ArtifactFile(
        version=version,
        path=statement.path,
        name=statement.path.rpartition("/")[2],
        size=statement.size,
        mime_type=statement.mime_type or mimetypes.guess_type(statement.path)[0] or "application/octet-stream",
        blob=blob,
    )
