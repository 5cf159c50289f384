"""A whole version as one zip that is made while it is sent, of bytes as they are, read from the store as they go out.

What stays in memory is a line of the zip's directory for each file, never the files.
"""

from collections.abc import Iterator

from django.db.models import Q
from zipstream import ZipStream

from accounts.actor import Actor
from artifacts import errors, storage
from artifacts.content import downloads
from artifacts.models import ArtifactFile, ArtifactVersion, Blob

_FILES_AT_ONCE = 1000


def stream(actor: Actor, version: ArtifactVersion) -> Iterator[bytes]:
    """The zip, in chunks of at most 1 MiB; counted as one download of the version.

    Refuses before the first byte where bytes are missing or corrupt. References have no bytes here and are left out.
    """
    lacking = Q(blob__state=Blob.State.EXPECTED) | Q(blob__state=Blob.State.CORRUPT)
    for file in version.files.filter(lacking).select_related("blob__object").order_by()[:1]:
        downloads.read_range(file, 0, 0)
    downloads.record_download(actor, version, None)
    return _zip(version)


def _zip(version: ArtifactVersion) -> Iterator[bytes]:
    archive = ZipStream()
    for files in contiguous_files(version):
        first, last = files[0].blob, files[-1].blob
        tape = _Tape(storage.download_file(first.object.key, first.offset, last.offset + last.size - first.offset))
        for file in files:
            archive.add(tape.take(file.size), file.path, size=file.size)
            yield from archive.file()
    yield from archive.footer()


def contiguous_files(version: ArtifactVersion) -> Iterator[list[ArtifactFile]]:
    """The files in the order of their paths; in one list up to a thousand that lie in one object one after another.

    The small files of a folder usually share a pack in this order, and are then one read instead of a thousand.
    """
    run: list[ArtifactFile] = []
    for file in _files(version):
        if run and (len(run) == _FILES_AT_ONCE or not _is_next(run[-1].blob, file.blob)):
            yield run
            run = []
        run.append(file)
    if run:
        yield run


def _is_next(last: Blob, blob: Blob) -> bool:
    return (last.object_id, last.offset + last.size) == (blob.object_id, blob.offset)


def _files(version: ArtifactVersion) -> Iterator[ArtifactFile]:
    """A short query at a time: a slow reader keeps no query open."""
    held = version.files.filter(blob__isnull=False).select_related("blob__object").order_by("path")
    page = list(held[:_FILES_AT_ONCE])
    while page:
        yield from page
        page = list(held.filter(path__gt=page[-1].path)[:_FILES_AT_ONCE])


class _Tape:
    """Bytes of one object that several files take, each its own, in turn."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = memoryview(b"")

    def take(self, size: int) -> Iterator[bytes]:
        while size:
            if not self._chunk:
                self._chunk = memoryview(next(self._chunks, b""))
            part = self._chunk[:size]
            if not part:
                # The connection breaks here, which tells the other side that the zip is not whole.
                raise errors.Missing("The object store has fewer bytes than were sent to it.")
            self._chunk = self._chunk[len(part) :]
            size -= len(part)
            yield bytes(part)
