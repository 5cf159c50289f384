"""One file, uploaded and registered by itself: the protocol for clients that do not know the hash beforehand.

`begin` reserves a storage key, the client sends the bytes to the signed URLs of `sign_put` or `sign_parts`, `register`
makes a file of the draft of them. What arrives under an incoming key is copied when it is registered.
"""

from collections.abc import Mapping
from contextlib import suppress

from django.db import transaction

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import draft_counts, draft_files, errors, storage, tasks, validators
from artifacts.content import incoming, uploads
from artifacts.draft_files import FileSpec
from artifacts.models import ArtifactFile, ArtifactVersion, Blob, StoredObject


def begin(
    actor: Actor,
    version: ArtifactVersion,
    spec: FileSpec,
    *,
    part_size: int | None = None,
    storage_key: str | None = None,
) -> StoredObject:
    """An object for one file of the draft, to be sent in one PUT or in parts.

    With `storage_key`, the object of an upload that was begun before and whose bytes have not arrived yet.
    """
    validators.check_path(spec.path)
    uploads.check_size(spec.size, part_size)
    can_bind = bool(spec.sha256 or storage_key) and part_size is None and storage.enforces_checksums()
    is_bound = can_bind and bool(spec.sha256)
    with transaction.atomic():
        version = draft_files.lock_draft(actor, version)
        draft_files.require_path_free(version, spec.path)
        version.save(update_fields=["touched_at"])
        if storage_key:
            return _get_open_upload(version, storage_key, spec.size, part_size, can_bind)
        return StoredObject.objects.create(
            project=version.artifact.project,
            version=version,
            key=uploads.unused_keys(version, [spec.path])[0],
            incoming_key="" if is_bound or part_size else incoming.new_key(version),
            kind=StoredObject.Kind.FILE,
            size=spec.size,
            sha256=spec.sha256,
            is_bound=is_bound,
            part_size=part_size,
        )


def sign_put(obj: StoredObject) -> storage.SignedPut:
    """The signed URL for an object of `begin` that is sent in one PUT."""
    return storage.get_upload_url(obj.incoming_key or obj.key, obj.size, obj.sha256)


def sign_parts(obj: StoredObject) -> tuple[uploads.Part, ...]:
    """The signed URLs for an object of `begin` that is sent in parts, each bound to its size alone."""
    return uploads.sign(obj).parts


def register(
    actor: Actor,
    version: ArtifactVersion,
    spec: FileSpec,
    storage_key: str,
    etags: Mapping[int, str] | None = None,
) -> ArtifactFile:
    """Make the bytes that were sent to the signed URLs of `storage_key` a file of the draft. Safe to repeat.

    `etags`, the store's ETag of each part by number, complete an upload in parts. Raises `VersionIncomplete` while the
    bytes have not arrived, `BytesMismatch` where they are not those of the spec.
    """
    draft_files.check_specs([spec])
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    obj = StoredObject.objects.single_uploads().filter(version=version).by_storage_key(storage_key).first()
    if obj is None:
        raise errors.Invalid("No upload with this storage_key was started for this version.")
    if obj.is_multipart and obj.state == StoredObject.State.EXPECTED:
        _complete(obj, etags or {})
    _take_in(spec, obj)
    return _create_file(actor, version, spec, obj)


def _get_open_upload(
    version: ArtifactVersion, storage_key: str, size: int, part_size: int | None, can_bind: bool
) -> StoredObject:
    rows = StoredObject.objects.single_uploads().filter(version=version).by_storage_key(storage_key)
    obj = rows.filter(size=size, part_size=part_size).first()
    if obj is None:
        raise errors.Invalid("No such upload with this storage_key was started for this version.")
    if obj.state == StoredObject.State.UPLOADED:
        raise errors.Conflict("The bytes of this upload have already arrived: register the file.")
    if obj.is_bound and not can_bind:
        raise errors.Conflict("This upload cannot be continued: begin it again, without the storage_key.")
    return obj


