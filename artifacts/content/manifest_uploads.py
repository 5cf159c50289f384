"""The manifests that clients send to the store before they commit a draft, and how they are read back."""

import hashlib
import re
from collections.abc import Iterator

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.actor import Actor
from artifacts import draft_files, errors, storage, validators
from artifacts.content import deletions
from artifacts.models import ArtifactVersion, ManifestUpload, StoredObject

# Some million files.
MAX_SIZE = 512 * 2**20
MAX_MANIFESTS = 1_000
_MIME_TYPE = "application/json"


@transaction.atomic
def begin(
    actor: Actor, version: ArtifactVersion, kind: str, *, md5: str = "", base: ArtifactVersion | None = None
) -> ManifestUpload:
    """A new manifest of the draft, to be sent to `sign` once its md5 (hex) is stated."""
    version = draft_files.lock_draft(actor, version)
    if version.manifest_uploads.count() >= MAX_MANIFESTS:
        raise errors.Conflict(f"A draft has at most {MAX_MANIFESTS:,} manifests.")
    # Of several writers, and on a base, the digest of the whole is known by nobody but the server.
    version.wire_digest = version.wire_digest if kind == ManifestUpload.Kind.FULL else None
    version.save(update_fields=["wire_digest", "touched_at"])
    manifest = ManifestUpload.objects.create(version=version, kind=kind, base=base)
    return _state_md5(manifest, md5) if md5 else manifest


@transaction.atomic
def state_md5(
    actor: Actor, manifest: ManifestUpload, md5: str, *, base: ArtifactVersion | None = None
) -> ManifestUpload:
    """Say the md5 (hex) of the manifest's bytes, and its base, where they were not known when it was begun."""
    version = draft_files.lock_draft(actor, manifest.version)
    version.save(update_fields=["touched_at"])
    if base is not None:
        manifest.base = base
        manifest.save(update_fields=["base"])
    return _state_md5(manifest, md5)


def sign(manifest: ManifestUpload) -> storage.SignedPut | None:
    """Where to send the manifest; None before its md5 is stated."""
    obj = manifest.object
    return None if obj is None else storage.get_upload_url_by_md5(obj.key, str(obj.md5), _MIME_TYPE)


def stated(version: ArtifactVersion) -> list[ManifestUpload]:
    """The manifests that say together which files the draft has: the newest that has all, or all the others."""
    rows = list(version.manifest_uploads.filter(object__isnull=False).select_related("object", "base__artifact"))
    full = [row for row in rows if row.kind == ManifestUpload.Kind.FULL]
    return full[-1:] or rows


def read(manifest: ManifestUpload) -> Iterator[bytes]:
    """The bytes of the manifest, in chunks. Raises `VersionIncomplete`, and `BytesMismatch` at their end."""
    obj = manifest.object
    if obj is None:
        raise errors.VersionIncomplete("The manifest of this draft has not been uploaded yet.")
    found, size = hashlib.md5(usedforsecurity=False), 0
    try:
        for chunk in storage.download_file(obj.key):
            found.update(chunk)
            size += len(chunk)
            if size > MAX_SIZE:
                raise errors.TooLarge(f"The manifest has more than {MAX_SIZE // 2**20} MiB.")
            yield chunk
    except errors.Missing as error:
        raise errors.VersionIncomplete("The manifest of this draft has not been uploaded yet.") from error
    if found.hexdigest() != obj.md5:
        raise errors.BytesMismatch("The bytes of the manifest are not those that were announced.")


def _state_md5(manifest: ManifestUpload, md5: str) -> ManifestUpload:
    if not re.match(validators.MD5, md5):
        raise errors.Invalid("The digest of the manifest is no md5.")
    version, obj = manifest.version, manifest.object
    if obj is not None and obj.md5 == md5:
        return manifest
    manifest.object = StoredObject.objects.create(
        project_id=version.artifact.project_id,
        version=version,
        key=f"{version.storage_path}/.wandb/{uuid7()}.json",
        kind=StoredObject.Kind.FILE,
        md5=md5,
        url_expires_at=timezone.now() + storage.SIGNED_URL_LIFE,
    )
    manifest.save(update_fields=["object"])
    deletions.delete_objects([obj] if obj else [])
    return manifest
