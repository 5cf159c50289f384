"""Files of a version as one zip that is made while it is sent: uncompressed, read from the store as they go out.

What stays in memory is a line of the zip's directory for each file, never the files. References have no bytes here: a
text file in the zip lists where they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from zipfile import ZIP_FILECOUNT_LIMIT, sizeEndCentDir64, sizeEndCentDir64Locator

from django.db.models import Q, QuerySet
from zipstream import ZipStream

from accounts.actor import Actor
from artifacts import errors
from artifacts.content import downloads
from artifacts.content.object_reader import ObjectReader
from artifacts.models import ArtifactFile, ArtifactVersion, Blob
from artifacts.references import uris

# Files and folders that may be chosen for one zip.
MAX_SELECTED = 1_000
_BATCH_SIZE = 1000
_LIST_HEAD = "These files are references: their bytes are not in this zip, but at the URI beside each path.\n\n"

# Files of a version in the order of their paths, one query after another.
_Queries = list[QuerySet[ArtifactFile]]
# What is read from one object, one file after another.
_Part = tuple[ObjectReader, list[ArtifactFile]]


@dataclass(frozen=True, slots=True)
class Zip:
    """`chunks` are `size` bytes, or they end with an error: a client that is told the size notices that some lack."""

    size: int
    chunks: Iterator[bytes]


def stream(actor: Actor, version: ArtifactVersion, person: str, selected: Sequence[str] = ()) -> Zip:
    """The zip, in chunks of at most 1 MiB, to be sent to this person; counted as one download of the version.

    Of all files, or of the `selected` paths, where one with a slash at the end stands for all files of that folder.
    Refuses before the first byte where there is no slot, where bytes are missing or corrupt, and where the store does
    not give the first of them; `Missing` where nothing is at these paths.
    """
    queries = _queries(version, selected)
    if selected and not any(query.exists() for query in queries):
        raise errors.Missing(f"{version.title} has none of the selected files.")
    downloads.require_slot(person)
    unreadable = Q(blob__state=Blob.State.EXPECTED) | Q(blob__state=Blob.State.CORRUPT)
    for query in queries:
        for file in query.filter(unreadable).select_related("blob__object").order_by()[:1]:
            downloads.require_readable(file)
    references = _reference_list(version, queries)
    size = _size(queries, references)
    parts = _begin(_parts(queries))
    downloads.record_download(actor, version, None)
    return Zip(size, downloads.stream(person, _limit(_zip(parts, references), size)))


def _queries(version: ArtifactVersion, selected: Sequence[str]) -> _Queries:
    """All files, or those at these paths and below these folders, each once."""
    if len(selected) > MAX_SELECTED:
        raise errors.Invalid(f"Select at most {MAX_SELECTED:,} files and folders, or download all.")
    if not selected:
        return [version.files.all()]
    queries: _Queries = []
    paths: list[str] = []
    folder = ""
    for path in sorted(set(selected)):
        if folder and path.startswith(folder):
            continue
        if not path.endswith("/"):
            paths.append(path)
            continue
        folder = path
        queries += [version.files.filter(path__in=paths)] * bool(paths) + [version.files.under(folder)]
        paths = []
    return [*queries, version.files.filter(path__in=paths)] if paths else queries


@dataclass(frozen=True, slots=True)
class _ReferenceList:
    """A text file that says where the references among these files are."""

    name: str
    size: int
    queries: _Queries

    def chunks(self) -> Iterator[bytes]:
        return _lines(self.queries)


def _reference_list(version: ArtifactVersion, queries: _Queries) -> _ReferenceList | None:
    """None where there are no references."""
    references = [query.filter(blob__isnull=True) for query in queries] if version.reference_count else []
    if not any(query.exists() for query in references):
        return None
    name, number = "REFERENCES.txt", 1
    while version.files.filter(path=name).exists() or version.files.under(f"{name}/").exists():
        number += 1
        name = f"REFERENCES-{number}.txt"
    return _ReferenceList(name, sum(map(len, _lines(references))), references)


def _lines(references: _Queries) -> Iterator[bytes]:
    yield _LIST_HEAD.encode()
    for page in _pages(references):
        lines = (f"{file.path}\t{uris.without_secrets(file.reference_uri or '')}\n" for file in page)
        yield "".join(lines).encode()


def _size(queries: _Queries, references: _ReferenceList | None) -> int:
    """How many bytes the zip will have, since nothing in it is compressed."""
    archive, count = ZipStream(sized=True), 0
    for path, size in _sizes(queries, references):
        archive.add(iter([b""]), path, size=size)
        # Takes it out of the queue again, which would grow with the files.
        next(archive.file())
        count += 1
    # With exactly so many files it writes the long form of the directory's end, and counts the short one.
    is_long_already = count == ZIP_FILECOUNT_LIMIT
    return len(archive) + (sizeEndCentDir64 + sizeEndCentDir64Locator if is_long_already else 0)


def _sizes(queries: _Queries, references: _ReferenceList | None) -> Iterator[tuple[str, int]]:
    for query in queries:
        files = query.filter(blob__isnull=False).order_by("path")
        yield from files.values_list("path", "blob__size").iterator(_BATCH_SIZE)
    if references:
        yield references.name, references.size


def _parts(queries: _Queries) -> Iterator[_Part]:
    for files in contiguous_files(queries):
        first, last = files[0].blob, files[-1].blob
        yield ObjectReader(first.object.key, first.offset, last.offset + last.size), files


def _begin(parts: Iterator[_Part]) -> Iterator[_Part]:
    """The same parts, once the first bytes of all have been read."""
    begun = []
    for part in parts:
        begun.append(part)
        if part[0].begin():
            break
    return chain(begun, parts)


def _zip(parts: Iterator[_Part], references: _ReferenceList | None) -> Iterator[bytes]:
    archive = ZipStream()
    for reader, files in parts:
        for file in files:
            archive.add(map(bytes, reader.take(file.size)), file.path, size=file.size)
            yield from archive.file()
    if references:
        archive.add(references.chunks(), references.name, size=references.size)
        yield from archive.file()
    yield from archive.footer()


def _limit(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """The chunks of a zip of that size. A draft that has more files by now ends with an error before it is whole."""
    for chunk in chunks:
        size -= len(chunk)
        if size < 0:
            raise errors.Conflict("The draft was changed while it was being downloaded: download it again.")
        yield chunk


def contiguous_files(queries: _Queries) -> Iterator[list[ArtifactFile]]:
    """The files in the order of their paths; in one list up to a thousand that lie in one object one after another.

    The small files of a folder usually share a pack in this order, and are then one read instead of a thousand.
    """
    batch: list[ArtifactFile] = []
    for file in _iter_files(queries):
        if batch and (len(batch) == _BATCH_SIZE or not _is_next(batch[-1].blob, file.blob)):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _is_next(last: Blob, blob: Blob) -> bool:
    return (last.object_id, last.offset + last.size) == (blob.object_id, blob.offset)


def _iter_files(queries: _Queries) -> Iterator[ArtifactFile]:
    for page in _pages([query.filter(blob__isnull=False).select_related("blob__object") for query in queries]):
        yield from page


def _pages(queries: _Queries) -> Iterator[list[ArtifactFile]]:
    """A short query at a time: a slow client keeps no query open."""
    for query in queries:
        files = query.order_by("path")
        page = list(files[:_BATCH_SIZE])
        while page:
            yield page
            page = list(files.filter(path__gt=page[-1].path)[:_BATCH_SIZE])
