"""A whole version as one zip that is made while it is sent: files uncompressed, read from the store as they go out.

What stays in memory is a line of the zip's directory for each file, never the files.
"""

from collections.abc import Iterator

from django.db.models import Q
from zipstream import ZipStream

from accounts.actor import Actor
from artifacts.content import downloads
from artifacts.content.object_reader import ObjectReader
from artifacts.models import ArtifactFile, ArtifactVersion, Blob

_BATCH_SIZE = 1000


def stream(actor: Actor, version: ArtifactVersion) -> Iterator[bytes]:
    """The zip, in chunks of at most 1 MiB; counted as one download of the version.

    Refuses before the first byte where bytes are missing or corrupt. References have no bytes here and are left out.
    """
    unreadable = Q(blob__state=Blob.State.EXPECTED) | Q(blob__state=Blob.State.CORRUPT)
    for file in version.files.filter(unreadable).select_related("blob__object").order_by()[:1]:
        downloads.require_readable(file)
    downloads.record_download(actor, version, None)
    return _zip(version)


def _zip(version: ArtifactVersion) -> Iterator[bytes]:
    archive = ZipStream()
    for files in contiguous_files(version):
        first, last = files[0].blob, files[-1].blob
        reader = ObjectReader(first.object.key, first.offset, last.offset + last.size)
        for file in files:
            # Where the object is too short the connection breaks, which tells the client that the zip is not complete.
            archive.add(map(bytes, reader.take(file.size)), file.path, size=file.size)
            yield from archive.file()
    yield from archive.footer()


def contiguous_files(version: ArtifactVersion) -> Iterator[list[ArtifactFile]]:
    """The files in the order of their paths; in one list up to a thousand that lie in one object one after another.

    The small files of a folder usually share a pack in this order, and are then one read instead of a thousand.
    """
    batch: list[ArtifactFile] = []
    for file in _iter_files(version):
        if batch and (len(batch) == _BATCH_SIZE or not _is_next(batch[-1].blob, file.blob)):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _is_next(last: Blob, blob: Blob) -> bool:
    return (last.object_id, last.offset + last.size) == (blob.object_id, blob.offset)


def _iter_files(version: ArtifactVersion) -> Iterator[ArtifactFile]:
    """A short query at a time: a slow client keeps no query open."""
    files = version.files.filter(blob__isnull=False).select_related("blob__object").order_by("path")
    page = list(files[:_BATCH_SIZE])
    while page:
        yield from page
        page = list(files.filter(path__gt=page[-1].path)[:_BATCH_SIZE])
