"""Records in the JSON of a server's API, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ulid import ULID

from wanllmdb.records.errors import InvalidData
from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.ids import new_ulid
from wanllmdb.records.repository import UNSET, Filters, NewPayload, NewRecord, PayloadInfo, RecordUpdate, StoredRecord

JsonObject = dict[str, Any]

# Long data that the server itself keeps in the object store. To whoever reads the record it is the record's data.
_WHOLE_DATA = "data"
_PAYLOAD_TEXTS = ("pointer", "kind", "content_type", "type", "module", "repr", "error", "signature")


def hierarchy(item: JsonObject) -> ArtifactHierarchy:
    labels = {int(level): label for level, label in item["level_labels"].items()}
    return ArtifactHierarchy(name=item["name"], level_labels=labels, enforce_levels=item["enforce_levels"])


def record(item: JsonObject) -> StoredRecord:
    id = ULID.from_str(item["id"])
    payloads = [_payload(id, payload) for payload in item["payloads"] if payload["kind"] != _WHOLE_DATA]
    return StoredRecord(
        id=id,
        parent_id=ULID.from_str(item["parent_id"]) if item["parent_id"] else None,
        level=item["level"],
        type=item["type"] or "",
        data=item["data"],
        tags=tuple(item["tags"]),
        created_at=_moment(item["created_at"]),
        updated_at=_moment(item["updated_at"]),
        payloads=tuple(sorted(payloads, key=lambda payload: payload.pointer)),
    )


def to_json(stored: StoredRecord, of: ArtifactHierarchy) -> JsonObject:
    """A record as a server shows it."""
    return {
        "id": str(stored.id),
        "parent_id": None if stored.parent_id is None else str(stored.parent_id),
        "level": stored.level,
        "level_label": of.label_for(stored.level),
        "type": stored.type,
        "data": stored.data,
        "tags": list(stored.tags),
        "payloads": [
            {"size": payload.size, "sha256": payload.sha256}
            | {name: getattr(payload, name) for name in ("id", *_PAYLOAD_TEXTS)}
            for payload in stored.payloads
        ],
        "created_at": _text(stored.created_at),
        "updated_at": _text(stored.updated_at),
    }


def creation(new: NewRecord, payload_ids: Sequence[str]) -> JsonObject:
    """The body that creates the record, with an ID of its own: by that a request that arrives twice is recognised."""
    body: JsonObject = {"id": str(new.id or new_ulid()), "data": new.data}
    if new.parent_id is not None:
        body["parent_id"] = str(new.parent_id)
    if new.type:
        body["type"] = new.type
    if new.tags:
        body["tags"] = list(new.tags)
    if payload_ids:
        body["payloads"] = _claims(new.payloads, payload_ids)
    return body


def change(update: RecordUpdate, payload_ids: Sequence[str]) -> JsonObject:
    """The body that changes what is given and leaves the rest."""
    body: JsonObject = {}
    if update.data is not UNSET:
        body |= {"data": update.data, "payloads": _claims(update.payloads, payload_ids)}
    if update.parent_id is not UNSET:
        body["parent_id"] = None if update.parent_id is None else str(update.parent_id)
    if update.type is not UNSET:
        body["type"] = update.type
    if update.tags is not UNSET:
        body["tags"] = list(update.tags)  # type: ignore[arg-type]  # not UNSET
    return body


def query(filters: Filters) -> dict[str, object]:
    """The query parameters of a list. Raises `InvalidData` for a value that no parameter can have."""
    found: dict[str, object] = {"level": filters.level, "type": filters.type, "tag": filters.tag}
    if filters.parent_id is not UNSET:
        found["parent_id"] = "null" if filters.parent_id is None else str(filters.parent_id)
    for path, value in filters.data.items():
        if isinstance(value, dict | list):
            raise InvalidData(f"Records are found by a text, a number, a boolean or null in data.{path}")
        found[f"data.{path}"] = value if isinstance(value, str) else json.dumps(value)
    return found


def _claims(payloads: Sequence[NewPayload], ids: Sequence[str]) -> list[JsonObject]:
    return [
        {"id": id, **{name: getattr(payload, name) for name in _PAYLOAD_TEXTS}}
        for id, payload in zip(ids, payloads, strict=True)
    ]


def _payload(record_id: ULID, item: JsonObject) -> PayloadInfo:
    texts = {name: item.get(name) or "" for name in _PAYLOAD_TEXTS}
    return PayloadInfo(id=item["id"], record_id=record_id, size=item["size"], sha256=item.get("sha256") or "", **texts)


def _moment(text: str) -> datetime:
    # Python 3.10 reads no Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
