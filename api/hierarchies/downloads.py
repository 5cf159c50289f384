"""What `$download` answers: a payload of a record as its bytes are, a value of its data as JSON, a frame as a table."""

import json
import mimetypes
import re
from functools import partial
from typing import Any, NamedTuple, TypeVar

from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.utils.http import content_disposition_header
from rest_framework.request import Request

from api.hierarchies import json_frames
from api.hierarchies.json_frames import CSV, JSON, PARQUET
from artifacts import storage
from artifacts.content import downloads
from artifacts.previews import sandbox
from artifacts.previews.reader import Reader
from artifacts.previews.results import FormatMismatch, PreviewTooLarge
from hierarchies import errors, json_pointers, payloads
from hierarchies.models import Record, RecordPayload

_FORMATS = {"csv": CSV, "json": JSON, "parquet": PARQUET}
_EXTENSIONS = {
    CSV: ".csv", JSON: ".json", PARQUET: ".parquet", "application/x-pickle": ".pkl", "application/octet-stream": ".bin",
}  # fmt: skip
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(;\s*[\w-]+=[\w.+-]+)*", re.ASCII)
# Where the content of typed data is, which is downloaded where nothing else is asked for.
_CONTENT = "/content"


Response = TypeVar("Response", bound=HttpResponseBase)


class _File(NamedTuple):
    content: bytes
    media_type: str


def response(request: Request, record: Record, query: dict[str, Any], person: str) -> HttpResponseBase:
    """The response to what is asked of the record. Raises `PayloadNotFound`, `Invalid`, `TooLarge`, `Busy`."""
    stored = list(record.payloads.select_related("blob_hold__blob__object"))
    payload = _payload(record, stored, query)
    wanted = _wanted(request, query)
    if payload is not None:
        return _of_payload(request, record, payload, wanted, person)
    data = payloads.read_data(record)
    pointer = query["pointer"] if "pointer" in query else _default_pointer(data)
    value = _value_at(record, data, pointer)
    beside = data.get("content_type") if isinstance(data, dict) and pointer == _CONTENT else None
    return _attachment(record, pointer, _of_value(value, wanted, beside, query))


def _payload(record: Record, stored: list[RecordPayload], query: dict[str, Any]) -> RecordPayload | None:
    """The payload that is asked for; None where it is a value of the data."""
    visible = [payload for payload in stored if payload.kind != RecordPayload.Kind.DATA]
    if "payload" in query:
        found = next((payload for payload in visible if payload.pk == query["payload"]), None)
        if found is None:
            raise errors.PayloadNotFound(f"Record {record.pk} has no payload {query['payload']}.")
        return found
    if "pointer" in query:
        return next((payload for payload in visible if payload.pointer == query["pointer"]), None)
    if found := next((payload for payload in visible if payload.pointer == _CONTENT), None):
        return found
    return visible[0] if len(visible) == 1 else None


def _wanted(request: Request, query: dict[str, Any]) -> str | None:
    """The type that is asked for, for a frame; None for as it is."""
    if name := query.get("format"):
        return _FORMATS[name]
    for accepted in request._request.accepted_types:
        name = f"{accepted.main_type}/{accepted.sub_type}"
        if name == "*/*" or name in _FORMATS.values():
            return None if name == "*/*" else name
    return None


def _of_payload(
    request: Request, record: Record, payload: RecordPayload, wanted: str | None, person: str
) -> HttpResponseBase:
    if payload.kind == RecordPayload.Kind.FRAME and wanted in (CSV, JSON):
        return _attachment(record, payload.pointer, _File(_as_text(payload, wanted, person), wanted))
    if payload.kind != RecordPayload.Kind.FRAME and "format" in request.query_params:
        raise _no_frame()
    media_type = _media_type(payload.content_type)
    name = _file_name(record, payload.pointer, media_type)
    if payload.size > storage.CHUNK:
        if url := payloads.download_url(payload, name):
            return HttpResponseRedirect(url)
        chunks = downloads.stream(person, payloads.open(payload))
        return _headed(StreamingHttpResponse(chunks, content_type=media_type), name, payload.size)
    content = b"" if request.method == "HEAD" else payloads.read(payload)
    return _headed(HttpResponse(content, content_type=media_type), name, payload.size)


def _as_text(payload: RecordPayload, media_type: str, person: str) -> bytes:
    format = "csv" if media_type == CSV else "json"
    reader = Reader(payload.size, partial(payloads.read_range, payload))
    try:
        return sandbox.frame(reader, format, person).encode()
    except FormatMismatch as error:
        raise errors.InvalidData(f"The frame cannot be converted: {error}") from error
    except PreviewTooLarge as error:
        raise errors.TooLarge(f"{error}: download the frame as it is, with format=parquet.") from error


def _of_value(value: Any, wanted: str | None, beside: Any, query: dict[str, Any]) -> _File:
    """`beside` is the type that the data itself says its content is of."""
    beside = beside if isinstance(beside, str) and _MEDIA_TYPE.fullmatch(beside) else None
    if json_frames.is_frame(value):
        wanted = wanted or (beside if beside in _FORMATS.values() else None)
        if wanted:
            return _File(json_frames.convert(value, wanted), wanted)
    elif query.get("format") in ("csv", "parquet"):
        raise _no_frame()
    if isinstance(value, str) and not query.get("format"):
        return _File(value.encode(), beside or "text/plain; charset=utf-8")
    return _File(json.dumps(value, ensure_ascii=False).encode(), JSON)


def _value_at(record: Record, data: Any, pointer: str) -> Any:
    value = json_pointers.find(data, pointer)
    # Null may be a value of the data, too; that is not worth a download either.
    if value is None:
        raise errors.PayloadNotFound(f"Record {record.pk} has nothing at {pointer[:100]!r}.")
    return value


def _default_pointer(data: Any) -> str:
    return _CONTENT if isinstance(data, dict) and "content" in data else ""


def _attachment(record: Record, pointer: str, file: _File) -> HttpResponse:
    name = _file_name(record, pointer, file.media_type)
    return _headed(HttpResponse(file.content, content_type=file.media_type), name, len(file.content))


def _headed(response: Response, name: str, size: int) -> Response:
    """As a file: whatever the bytes are, no browser shows them as a page of ours."""
    response["Content-Length"] = size
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Cache-Control"] = "private, no-store"
    response["Vary"] = "Accept, Authorization, Cookie"
    return response


def _file_name(record: Record, pointer: str, media_type: str) -> str:
    """By the record and where in its data it is: `01ARZ3NDEKTSV4RRFFQ69G5FAV-content.csv`."""
    words = re.findall(r"[A-Za-z0-9_]+", pointer)[:8]
    plain = media_type.partition(";")[0].strip().lower()
    extension = _EXTENSIONS.get(plain) or mimetypes.guess_extension(plain) or ".bin"
    return "-".join([record.pk, *words])[:100] + extension


def _media_type(text: str) -> str:
    return text if _MEDIA_TYPE.fullmatch(text) else "application/octet-stream"


def _no_frame() -> errors.Invalid:
    return errors.Invalid("This is no data frame: leave `format` out.")
