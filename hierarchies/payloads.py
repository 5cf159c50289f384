"""The bytes of records: uploads that clients begin, data that the server stores, and how both are read.

Nothing here unpickles anything.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from accounts.actor import Actor
from artifacts import storage, tasks
from artifacts.content import held_bytes
from artifacts.models import Blob, BlobHold
from artifacts.validators import SHA256
from core import straight_deletes
from hierarchies import access, errors, json_pointers, record_specs
from hierarchies.models import Hierarchy, Operation, Record, RecordPayload
from hierarchies.models.payload import MAX_REPR_LENGTH
from hierarchies.record_specs import Draft, PayloadSpec

MAX_UPLOADS_A_CALL = 1_000
JSON_TYPE = "application/json"
_BATCH_SIZE = 2_000


class UploadSpec(NamedTuple):
    """Bytes that a client is about to send; sha256 in lower-case hex."""

    sha256: str
    size: int


def begin_uploads(actor: Actor, hierarchy: Hierarchy, specs: Sequence[UploadSpec]) -> list[held_bytes.Upload]:
    """A signed URL for each of these, in this order; `put` is None for what the store has already.

    The ids are for `PayloadSpec`. What is in no record after `ORPHAN_GRACE` is deleted.
    """
    access.require(actor, hierarchy, Operation.CREATE if hierarchy.is_on(Operation.CREATE) else Operation.UPDATE)
    if len(specs) > MAX_UPLOADS_A_CALL:
        raise errors.Invalid(f"At most {MAX_UPLOADS_A_CALL:,} uploads are begun in one call.")
    for spec in specs:
        if not re.match(SHA256, spec.sha256) or not 0 <= spec.size <= storage.MAX_PUT:
            raise errors.Invalid("An upload has the sha256 of its bytes in lower-case hex, and at most 5 GiB.")
    contents = [held_bytes.Bytes(spec.sha256, spec.size) for spec in specs]
    return held_bytes.begin(hierarchy.project, access.person(actor), _owner(hierarchy), contents)


def gather(actor: Actor, hierarchy: Hierarchy, drafts: Sequence[Draft]) -> None:
    """Have in the store what these drafts need: ask for what was uploaded, and store long data. Before a transaction.

    Raises `UploadIncomplete`, `BytesMismatch`.
    """
    person = access.person(actor)
    held_bytes.collect(hierarchy.project, person, {pk for draft in drafts for pk, _ in draft.payloads})
    long = [draft for draft in drafts if draft.prepared.json]
    if long:
        ids = store(actor, hierarchy, [draft.prepared.json for draft in long])
        for draft, pk in zip(long, ids, strict=True):
            draft.data_blob = pk


def store(actor: Actor, hierarchy: Hierarchy, bodies: Sequence[bytes]) -> list[UUID]:
    """Put these bytes into the store, for records that are about to be saved; the ids are those of uploads."""
    return held_bytes.store(hierarchy.project, access.person(actor), _owner(hierarchy), bodies) if bodies else []


def attach(actor: Actor, hierarchy: Hierarchy, drafts: Sequence[Draft]) -> None:
    """Give the records of these drafts their payloads, in the transaction that saves them.

    Raises `PayloadNotFound` for an id that is none of the actor's uploads.
    """
    uploads = [(draft.id, upload) for draft in drafts for upload in _uploads_of(draft)]
    if not uploads:
        return
    blobs = held_bytes.hold(hierarchy.project, access.person(actor), {upload.id for _, upload in uploads})
    holds, rows = [], []
    for record_id, (pk, spec) in uploads:
        if pk not in blobs:
            raise errors.PayloadNotFound(f"There is no upload {pk} of yours: begin it again.")
        holds.append(BlobHold(blob=blobs[pk]))
        rows.append(_new_payload(record_id, spec, holds[-1]))
    BlobHold.objects.bulk_create(holds, batch_size=_BATCH_SIZE)
    RecordPayload.objects.bulk_create(rows, batch_size=_BATCH_SIZE)
    for object_id in {blob.object_id for blob in blobs.values() if blob.state == Blob.State.UPLOADED}:
        tasks.hash_object.delay_on_commit(str(object_id))


def replace(actor: Actor, record: Record, draft: Draft, kept: Iterable[UUID]) -> None:
    """Let the record have the payloads of the draft, and those of its own that are kept, which may have moved."""
    kept = set(kept)
    rows = {row.pk: row for row in record.payloads.all()}
    for pk in kept:
        if pk not in rows:
            raise errors.PayloadNotFound(f"Record {record.pk} has no payload {pk} any more.")
    release(record.payloads.exclude(pk__in=kept))
    own = {pk: spec for pk, spec in draft.payloads if pk in rows}
    draft.payloads = [upload for upload in draft.payloads if upload.id not in rows]
    elsewhere = [rows[pk] for pk, spec in own.items() if rows[pk].pointer != spec.pointer]
    # Out of the way first: two that swap their places would meet.
    for row in elsewhere:
        RecordPayload.objects.filter(pk=row.pk).update(pointer=f"/{row.pk}")
    for row in elsewhere:
        RecordPayload.objects.filter(pk=row.pk).update(pointer=own[row.pk].pointer)
    attach(actor, record.hierarchy, [draft])


def release(payloads: QuerySet[RecordPayload]) -> None:
    """Delete these payloads. Workers delete the bytes that nothing else needs."""
    rows = payloads.order_by("pk")
    while batch := list(rows.values_list("pk", "blob_hold")[:_BATCH_SIZE]):
        straight_deletes.delete(RecordPayload.objects.filter(pk__in=[pk for pk, _ in batch]))
        held_bytes.release(hold for _, hold in batch)


def find(record: Record, pointer: str = "") -> RecordPayload:
    """The payload of the record at that pointer. Raises `PayloadNotFound`."""
    json_pointers.parse(pointer)
    row = record.payloads.select_related("blob_hold__blob__object").filter(pointer=pointer).first()
    if row is None:
        raise errors.PayloadNotFound(f"Record {record.pk} has no payload at {pointer!r}.")
    return row


def open(payload: RecordPayload) -> Iterator[bytes]:
    """The bytes of a payload, in chunks of at most 1 MiB. Raises `UploadIncomplete`, `BytesMismatch`."""
    return held_bytes.read(payload.blob)


def read(payload: RecordPayload) -> bytes:
    """All bytes of a payload."""
    return b"".join(open(payload))


def read_range(payload: RecordPayload, offset: int, length: int) -> bytes:
    """At most `length` bytes of a payload from `offset` on."""
    return held_bytes.read_range(payload.blob, offset, length)


def download_url(payload: RecordPayload, file_name: str) -> str | None:
    """A signed URL of the store that reads the payload; None for bytes that only this server can pass on."""
    return held_bytes.download_url(payload.blob, file_name)


def read_data(record: Record) -> Any:
    """The whole data of the record, from its row or from the store."""
    return json.loads(read_json(record)) if record.has_stored_data else record.data


def read_json(record: Record) -> bytes:
    """The same as JSON, which takes no more memory than its bytes where it is in the store."""
    return read(find(record)) if record.has_stored_data else json.dumps(record.data, ensure_ascii=False).encode()


def kept_payloads(record: Record, data: Any) -> list[UUID]:
    """Those of the record that the new data still has a placeholder for, at the same place."""
    rows = record.payloads.exclude(kind=RecordPayload.Kind.DATA)
    return [row.pk for row in rows if record_specs.is_placeholder(json_pointers.find(data, row.pointer))]


def moved(payload: RecordPayload, pointer: str) -> PayloadSpec:
    """A payload that a record has, at this place of its data."""
    row = payload
    values = (row.content_type, row.kind, row.type, row.module, row.repr, row.error, row.signature)
    return PayloadSpec(str(row.pk), pointer, *values)


def _uploads_of(draft: Draft) -> list[record_specs.Upload]:
    if draft.data_blob is None:
        return draft.payloads
    data = PayloadSpec("", "", JSON_TYPE, RecordPayload.Kind.DATA)
    return [*draft.payloads, record_specs.Upload(draft.data_blob, data)]


def _new_payload(record_id: str, spec: PayloadSpec, hold: BlobHold) -> RecordPayload:
    return RecordPayload(
        record_id=record_id,
        pointer=spec.pointer,
        content_type=spec.content_type,
        size=hold.blob.size,
        kind=spec.kind,
        type=spec.type,
        module=spec.module,
        repr=spec.repr[:MAX_REPR_LENGTH],
        error=spec.error[:500],
        signature=spec.signature,
        blob_hold=hold,
    )


def _owner(hierarchy: Hierarchy) -> str:
    return f"hierarchies/{hierarchy.pk}"
