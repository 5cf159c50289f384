"""The bytes of a record's data, as they are stored or, of a data frame, as CSV, JSON or Parquet."""

import json
import re
from typing import Any

from fastapi.exceptions import HTTPException
from starlette.responses import Response

from wanllmdb.records import parquet
from wanllmdb.records.errors import PayloadNotFound
from wanllmdb.records.repository import PayloadInfo, StoredRecord

FORMATS = {
    "csv": "text/csv",
    "json": "application/json",
    "parquet": parquet.CONTENT_TYPE,
}
_ENDINGS = {
    **{content_type: name for name, content_type in FORMATS.items()},
    "application/x-pickle": "pkl",
    "application/x-npy": "npy",
    "text/plain": "txt",
    "text/markdown": "md",
}


def pick(record: StoredRecord, pointer: str | None) -> PayloadInfo | None:
    """The payload at the pointer; without one that of `content`, the whole data's, or the only one.

    None: the record has none, and its JSON is what there is. Raises `PayloadNotFound` if it is not clear which.
    """
    by_pointer = {payload.pointer: payload for payload in record.payloads}
    if pointer is not None:
        if pointer in by_pointer:
            return by_pointer[pointer]
        if pointer == "":
            return None
        raise PayloadNotFound(f"Record {record.id} has no bytes at {pointer!r}", status=404)
    for usual in ("/content", ""):
        if usual in by_pointer:
            return by_pointer[usual]
    if len(by_pointer) > 1:
        raise PayloadNotFound(
            f"Record {record.id} has bytes at {', '.join(map(repr, by_pointer))}: name one with ?pointer=", status=404
        )
    return next(iter(by_pointer.values()), None)


def respond(
    record: StoredRecord, payload: PayloadInfo | None, content: bytes, format: str | None, accept: str
) -> Response:
    """A file with a name of the record's. A frame is converted to the `format`, or else to a type that is accepted."""
    if payload is None:
        pointer, content, content_type = "", json.dumps(record.data, ensure_ascii=False).encode(), FORMATS["json"]
    else:
        pointer, content_type = payload.pointer, payload.content_type
    if payload is not None and payload.kind == "frame":
        wanted = format or _accepted(accept)
        if wanted in ("csv", "json"):
            content, content_type = _convert(payload, content, wanted), FORMATS[wanted]
    elif format is not None and content_type != FORMATS[format]:
        raise HTTPException(406, f"This is {content_type}, which is not available as {format}")
    return _file(record, pointer, content, content_type)


def _convert(payload: PayloadInfo, content: bytes, format: str) -> bytes:
    """The frame as CSV, or as a JSON list of its rows. Raises `HTTPException` for one that is neither."""
    is_csv = format == "csv"
    try:
        if payload.module.startswith("polars"):
            frame = parquet.to_frame(content, "polars")
            text = frame.write_csv() if is_csv else frame.write_json()
        else:
            frame = parquet.to_frame(content)
            is_counted = type(frame.index).__name__ == "RangeIndex"
            # Rows as JSON have no place for an index: it becomes a column, as in CSV.
            frame = frame if is_counted else frame.reset_index()
            text = frame.to_csv(index=False) if is_csv else frame.to_json(orient="records", date_format="iso")
    except (ValueError, TypeError) as error:
        raise HTTPException(406, f"This frame cannot be written as {format}: {error}") from error
    return str(text).encode()


def _accepted(accept: str) -> str | None:
    types = [part.partition(";")[0].strip() for part in accept.split(",")]
    return next((name for name, content_type in FORMATS.items() if content_type in types), None)


def _file(record: StoredRecord, pointer: str, content: bytes, content_type: str) -> Response:
    part = re.sub(r"[^A-Za-z0-9_-]+", "-", pointer).strip("-")
    name = "-".join(filter(None, (str(record.id), part)))
    ending = _ENDINGS.get(content_type, "bin")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{ending}"',
        # What somebody stored is not to be run as a page of this service.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return Response(content, headers=headers, media_type=content_type)


def metadata_of(data: Any) -> dict[str, Any]:
    metadata = data.get("metadata") if isinstance(data, dict) else None
    return metadata if isinstance(metadata, dict) else {}
