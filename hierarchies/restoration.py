"""How the records of an archive come back, with their ids, times, tags and payloads."""

import base64
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from artifacts import storage
from artifacts.content import held_bytes
from artifacts.models import Blob, BlobHold
from hierarchies import archives, errors, record_data, records
from hierarchies.models import Hierarchy, Record, RecordArchive, RecordPayload
from hierarchies.record_specs import Draft

# Bytes of payloads that are sent to the object store together.
_MAX_TOGETHER = 8 * 2**20
_PAYLOAD_COLUMNS = ("pointer", "content_type", "size", "type", "module", "repr", "error", "signature")


class Restored(NamedTuple):
    """How many records came back, and how many are there already."""

    restored: int
    skipped: int


@dataclass(slots=True)
class _Line:
    """A record's line, and the lines of its payloads, each with the id of the blob that has its bytes."""

    record: dict[str, Any]
    payloads: list[tuple[dict[str, Any], UUID]] = field(default_factory=list)
    # Of data that is too long for the row.
    whole: bytes | None = None


def restore(actor: Actor, archive: RecordArchive) -> Restored:
    """Put the records of an archive, loaded with its hold, blob and object, back under the parents that they had.

    Those whose ids are there already stay as they are, so to restore twice does no harm. All others come back, or
    none: raises `Conflict` where a parent is not there, `LevelRefused`. For admins of the team.
    """
    archives.require_access(actor, archive.hierarchy)
    hierarchy = archive.hierarchy
    lines = _read(hierarchy, actor, archive)
    with transaction.atomic():
        hierarchy = records.lock(hierarchy)
        present = set(hierarchy.records.filter(pk__in=lines.keys()).values_list("pk", flat=True))
        missing = {pk: line for pk, line in lines.items() if pk not in present}
        _require_parents(hierarchy, missing)
        drafts = [_draft(line) for line in missing.values()]
        records.insert(actor, hierarchy, drafts, is_strict=False)
        _put_back(missing)
        _attach(actor, hierarchy, missing.values())
        RecordArchive.objects.filter(pk=archive.pk).update(restored_at=timezone.now())
    return Restored(len(missing), len(present))


def _read(hierarchy: Hierarchy, actor: Actor, archive: RecordArchive) -> dict[str, _Line]:
    """By the ids of the records. Bytes that are in the file are sent to the object store on the way."""
    held = dict(archive.payloads.values_list("pk", "blob_hold__blob"))
    found: dict[str, _Line] = {}
    waiting: list[tuple[dict[str, Any], bytes]] = []
    size = 0
    for line in _lines(archive):
        if line["kind"] == "record":
            found[line["id"]] = _Line(line)
        elif line["kind"] == "payload" and "held" in line:
            blob = held[UUID(line["held"])]
            found[line["record_id"]].payloads.append((line, blob))
            if line["payload_kind"] == RecordPayload.Kind.DATA:
                found[line["record_id"]].whole = b"".join(held_bytes.read(_load(blob)))
        elif line["kind"] == "payload":
            body = base64.b64decode(line.pop("base64"))
            if line["payload_kind"] == RecordPayload.Kind.DATA:
                found[line["record_id"]].whole = body
            waiting.append((line, body))
            size += len(body)
            if size > _MAX_TOGETHER:
                _send(hierarchy, actor, found, waiting)
                size = 0
    _send(hierarchy, actor, found, waiting)
    return found


def _lines(archive: RecordArchive) -> Iterator[dict[str, Any]]:
    rest = b""
    for chunk in storage.download_file(archive.key):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from map(json.loads, whole)
    if rest:
        yield json.loads(rest)


def _send(
    hierarchy: Hierarchy, actor: Actor, found: dict[str, _Line], waiting: list[tuple[dict[str, Any], bytes]]
) -> None:
    ids = held_bytes.store(hierarchy.project, actor.user, archives.owner(hierarchy), [body for _, body in waiting])
    for (line, _), blob in zip(waiting, ids, strict=True):
        found[line["record_id"]].payloads.append((line, blob))
    waiting.clear()


def _load(blob: UUID) -> Blob:
    return Blob.objects.select_related("object").get(pk=blob)


def _require_parents(hierarchy: Hierarchy, lines: dict[str, _Line]) -> None:
    parents = {parent for line in lines.values() if (parent := line.record["parent_id"])} - lines.keys()
    present = set(hierarchy.records.filter(pk__in=parents).values_list("pk", flat=True))
    if gone := sorted(parents - present):
        raise errors.Conflict(
            f"Record {gone[0]}, the parent of some of these, is not there any more: restore the archive that has it "
            "first, which is a later one.",
            parents=gone[:5],
        )


def _draft(line: _Line) -> Draft:
    row = line.record
    data = row["data"] if line.whole is None else json.loads(line.whole)
    prepared = record_data.prepare(data, row["type"])
    return Draft(row["id"], row["parent_id"], prepared, row["tags"], {}, has_own_id=True)


def _put_back(lines: dict[str, _Line]) -> None:
    """When they were made and changed, and by whom if that user is there."""
    creators = {line.record["created_by"] for line in lines.values()} - {None}
    users = {str(pk) for pk in User.objects.filter(pk__in=creators).values_list("pk", flat=True)}
    rows = []
    for pk, line in lines.items():
        made_by = line.record["created_by"]
        times = {name: datetime.fromisoformat(line.record[name]) for name in ("created_at", "updated_at")}
        rows.append(Record(pk=pk, created_by_id=made_by if made_by in users else None, **times))
    Record.objects.bulk_update(rows, ["created_by", "created_at", "updated_at"], batch_size=200)


def _attach(actor: Actor, hierarchy: Hierarchy, lines: Iterable[_Line]) -> None:
    payloads = [pair for line in lines for pair in line.payloads]
    blobs = held_bytes.hold(hierarchy.project, actor.user, {blob for _, blob in payloads})
    holds, rows = [], []
    for line, pk in payloads:
        if pk not in blobs:
            raise errors.PayloadNotFound(f"The bytes of {line['record_id']}{line['pointer']} are not verified yet.")
        holds.append(BlobHold(blob=blobs[pk]))
        columns = {name: line[name] for name in _PAYLOAD_COLUMNS}
        rows.append(
            RecordPayload(record_id=line["record_id"], kind=line["payload_kind"], blob_hold=holds[-1], **columns)
        )
    BlobHold.objects.bulk_create(holds)
    RecordPayload.objects.bulk_create(rows)