def _complete(obj: StoredObject, etags: Mapping[int, str]) -> None:
    if sorted(etags) != list(range(1, obj.part_count + 1)):
        raise errors.Invalid(f"This upload has {obj.part_count} parts: send the ETag of each.")
    # An upload that is not open any more was completed by an earlier try, or is found to be absent below.
    with suppress(errors.Missing):
        storage.complete_multipart(obj.key, obj.upload_id, dict(etags))


def _take_in(spec: FileSpec, obj: StoredObject) -> None:
    """Check the bytes, and have them where no signed URL leads."""
    try:
        info = _check_bytes(spec, obj)
    except errors.VersionIncomplete:
        # The same call, made twice at once: the other one has taken the bytes in meanwhile.
        obj.refresh_from_db()
        if obj.state == StoredObject.State.EXPECTED:
            raise
        info = _check_bytes(spec, obj)
    if obj.is_incoming:
        incoming.take_in([(obj, info)])
        obj.refresh_from_db()
        if obj.is_incoming:
            message = f"The bytes of {spec.path!r} were sent again at this moment: register the file again."
            raise errors.BytesMismatch(message, paths=[spec.path])


def _check_bytes(spec: FileSpec, obj: StoredObject) -> storage.ObjectInfo:
    """Compare the spec, what the upload was begun with, and what the store has."""
    if spec.sha256 and obj.sha256 and spec.sha256 != obj.sha256:
        raise errors.BytesMismatch(
            "This sha256 differs from the one that the upload was started with.", paths=[spec.path]
        )
    info = storage.get_file_info(obj.incoming_key if obj.is_incoming else obj.key)
    if info is None:
        raise errors.VersionIncomplete("The object store has no bytes for this storage_key yet.", paths=[spec.path])
    if info.size != spec.size:
        message = f"The object store has {info.size} bytes for {spec.path!r}, not {spec.size}."
        raise errors.BytesMismatch(message, paths=[spec.path])
    if obj.size != spec.size:
        message = f"The upload was started with {obj.size} bytes, not {spec.size}."
        raise errors.BytesMismatch(message, paths=[spec.path])
    # The ETag of a single PUT is the md5 of what was sent, except on stores that encrypt: then it has another form.
    if spec.md5 and len(info.etag) == 32 and info.etag != spec.md5:
        message = f"The bytes that the object store has for {spec.path!r} do not have this md5."
        raise errors.BytesMismatch(message, paths=[spec.path])
    return info


@transaction.atomic
def _create_file(actor: Actor, version: ArtifactVersion, spec: FileSpec, obj: StoredObject) -> ArtifactFile:
    version = draft_files.lock_draft(actor, version)
    existing = version.files.filter(path=spec.path, blob__object=obj).select_related("blob__object").first()
    if existing:
        return existing
    # By its key, for an upload in parts may have been begun again under another meanwhile.
    if not StoredObject.objects.filter(key=obj.key).update(state=StoredObject.State.UPLOADED):
        message = f"The upload of {spec.path!r} was begun again at this moment: send its parts, then register the file."
        raise errors.VersionIncomplete(message, paths=[spec.path])
    obj.blobs.filter(state=Blob.State.EXPECTED).update(state=Blob.State.UPLOADED)
    blob = obj.blobs.first() or Blob.objects.create(
        project=version.artifact.project,
        size=obj.size,
        sha256=spec.sha256 or obj.sha256,
        md5=spec.md5,
        object=obj,
        state=Blob.State.UPLOADED,
        created_by=actor.user,
    )
    file = spec.to_file(version, blob)
    taken = errors.PathTaken(f"The draft already has a file at {spec.path!r}.", paths=[spec.path])
    with errors.refuse(file_path_unique=taken):
        file.save(force_insert=True)
    draft_counts.add_to_counts(version, 1, file.size)
    tasks.hash_object.delay_on_commit(str(obj.pk))
    return file
