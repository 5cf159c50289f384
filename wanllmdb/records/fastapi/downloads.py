"""Files of a service: the bytes of a record's data, and all records as JSON Lines."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from ulid import ULID

from wanllmdb.records import downloads, exports, frame_files, lines
from wanllmdb.records.exports import LocalOrRemote
from wanllmdb.records.manager import ArtifactManager
from wanllmdb.records.repository import StoredRecord

# An import is one transaction, which has all of it in memory.
MAX_IMPORT_BYTES = 64 * 2**20


class ImportTooLarge(Exception):
    """The body of an import has more than `MAX_IMPORT_BYTES`."""


async def download(
    manager: ArtifactManager, record: StoredRecord, pointer: str | None, format: str | None, accept: str
) -> Response:
    """The value at the pointer as a file; a data frame in the `format`, or else in the first type that is accepted."""
    if format is None and any(payload.kind == "frame" for payload in record.payloads):
        types = [part.partition(";")[0].strip() for part in accept.split(",")]
        names = {content_type: name for name, content_type in frame_files.FORMATS.items()}
        format = next((names[content_type] for content_type in types if content_type in names), None)
    found = await downloads.fetch(manager.repository, record, pointer, format)
    headers = {
        "Content-Disposition": f'attachment; filename="{found.file_name.encode("ascii", "replace").decode()}"',
        # What somebody stored is not to be run as a page of this service.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
    }
    return Response(found.content, headers=headers, media_type=found.content_type)


def export(manager: ArtifactManager, after: ULID | None) -> Response:
    """All records, or those that follow `after`, as JSON Lines with their bytes in base64."""
    found: AsyncIterator[bytes] = exports.export(_repository(manager), manager.rules, after)
    return StreamingResponse(found, media_type=lines.MEDIA_TYPE)


async def import_lines(manager: ArtifactManager, request: Request) -> int:
    """Create the records of an export: all of them, or none. Raises `ImportTooLarge`."""
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MAX_IMPORT_BYTES:
            raise ImportTooLarge
    return await exports.import_lines(_repository(manager), bytes(body).splitlines(keepends=True))


def metadata_of(data: Any) -> dict[str, Any]:
    metadata = data.get("metadata") if isinstance(data, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _repository(manager: ArtifactManager) -> LocalOrRemote:
    if not isinstance(manager.repository, LocalOrRemote):
        raise TypeError(f"{type(manager.repository).__name__} has no export")
    return manager.repository
