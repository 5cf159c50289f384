"""How often the server asks the object store for something, and what people get of it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from artifacts import store_connection
from artifacts.content import downloads
from artifacts.models import ArtifactVersion


def counted_reads() -> AbstractContextManager[list[int]]:
    """Has an entry for each object, or range of one, that the store is asked for."""
    return counted_requests("GetObject")


@contextmanager
def counted_requests(operation: str) -> Iterator[list[int]]:
    """Has an entry for each request of this operation of S3."""
    requests: list[int] = []
    events = store_connection.client().meta.events
    events.register(f"before-send.s3.{operation}", lambda **_: requests.append(1), "count-requests")
    try:
        yield requests
    finally:
        events.unregister(f"before-send.s3.{operation}", unique_id="count-requests")


def contents_of(version: ArtifactVersion) -> dict[str, bytes]:
    """The bytes of all files of the version, by path, as people get them."""
    files = version.files.select_related("blob__object")
    return {file.path: b"".join(downloads.content(file)) for file in files}
