"""Uploads by md5: clients state the md5 of each file and not its size, and each signed URL is bound to it.

The row of an object is there before its first byte. Its blob comes once the bytes have arrived, when the size is known;
the sha256 is added by a worker. Bytes that the project has, or this user has sent, are not sent again.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import errors, mime_types, storage, validators
from artifacts.content import uploads
from artifacts.draft_files import lock_draft, require_draft
from artifacts.models import ArtifactVersion, Blob, StoredObject
from core import bulk_rows
from core.value_lists import Among

MAX_FILES_A_CALL = 10_000
# In the key of each object; the `wandb` client's own tools look for it.
FOLDER = "wandb_artifacts"
_BATCH_SIZE = 1_000
# Of a user's other drafts, so many are looked into for bytes that an interrupted program has sent.
_MAX_DRAFTS = 5
# URLs are signed after their expiry is recorded, and a PUT that begins before its URL expires ends after that.
_REPLACEABLE_FOR = storage.SIGNED_URL_LIFE + timedelta(minutes=15)
_MIME_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}", re.ASCII)


class PartRequest(NamedTuple):
    number: int
    md5: str


class FileRequest(NamedTuple):
    """A file that a client is about to send: md5 in lower-case hex; in parts where these are stated."""

    path: str
    md5: str
    mime_type: str = ""
    parts: tuple[PartRequest, ...] = ()


class SignedPart(NamedTuple):
    number: int
    put: storage.SignedPut


class Upload(NamedTuple):
    """Where to send a file; nothing to send where `put` is None and there are no parts.

    `storage_path` names the upload inside of its version; `version` is the one that brings the bytes, or brought them.
    """

    storage_path: str
    version: UUID
    put: storage.SignedPut | None = None
    upload_id: str = ""
    parts: tuple[SignedPart, ...] = ()


def begin(actor: Actor, version: ArtifactVersion, requests: Sequence[FileRequest]) -> list[Upload]:
    """Signed URLs for these files of a draft, in this order; those whose bytes are there need none. Safe to repeat.

    Of files with the same bytes the first has a URL.
    """
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    require_draft(version)
    _check(requests)
    hashes = {request.md5 for request in requests}
    _collect_own(actor, version, hashes)
    held, objects = _assign(actor, version, requests)
    result, seen = [], set()
    for request in requests:
        path = f"{FOLDER}/{request.path}"
        if request.md5 in held:
            result.append(Upload(path, held[request.md5] or version.pk))
        elif request.md5 in seen:
            result.append(Upload(path, version.pk))
        else:
            result.append(_sign(version, objects[request.md5], request))
        seen.add(request.md5)
    return result


def complete(actor: Actor, version: ArtifactVersion, storage_path: str, upload_id: str, etags: dict[int, str]) -> None:
    """Make one object of the parts that were sent, by the store's ETag of each. Safe to repeat.

    Raises `Missing` for an upload that was not begun here, `Conflict` for one that was begun anew since.
    """
    permissions.require(actor, version.artifact.project.team, Role.EDITOR)
    rows = StoredObject.objects.by_storage_key(f"{version.storage_path}/{storage_path}")
    obj = rows.filter(version=version, md5__isnull=False).first()
    if obj is None:
        raise errors.Missing(f"No upload of {storage_path!r} was begun for this version.")
    if obj.state == StoredObject.State.UPLOADED:
        return
    if obj.upload_id != upload_id:
        raise errors.Conflict(f"The upload of {storage_path!r} was begun anew since: send the file again.")
    # One that is not open any more was completed by an earlier try, or its bytes are found to be missing.
    with suppress(errors.Missing):
        storage.complete_multipart(obj.key, obj.upload_id, etags)


def collect(version: ArtifactVersion) -> None:
    """Ask the store which files of the version have arrived, and make blobs of them. Safe to repeat."""
    expected = set(_expected(version).values_list("key", flat=True))
    if not expected:
        return
    listed = storage.list_files(f"{version.storage_path}/")
    arrived = [(info.key, info.size) for info in listed if info.key in expected]
    for start in range(0, len(arrived), _BATCH_SIZE):
        _record(version, dict(arrived[start : start + _BATCH_SIZE]))


def usable(actor: Actor, version: ArtifactVersion, hashes: Collection[str]) -> QuerySet[Blob]:
    """The blobs of these md5 that a draft of this user may have: verified, the user's own, or the draft's own."""
    shareable = Blob.objects.shareable(version.artifact.project, actor.user)
    own = Blob.objects.filter(state=Blob.State.UPLOADED, object__version=version)
    return (shareable | own).filter(Among("md5", hashes))


def _check(requests: Sequence[FileRequest]) -> None:
    if len(requests) > MAX_FILES_A_CALL:
        raise errors.Invalid(f"One call takes at most {MAX_FILES_A_CALL:,} files; this one has {len(requests):,}.")
    for request in requests:
        validators.check_path(request.path)
        if not all(re.match(validators.MD5, md5) for md5 in (request.md5, *(part.md5 for part in request.parts))):
            raise errors.Invalid(f"The digest of {request.path!r} is no md5.")
        numbers = [part.number for part in request.parts]
        if numbers and sorted(numbers) != list(range(1, len(numbers) + 1)):
            raise errors.Invalid(f"The parts of {request.path!r} are not numbered from 1 on.")
        if len(numbers) > storage.MAX_PARTS:
            raise errors.Invalid(f"An upload has at most {storage.MAX_PARTS:,} parts: use larger ones.")


def _collect_own(actor: Actor, version: ArtifactVersion, hashes: Collection[str]) -> None:
    """Record what an interrupted program of this user has sent: then it is not sent again."""
    drafts = ArtifactVersion.objects.drafts().filter(artifact__project=version.artifact.project_id)
    waiting = StoredObject.objects.expected().filter(Among("md5", hashes), project=version.artifact.project_id)
    waiting = waiting.filter(Q(version=version) | Q(version__created_by=actor.user), manifest_uploads__isnull=True)
    pks = set(waiting.values_list("version", flat=True))
    for draft in drafts.filter(pk__in=pks).order_by("-id")[:_MAX_DRAFTS]:
        collect(draft)


def _expected(version: ArtifactVersion) -> QuerySet[StoredObject]:
    return version.objects_brought.expected().filter(md5__isnull=False, manifest_uploads__isnull=True)


@transaction.atomic
def _record(version: ArtifactVersion, sizes: dict[str, int]) -> None:
    # Two who look at the same time make one blob of each object.
    locked = ArtifactVersion.objects.select_for_update(no_key=True).get(pk=version.pk)
    if locked.state == ArtifactVersion.State.DELETED:
        return
    rows = list(_expected(version).filter(Among("key", sizes)).values_list("pk", "key", "md5"))
    arrived = ((pk, sizes[key]) for pk, key, _ in rows)
    bulk_rows.update(StoredObject, ["size"], arrived, state=StoredObject.State.UPLOADED)
    bulk_rows.insert(
        Blob,
        ["size", "md5", "object"],
        [(sizes[key], md5, pk) for pk, key, md5 in rows],
        project=version.artifact.project_id,
        created_by=version.created_by_id,
        state=Blob.State.UPLOADED,
    )


@transaction.atomic
def _assign(
    actor: Actor, version: ArtifactVersion, requests: Sequence[FileRequest]
) -> tuple[dict[str, UUID | None], dict[str, StoredObject]]:
    """By md5: which version brought the bytes that are there, and the objects of the others."""
    version = lock_draft(actor, version)
    version.save(update_fields=["touched_at"])
    hashes = {request.md5 for request in requests}
    # A verified one before others.
    rows = sorted(
        usable(actor, version, hashes).values_list("md5", "pk", "object__version", "state"),
        key=lambda row: row[3] == Blob.State.VERIFIED,
    )
    held = {md5: (pk, brought_by) for md5, pk, brought_by, _ in rows}
    Blob.objects.filter(Among("pk", [pk for pk, _ in held.values()])).touch()
    missing = {request.md5: request for request in reversed(requests) if request.md5 not in held}
    objects = {str(obj.md5): obj for obj in _expected(version).filter(Among("md5", missing))}
    again = [obj.pk for md5, obj in objects.items() if not missing[md5].parts]
    expires_at = timezone.now() + _REPLACEABLE_FOR
    StoredObject.objects.filter(Among("pk", again)).update(url_expires_at=expires_at)
    new = [request for request in missing.values() if request.md5 not in objects]
    keys = uploads.unused_keys(version, [f"{FOLDER}/{request.path}" for request in new])
    for request, key in zip(new, keys, strict=True):
        objects[request.md5] = StoredObject(
            project=version.artifact.project,
            version=version,
            key=key,
            kind=StoredObject.Kind.FILE,
            md5=request.md5,
            # What is in parts cannot be replaced once it is completed.
            url_expires_at=None if request.parts else expires_at,
        )
    columns = ["id", "key", "md5", "url_expires_at"]
    values = ([obj.pk, obj.key, obj.md5, obj.url_expires_at] for obj in (objects[one.md5] for one in new))
    bulk_rows.insert(
        StoredObject, columns, values, project=version.artifact.project_id, version=version.pk,
        kind=StoredObject.Kind.FILE,
    )  # fmt: skip
    return {md5: brought_by for md5, (_, brought_by) in held.items()}, objects


def _sign(version: ArtifactVersion, obj: StoredObject, request: FileRequest) -> Upload:
    if not request.parts:
        put = storage.get_upload_url_by_md5(obj.key, request.md5, _mime_type(request))
        return Upload(_storage_path(version, obj), version.pk, put)
    uploads.open_multipart(obj)
    parts = tuple(_sign_parts(obj, request.parts))
    return Upload(_storage_path(version, obj), version.pk, upload_id=obj.upload_id, parts=parts)


def _sign_parts(obj: StoredObject, parts: Iterable[PartRequest]) -> Iterable[SignedPart]:
    for part in parts:
        yield SignedPart(part.number, storage.get_part_url_by_md5(obj.key, obj.upload_id, part.number, part.md5))


def _storage_path(version: ArtifactVersion, obj: StoredObject) -> str:
    return (obj.reserved_key or obj.key).removeprefix(f"{version.storage_path}/")


def _mime_type(request: FileRequest) -> str:
    """As it is stated, if it has the form of one: it becomes a header."""
    return request.mime_type if _MIME_TYPE.fullmatch(request.mime_type) else mime_types.guess(request.path)
