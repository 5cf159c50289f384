"""What of a record becomes a file, and how the file is called."""

from __future__ import annotations

import json
import mimetypes
import re
from dataclasses import dataclass, field
from typing import Any

from wanllmdb.records import frame_files
from wanllmdb.records.errors import PayloadNotFound
from wanllmdb.records.repository import PayloadInfo, Repository, StoredRecord
from wanllmdb.sdk.errors import Invalid

_CONTENT = "/content"
# Of the types that records have most, which `mimetypes` does not know on every machine.
_SUFFIXES = {
    "application/json": ".json",
    "application/octet-stream": ".bin",
    "application/vnd.apache.parquet": ".parquet",
    "application/x-npy": ".npy",
    "application/x-pickle": ".pkl",
    "text/csv": ".csv",
    "text/plain": ".txt",
}


@dataclass(frozen=True)
class Download:
    """A file in memory."""

    file_name: str
    """Of one component, safe in any directory."""
    content_type: str
    content: bytes = field(repr=False)


async def fetch(repository: Repository, record: StoredRecord, pointer: str | None, format: str | None) -> Download:
    """The value at the JSON pointer: bytes as they are stored, a data frame in the format, a text as text, else JSON.

    Without a pointer, the only payload of the record, else its `content`, else all of its data. A frame is CSV by
    default. Raises `PayloadNotFound` if nothing is there, `Invalid` for a format of what is no frame.
    """
    pointer = _default_pointer(record) if pointer is None else pointer
    payload = next((payload for payload in record.payloads if payload.pointer == pointer), None)
    if payload is None:
        if format not in (None, "json"):
            raise Invalid(f"There is no data frame at {pointer or 'the root'!r} of record {record.id}")
        return _of_json(record, pointer)
    (content,) = await repository.read_payloads([payload])
    if payload.kind != "frame":
        if format is not None:
            raise Invalid(f"At {pointer or 'the root'!r} of record {record.id} is no data frame, but {_kind(payload)}")
        content_type = _content_type_of(record, payload)
        return Download(_file_name(record, pointer, content_type), content_type, content)
    format = format or "csv"
    content_type = frame_files.FORMATS[format]
    return Download(_file_name(record, pointer, content_type), content_type, frame_files.convert(content, format))


def _default_pointer(record: StoredRecord) -> str:
    pointers = [payload.pointer for payload in record.payloads]
    if len(pointers) == 1:
        return pointers[0]
    has_content = isinstance(record.data, dict) and "content" in record.data
    return _CONTENT if has_content else ""


def _of_json(record: StoredRecord, pointer: str) -> Download:
    value = _resolve(record, pointer)
    if isinstance(value, str) and pointer:
        return Download(_file_name(record, pointer, "text/plain"), "text/plain", value.encode())
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return Download(_file_name(record, pointer, "application/json"), "application/json", text.encode())


def _resolve(record: StoredRecord, pointer: str) -> Any:
    if pointer and not pointer.startswith("/"):
        raise Invalid(f"{pointer!r} is no JSON pointer: it starts with /, as /content does")
    value = record.data
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and re.fullmatch(r"0|[1-9]\d*", key) and int(key) < len(value):
            value = value[int(key)]
        else:
            raise PayloadNotFound(f"Record {record.id} has nothing at {pointer!r}", status=404)
    return value


def _content_type_of(record: StoredRecord, payload: PayloadInfo) -> str:
    """What typed data says of its content; bytes by themselves say nothing."""
    stated = record.data.get("content_type") if isinstance(record.data, dict) else None
    is_content = payload.pointer == _CONTENT and payload.kind == "bytes"
    return stated if is_content and isinstance(stated, str) else payload.content_type


def _file_name(record: StoredRecord, pointer: str, content_type: str) -> str:
    """The name that the data gives its content, else one of the record's ID.

    Somebody else may have written it, so it has no path, and does not begin with a dot.
    """
    suffix = _SUFFIXES.get(content_type) or mimetypes.guess_extension(content_type) or ".bin"
    named = record.data.get("name") if isinstance(record.data, dict) else None
    if pointer == _CONTENT and isinstance(named, str):
        name = re.sub(r"[^\w. -]", "_", named).strip(". ")[-100:]
        # What came as a CSV file may be saved in another format.
        stem = name.rpartition(".")[0] if name.endswith((".csv", ".json", ".parquet")) else name
        if stem:
            return stem + suffix if content_type in frame_files.FORMATS.values() else name
    place = re.sub(r"\W+", "-", pointer).strip("-")
    return "-".join(filter(None, (str(record.id), place))) + suffix


def _kind(payload: PayloadInfo) -> str:
    return {"bytes": "bytes", "object": "an object"}.get(payload.kind, payload.kind)
