"""Where the bytes of a payload are downloaded: from the API of its hierarchy, and a frame in several formats."""

from typing import NamedTuple
from urllib.parse import urlencode

from hierarchies.models import RecordPayload
from web.hierarchies.snippets import hierarchy_url

_FRAME_FORMATS = (("", "Parquet"), ("csv", "CSV"), ("json", "JSON"))


class Download(NamedTuple):
    label: str
    url: str


def of(payload: RecordPayload) -> list[Download]:
    """The payload as it is stored first; its record must have its hierarchy."""
    is_parquet = payload.kind == RecordPayload.Kind.FRAME and "parquet" in payload.content_type
    formats = _FRAME_FORMATS if is_parquet else (("", "Download"),)
    return [Download(label, _url(payload, format)) for format, label in formats]


def _url(payload: RecordPayload, format: str) -> str:
    record = payload.record
    fields = {"pointer": payload.pointer} | ({"format": format} if format else {})
    return f"{hierarchy_url(record.hierarchy, '')}/api/v1/artifacts/{record.pk}/$download?{urlencode(fields)}"
