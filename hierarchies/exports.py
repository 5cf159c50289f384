"""Records as JSON Lines, parents first: what `imports` takes.

A record is a line of `kind` `record`, with all of its data. A line of `kind` `payload` follows for each of its
payloads: `base64` has bytes of up to `MAX_INLINE`, `url` is a signed URL of more.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from hierarchies import errors, payloads, ulids
from hierarchies.json_records import payload_body, record_bodies
from hierarchies.models import Hierarchy, Record, RecordPayload

MAX_INLINE = 64 * 2**10
_BATCH_SIZE = 200


def lines(hierarchy: Hierarchy, after: str | None = None) -> Iterator[bytes]:
    """Each record and payload as a line, in the order of levels and ids.

    With `after`, the id of a record that came with all of its payloads, it goes on behind that one. What changes
    meanwhile is there as it was before or after. Raises `RecordNotFound` for an `after` that is gone, at once.
    """
    rows = hierarchy.records.order_by("level", "id")
    if after is not None:
        pk = ulids.parse(after)
        level = hierarchy.records.filter(pk=pk).values_list("level", flat=True).first()
        if level is None:
            raise errors.RecordNotFound(f"Record {pk} not found: it was deleted, or is of another hierarchy.")
        rows = rows.filter(_behind(level, pk))
    return _lines(hierarchy, rows)


def _lines(hierarchy: Hierarchy, rows: Any) -> Iterator[bytes]:
    page = list(rows[:_BATCH_SIZE])
    while page:
        own: dict[str, list[RecordPayload]] = {row.pk: [] for row in page}
        found = RecordPayload.objects.filter(record__in=own).select_related("blob_hold__blob__object")
        for payload in found.order_by("pointer"):
            own[payload.record_id].append(payload)
        for row, body in zip(page, record_bodies(hierarchy, page), strict=True):
            yield _line(_record(row, body, own[row.pk]))
            for payload in own[row.pk]:
                if payload.kind != RecordPayload.Kind.DATA:
                    yield _line(_payload(row, payload))
        page = list(rows.filter(_behind(page[-1].level, page[-1].pk))[:_BATCH_SIZE])


def _record(row: Record, body: dict[str, Any], own: list[RecordPayload]) -> dict[str, Any]:
    for payload in own:
        if payload.kind == RecordPayload.Kind.DATA:
            body["data"] = json.loads(payloads.read(payload))
    body.pop("omitted", None)
    return {"kind": "record", **body, "payloads": len(body["payloads"])}


def _payload(row: Record, payload: RecordPayload) -> dict[str, Any]:
    body = payload_body(payload)
    line = {"kind": "payload", "record_id": row.pk, "payload_kind": body.pop("kind"), **body}
    url = None
    if payload.size > MAX_INLINE:
        url = payloads.download_url(payload, f"{row.pk}.bin")
    # Bytes in a pack have no URL of their own; a pack has small files only.
    return line | ({"url": url} if url else {"base64": base64.b64encode(payloads.read(payload)).decode()})


def _behind(level: int, pk: str) -> Q:
    return Q(level=level, pk__gt=pk) | Q(level__gt=level)


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
