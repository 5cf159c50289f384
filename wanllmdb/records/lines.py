"""Records as JSON Lines: what an export has, and an import reads, here and on a server.

The first line may be about the hierarchy. Each record has a line with all of its data, followed by one for each of its
payloads, with the bytes in base64. Records can be in any order, a parent after its children too.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from wanllmdb.records.errors import ImportRefused
from wanllmdb.records.hierarchy import ArtifactHierarchy
from wanllmdb.records.ids import new_ulid
from wanllmdb.records.repository import NewPayload, NewRecord, PayloadInfo, StoredRecord
from wanllmdb.records.schemas import to_ulid

FORMAT = "wanllmdb-records/1"
MEDIA_TYPE = "application/x-ndjson"
_TEXTS = ("pointer", "content_type", "type", "module", "repr", "error", "signature")
_DATA = "data"
_KINDS = ("object", "frame", "bytes", _DATA)


def hierarchy_line(hierarchy: ArtifactHierarchy) -> bytes:
    return to_line({"kind": "hierarchy", "format": FORMAT, **hierarchy.model_dump(mode="json")})


def record_line(record: StoredRecord) -> bytes:
    return to_line(
        {
            "kind": "record",
            "id": str(record.id),
            "parent_id": None if record.parent_id is None else str(record.parent_id),
            "level": record.level,
            "type": record.type,
            "data": record.data,
            "tags": list(record.tags),
            "created_at": _text(record.created_at),
            "updated_at": _text(record.updated_at),
        }
    )


def payload_line(payload: PayloadInfo, content: bytes) -> bytes:
    line = {"kind": "payload", "record_id": str(payload.record_id), "payload_kind": payload.kind}
    line |= {name: getattr(payload, name) for name in _TEXTS}
    encoded = base64.b64encode(content).decode()
    return to_line({**line, "size": payload.size, "sha256": payload.sha256, "base64": encoded})


def read(lines: Iterable[bytes]) -> Iterator[tuple[int, ArtifactHierarchy | NewRecord]]:
    """What an export has: a hierarchy, and records with their payloads; each with the number of its line, from 1.

    Raises `ImportRefused` for the first line that is wrong.
    """
    current: tuple[int, NewRecord] | None = None
    payloads: list[NewPayload] = []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        line = parse(number, text)
        kind = line.get("kind", "record")
        if kind == "payload":
            if current is None or line.get("record_id") != str(current[1].id):
                raise refused(number, "this payload does not follow the record that it belongs to")
            payloads.append(_payload(number, line))
            continue
        if current is not None:
            yield _with_payloads(current, payloads)
            current, payloads = None, []
        if kind == "record":
            current = number, _record(number, line)
        elif kind == "hierarchy":
            yield number, _hierarchy(number, line)
        elif kind != "archive":
            raise refused(number, f"its kind is {kind!r}, and not 'hierarchy', 'record' or 'payload'")
    if current is not None:
        yield _with_payloads(current, payloads)


def is_record(line: bytes) -> bool:
    """Whether it is a line of a record, rather than an empty one or one about something else."""
    return bool(line.strip()) and parse(0, line).get("kind", "record") == "record"


def refused(number: int, reason: object) -> ImportRefused:
    """The error for a line. Nothing was imported."""
    return ImportRefused(f"Line {number}: {reason}. Nothing was imported", status=400, problem={"line": number})


def to_line(value: Mapping[str, Any]) -> bytes:
    """Compact JSON with its line break."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def parse(number: int, text: bytes) -> dict[str, Any]:
    """The JSON object that the line is. Raises `ImportRefused`."""
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused(number, f"it is not valid JSON ({error})") from error
    if not isinstance(line, dict):
        raise refused(number, "it is not a JSON object")
    return line


def _hierarchy(number: int, line: dict[str, Any]) -> ArtifactHierarchy:
    if line.get("format") != FORMAT:
        raise refused(number, f"the format is {line.get('format')!r}, and this version reads {FORMAT!r}")
    try:
        return ArtifactHierarchy(**{name: line[name] for name in ("name", "level_labels", "enforce_levels")})
    except (KeyError, ValueError) as error:
        raise refused(number, "it does not describe a hierarchy, with name, level_labels and enforce_levels") from error


def _record(number: int, line: dict[str, Any]) -> NewRecord:
    if line.get("data") is None:
        raise refused(number, "the record has no data")
    try:
        tags = line.get("tags") or []
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise ValueError("tags must be a list of texts")
        if not isinstance(line.get("type") or "", str):
            raise ValueError("type must be a text")
        return NewRecord(
            id=to_ulid(line["id"]) if line.get("id") else new_ulid(),
            parent_id=None if line.get("parent_id") is None else to_ulid(line["parent_id"]),
            data=line["data"],
            type=line.get("type") or "",
            tags=tags,
            created_at=_moment(line.get("created_at")),
            updated_at=_moment(line.get("updated_at")),
        )
    except ValueError as error:
        raise refused(number, error) from error


def _payload(number: int, line: dict[str, Any]) -> NewPayload:
    texts = {name: line.get(name) or "" for name in _TEXTS}
    if line.get("payload_kind") not in _KINDS or not all(isinstance(text, str) for text in texts.values()):
        raise refused(number, f"a payload has texts, and is one of the kinds {', '.join(_KINDS)}")
    if "base64" not in line:
        raise refused(number, "the bytes of the payload are elsewhere: `wanllmdb records export` has them in the file")
    try:
        content = base64.b64decode(line["base64"], validate=True)
    except (TypeError, binascii.Error) as error:
        raise refused(number, "the bytes of the payload are not base64") from error
    return NewPayload(kind=line["payload_kind"], content=content, **texts)


def _with_payloads(found: tuple[int, NewRecord], payloads: list[NewPayload]) -> tuple[int, NewRecord]:
    """Of an archive, long data is a payload of its own."""
    number, record = found
    own = [payload for payload in payloads if payload.kind != _DATA]
    fields = {**vars(record), "payloads": tuple(own)}
    for payload in payloads:
        if payload.kind == _DATA:
            fields["data"] = json.loads(payload.content)
    return number, NewRecord(**fields)


def _moment(text: object) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError(f"{text!r} is outside of the calendar in UTC") from error


def _text(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
