"""The files of runs, each with a signed URL."""

import base64
from datetime import datetime
from typing import Any

from graphql import GraphQLResolveInfo

from projects.models import Run
from tracking import files
from tracking.models import RunFile
from wandb_api import cursors, ids
from wandb_api.resolvers import Resolvers

run = Resolvers("Run")

# To list files may take calls of the object store for those that are on their way.
_READS = 10

KIND = "RunFile"


class RunFileNode:
    """A file of a run, as the wire's `File` has it; with the URL for its bytes where these are about to be sent."""

    upload_multipart_urls = storage_path = artifact = None

    def __init__(self, file: RunFile, upload_url: str | None = None) -> None:
        self._file = file
        self.upload_url = upload_url
        self.upload_headers: list[str] | None = None if upload_url is None else []

    @property
    def id(self) -> str:
        return ids.encode(KIND, self._file.pk)

    @property
    def name(self) -> str:
        return self._file.name

    display_name = name

    @property
    def direct_url(self) -> str | None:
        return files.download_url(self._file) if self._file.object_id else None

    url = direct_url

    @property
    def size_bytes(self) -> int:
        return self._file.size

    @property
    def mimetype(self) -> str:
        return self._file.mime_type

    @property
    def updated_at(self) -> datetime:
        return self._file.updated_at

    @property
    def md5(self) -> str | None:
        """In base64, as everywhere on this wire."""
        return base64.b64encode(bytes.fromhex(self._file.md5)).decode() if self._file.md5 else None

    digest = md5


@run
def file_count(row: Run, info: GraphQLResolveInfo) -> int:
    return files.count(row)


@run(name="files")
def files_(
    row: Run,
    info: GraphQLResolveInfo,
    names: list[str | None] | None = None,
    first: int | None = None,
    after: str | None = None,
    pattern: str | None = None,
) -> dict[str, Any]:
    """Those of these names, or that match a pattern of SQL's LIKE; all of them for an empty list of names."""
    info.context.count_reads(_READS)
    found = files.listed(row, [name for name in names if name] if names else None, pattern)
    page = cursors.offset_page(info.context, found, first, after, total_count=found.count(), upload_headers=[])
    for edge in page["edges"]:
        edge["node"] = RunFileNode(edge["node"])
    return page
