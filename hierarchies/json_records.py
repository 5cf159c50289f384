"""Records as JSON: in responses, in exports and in archives.

Made by hand: a tree has thousands of them, and a serializer takes longer for each than the database for all.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from accounts.models import User
from hierarchies.models import Hierarchy, Record, RecordPayload

Body = dict[str, Any]
# Ids of one query: SQLite takes 32,766 values.
_IDS_A_QUERY = 20_000


def record_body(record: Record) -> Body:
    """One record, with its hierarchy loaded."""
    return record_bodies(record.hierarchy, [record])[0]


def record_bodies(hierarchy: Hierarchy, rows: Sequence[Record]) -> list[Body]:
    """Records of a hierarchy. Two queries, however many they are, up to 20,000."""
    payloads, names = _payloads_of(rows), _names_of(rows)
    return [_body(hierarchy, row, payloads[row.pk], names.get(row.created_by_id)) for row in rows]


def whole_json(record: Record, data: bytes) -> bytes:
    """A record with its whole data, which is JSON already: to read what is long would take many times its bytes."""
    body = {name: value for name, value in record_body(record).items() if name not in ("data", "omitted")}
    return json.dumps(body, ensure_ascii=False).encode()[:-1] + b',"data":' + data + b"}"


def tree_body(hierarchy: Hierarchy, rows: Sequence[Record]) -> Body:
    """A record and what is below it, each in the `children` of its parent; the first of the rows is the root."""
    root, *others = bodies = record_bodies(hierarchy, rows)
    by_id = {body["id"]: body for body in bodies}
    for body in bodies:
        body["children"] = []
    for body in others:
        by_id[body["parent_id"]]["children"].append(body)
    return root


def expanded_body(hierarchy: Hierarchy, ancestors: Sequence[Record], rows: Sequence[Record]) -> Body:
    """The same with what is above it, from the root to its parent."""
    return tree_body(hierarchy, rows) | {"ancestors": record_bodies(hierarchy, ancestors)}


def payload_body(payload: RecordPayload) -> Body:
    return {
        "id": str(payload.pk),
        "pointer": payload.pointer,
        "content_type": payload.content_type,
        "size": payload.size,
        "kind": payload.kind,
        "type": payload.type,
        "module": payload.module,
        "repr": payload.repr,
        "error": payload.error,
        "signature": payload.signature,
        "sha256": payload.blob.sha256,
    }


def _body(hierarchy: Hierarchy, record: Record, payloads: Iterable[RecordPayload], creator: str | None) -> Body:
    body = {
        "id": record.pk,
        "parent_id": record.parent_id,
        "level": record.level,
        "level_label": hierarchy.level_labels.get(str(record.level)) or f"level_{record.level}",
        "type": record.type,
        "data": record.data,
        "tags": record.tags,
        "payloads": [payload_body(payload) for payload in payloads],
        "created_by": creator,
        "created_at": _moment(record.created_at),
        "updated_at": _moment(record.updated_at),
    }
    if getattr(record, "omitted", None) or record.has_stored_data:
        body["omitted"] = ["data"]
    return body


def _payloads_of(rows: Sequence[Record]) -> dict[str, list[RecordPayload]]:
    """By record. What is stored of data that is too long for its row is no payload of its own."""
    found: dict[str, list[RecordPayload]] = defaultdict(list)
    for start in range(0, len(rows), _IDS_A_QUERY):
        ids = [row.pk for row in rows[start : start + _IDS_A_QUERY]]
        payloads = RecordPayload.objects.filter(record__in=ids).exclude(kind=RecordPayload.Kind.DATA)
        for payload in payloads.select_related("blob_hold__blob").order_by("record", "pointer"):
            found[payload.record_id].append(payload)
    return found


def _names_of(rows: Sequence[Record]) -> dict[Any, str]:
    """The names of who made them, by id: few people make many."""
    ids = {row.created_by_id for row in rows} - {None}
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "username")) if ids else {}


def _moment(value: datetime) -> str:
    """All times are in UTC."""
    return value.isoformat().replace("+00:00", "Z")
