"""Archives: what retention is about to delete, as JSON Lines in the object store.

The first line is about the archive. A record's line comes before those of its children, and is followed by a line for
each of its payloads. Bytes of up to `MAX_INLINE` are in that line, in base64; more stay where they are in the object
store, the archive holds them, and the line names the hold.
"""

import base64
import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts import storage
from artifacts.content import deletions, held_bytes
from artifacts.models import Blob, BlobHold, StoredObject
from hierarchies.models import ArchivedPayload, Hierarchy, Record, RecordArchive, RecordPayload

FORMAT = "wanllmdb-records/1"
# As in exports; `imports` takes no more of one record than a thousand such.
MAX_INLINE = 64 * 2**10
# What is more is written to a file in the temporary directory.
_MAX_IN_MEMORY = 8 * 2**20


@dataclass(slots=True)
class ArchiveFile:
    """A file that is in the object store, and that no archive has yet: as long as none does, it is garbage."""

    archive_id: Any
    blob: Blob
    ids: frozenset[str]
    levels: Counter[int] = field(default_factory=Counter)
    payload_count: int = 0
    held: dict[Any, Blob] = field(default_factory=dict)


def write(hierarchy: Hierarchy, rows: Sequence[Record]) -> ArchiveFile:
    """Write these records, loaded with their payloads and blobs, to the object store. Raises `StoreUnavailable`."""
    archive_id = uuid7()
    written = ArchiveFile(archive_id, Blob(project=hierarchy.project), frozenset(row.pk for row in rows))
    with tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY) as file:
        hash, size = hashlib.sha256(), 0
        for line in _lines(hierarchy, rows, written):
            encoded = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            hash.update(encoded)
            size += len(encoded)
            file.write(encoded)
        file.seek(0)
        written.blob = _expect(hierarchy, f"archives/{archive_id}.jsonl", size, hash.hexdigest())
        _upload(written.blob, file)
    return written


def record(hierarchy: Hierarchy, file: ArchiveFile) -> RecordArchive:
    """Make an archive of the file, in the transaction that deletes what is in it."""
    object = file.blob.object
    StoredObject.objects.filter(pk=object.pk).update(state=StoredObject.State.UPLOADED)
    Blob.objects.filter(pk=file.blob.pk).update(state=Blob.State.VERIFIED, claimed_at=timezone.now())
    archive = RecordArchive.objects.create(
        id=file.archive_id,
        hierarchy=hierarchy,
        blob_hold=BlobHold.objects.create(blob=file.blob),
        record_count=len(file.ids),
        payload_count=file.payload_count,
        size=file.blob.size + sum(blob.size for blob in file.held.values()),
        levels={str(level): count for level, count in sorted(file.levels.items())},
    )
    for pk, blob in file.held.items():
        ArchivedPayload.objects.create(id=pk, archive=archive, blob_hold=BlobHold.objects.create(blob=blob))
    return archive


def require_access(actor: Actor, hierarchy: Hierarchy) -> None:
    """Raise `Denied` for who is no admin of the team: archives have what people were to see no more."""
    permissions.require(actor, hierarchy.project.team, Role.ADMIN)


def url(actor: Actor, archive: RecordArchive) -> str:
    """A signed URL of the archive's file; hold, blob and object must be loaded."""
    require_access(actor, archive.hierarchy)
    return storage.get_download_url(archive.key, f"{archive.hierarchy.name}-{archive.created_at:%Y%m%d-%H%M%S}.jsonl")


def delete(actor: Actor, archive: RecordArchive) -> None:
    """Delete the archive: what is in it cannot be restored any more. For admins of the team."""
    require_access(actor, archive.hierarchy)
    delete_all(RecordArchive.objects.filter(pk=archive.pk))


@transaction.atomic
def delete_all(archives: QuerySet[RecordArchive]) -> None:
    """Delete the archives: their bytes are garbage from then on."""
    own = list(archives.values_list("blob_hold", flat=True))
    held = list(ArchivedPayload.objects.filter(archive__in=archives).values_list("blob_hold", flat=True))
    archives.delete()
    held_bytes.release([*own, *held])


def owner(hierarchy: Hierarchy) -> str:
    """What the keys of its bytes begin with, within the project."""
    return f"hierarchies/{hierarchy.pk}"


def _lines(hierarchy: Hierarchy, rows: Sequence[Record], written: ArchiveFile) -> Iterator[dict[str, Any]]:
    yield {
        "kind": "archive",
        "format": FORMAT,
        "id": str(written.archive_id),
        "hierarchy": hierarchy.full_name,
        "level_labels": hierarchy.level_labels,
        "created_at": timezone.now().isoformat(),
    }
    for row in rows:
        written.levels[row.level] += 1
        yield _record_line(row)
        for payload in row.payloads.all():
            written.payload_count += 1
            yield _payload_line(payload, written)


def _record_line(row: Record) -> dict[str, Any]:
    """All of the row. Of data that is in the object store these are the small members, and a payload's line follows."""
    return {
        "kind": "record",
        "id": row.pk,
        "parent_id": row.parent_id,
        "level": row.level,
        "type": row.type,
        "data": row.data,
        "data_size": row.data_size,
        "tags": row.tags,
        "created_by": str(row.created_by_id) if row.created_by_id else None,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


def _payload_line(payload: RecordPayload, written: ArchiveFile) -> dict[str, Any]:
    names = ("pointer", "content_type", "size", "type", "module", "repr", "error", "signature")
    line = {"kind": "payload", "record_id": payload.record_id, "payload_kind": payload.kind}
    line |= {name: getattr(payload, name) for name in names} | {"sha256": payload.blob.sha256}
    if payload.size > MAX_INLINE:
        hold = uuid7()
        written.held[hold] = payload.blob
        return line | {"held": str(hold)}
    return line | {"base64": base64.b64encode(b"".join(held_bytes.read(payload.blob))).decode()}


@transaction.atomic
def _expect(hierarchy: Hierarchy, path: str, size: int, sha256: str) -> Blob:
    """Rows for bytes that are about to be sent. Where nothing holds them, garbage collection finds them by these."""
    key = f"{deletions.ROOT}{hierarchy.project_id}/{owner(hierarchy)}/{path}"
    object = StoredObject.objects.create(
        project=hierarchy.project, key=key, kind=StoredObject.Kind.FILE, size=size, sha256=sha256
    )
    return Blob.objects.create(project=hierarchy.project, object=object, size=size, sha256=sha256)


def _upload(blob: Blob, file: BinaryIO) -> None:
    assert blob.object is not None
    storage.upload_file(blob.object.key, file)
