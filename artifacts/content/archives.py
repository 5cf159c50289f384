"""Files of a version as one zip that is made while it is sent: uncompressed, read from the store as they go out.

What stays in memory is a line of the zip's directory for each file, never the files. References have no bytes here: a
text file in the zip lists where they are.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any
from zipfile import ZIP_FILECOUNT_LIMIT, sizeEndCentDir64, sizeEndCentDir64Locator

from django.db.models import Q, QuerySet
from zipstream import ZipStream

from accounts.actor import Actor
from artifacts import errors
from artifacts.content import downloads, extents
from artifacts.content.object_reader import ContentReader, ObjectReader
from artifacts.models import ArtifactFile, ArtifactVersion, Blob
from artifacts.references import uris

# Files and folders that may be chosen for one zip.
MAX_SELECTED = 1_000
# So many of them are one query. SQLite has expressions of at most a thousand levels, and each folder is one.
_GROUP_SIZE = 200
_BATCH_SIZE = 1000
_LIST_HEAD = "These files are references: their bytes are not in this zip, but at the URI beside each path.\n\n"

# What is read from one object, one file after another; or a composed file, from many.
_Part = tuple[ContentReader, list[ArtifactFile]]


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
    files = Selection(version, selected)
    queries = files.queries()
    if selected and not any(query.exists() for query in queries):
        raise errors.Missing(f"{version.title} has none of the selected files.")
    downloads.require_slot(person)
    unreadable = Q(blob__state=Blob.State.EXPECTED) | Q(blob__state=Blob.State.CORRUPT)
    for query in queries:
        for file in query.filter(unreadable).select_related("blob__object").order_by()[:1]:
            downloads.require_readable(file)
    references = _reference_list(version, files)
    size, starts = _size(files, references)
    parts = _begin(_parts(files, starts))
    downloads.record_download(actor, version, None)
    return Zip(size, downloads.stream(person, _limit(_zip(parts, references), size)))


class Selection:
    """All files of a version, or those at some paths and below some folders, each once."""

    def __init__(self, version: ArtifactVersion, selected: Sequence[str] = ()) -> None:
        if len(selected) > MAX_SELECTED:
            raise errors.Invalid(f"Select at most {MAX_SELECTED:,} files and folders, or download all.")
        self._version = version
        self._has_all = not selected
        self._paths: list[str] = []
        for path in sorted(set(selected)):
            if not (self._paths and self._paths[-1].endswith("/") and path.startswith(self._paths[-1])):
                self._paths.append(path)

    def queries(self, start: str = "", end: str | None = None) -> list[QuerySet[ArtifactFile]]:
        """Those from one path up to another, by few queries, each for the paths after those of the one before."""
        if self._has_all:
            return [ArtifactFile.objects.filter(self._range(start, end))]
        first = bisect_left(self._paths, start)
        if first and self._paths[first - 1].endswith("/") and start.startswith(self._paths[first - 1]):
            first -= 1
        paths = self._paths[first : bisect_left(self._paths, end) if end else None]
        groups = [paths[place : place + _GROUP_SIZE] for place in range(0, len(paths), _GROUP_SIZE)]
        return [ArtifactFile.objects.filter(self._any_of(group, start, end)) for group in groups]

    def pages(self, starts: Sequence[str], **narrow: Any) -> Iterator[list[ArtifactFile]]:
        """They in the order of their paths, a short query at a time: a slow client keeps none open.

        `starts` are the first paths of the pages. What a draft has more of by now is among them.
        """
        last = ""
        for start, end in zip_longest(["", *starts[1:]], starts[1:]):
            page = self._page(start, end, narrow)
            last = page[-1].path if page else last
            yield page
        # No path has such a character: the first one after the last path.
        yield self._page(f"{last}\x01", None, narrow)

    def _page(self, start: str, end: str | None, narrow: dict[str, Any]) -> list[ArtifactFile]:
        queries = [query.filter(**narrow).select_related("blob__object") for query in self.queries(start, end)]
        return [file for query in queries for file in query.order_by("path")[: _BATCH_SIZE + 1]]

    def _any_of(self, paths: list[str], start: str, end: str | None) -> Q:
        single = [path for path in paths if not path.endswith("/")]
        found = Q(version=self._version.contents_id, path__in=single) if single else Q()
        for folder in paths:
            if folder.endswith("/"):
                after = f"{folder}\U0010ffff"
                found |= self._range(max(folder, start), min(after, end) if end else after)
        return found

    def _range(self, start: str, end: str | None) -> Q:
        """The version in each, so that each is a range of the index."""
        found = Q(version=self._version.contents_id, path__gte=start)
        return found & Q(path__lt=end) if end else found


@dataclass(frozen=True, slots=True)
class _ReferenceList:
    """A text file that says where the references among these files are."""

    name: str
    size: int
    files: Selection
    starts: list[str]

    def chunks(self) -> Iterator[bytes]:
        return _lines(self.files, self.starts)


def _reference_list(version: ArtifactVersion, files: Selection) -> _ReferenceList | None:
    """None where there are no references."""
    if not version.reference_count:
        return None
    queries = [
        query.filter(blob__isnull=True).order_by("path").values_list("path", flat=True) for query in files.queries()
    ]
    paths = chain.from_iterable(query.iterator(_BATCH_SIZE) for query in queries)
    starts = [path for position, path in enumerate(paths) if position % _BATCH_SIZE == 0]
    if not starts:
        return None
    name, number = "REFERENCES.txt", 1
    while version.files.filter(path=name).exists() or version.files.under(f"{name}/").exists():
        number += 1
        name = f"REFERENCES-{number}.txt"
    return _ReferenceList(name, sum(map(len, _lines(files, starts))), files, starts)


def _lines(files: Selection, starts: list[str]) -> Iterator[bytes]:
    yield _LIST_HEAD.encode()
    for page in files.pages(starts, blob__isnull=True):
        lines = (f"{file.path}\t{uris.without_secrets(file.reference_uri or '')}\n" for file in page)
        yield "".join(lines).encode()


def _size(files: Selection, references: _ReferenceList | None) -> tuple[int, list[str]]:
    """How many bytes the zip will have, as nothing in it is compressed, and the first paths of the pages of files."""
    archive, count = ZipStream(sized=True), 0
    starts: list[str] = []
    for path, size in _sizes(files):
        if count % _BATCH_SIZE == 0:
            starts.append(path)
        _add_size(archive, path, size)
        count += 1
    if references:
        _add_size(archive, references.name, references.size)
        count += 1
    # With exactly so many files it writes the long form of the directory's end, and counts the short one.
    is_long_already = count == ZIP_FILECOUNT_LIMIT
    return len(archive) + (sizeEndCentDir64 + sizeEndCentDir64Locator if is_long_already else 0), starts


def _add_size(archive: ZipStream, path: str, size: int) -> None:
    archive.add(iter([b""]), path, size=size)
    # Takes it out of the queue again, which would grow with the files.
    next(archive.file())


def _sizes(files: Selection) -> Iterator[tuple[str, int]]:
    for query in files.queries():
        rows = query.filter(blob__isnull=False).order_by("path")
        yield from rows.values_list("path", "blob__size").iterator(_BATCH_SIZE)


def _parts(files: Selection, starts: list[str]) -> Iterator[_Part]:
    for run in contiguous_files(files.pages(starts, blob__isnull=False)):
        first, last = run[0].blob, run[-1].blob
        if first.is_composed:
            yield ContentReader(extents.read(first)), run
            continue
        yield ObjectReader(first.object.key, first.offset, last.offset + last.size), run


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


def contiguous_files(pages: Iterator[list[ArtifactFile]]) -> Iterator[list[ArtifactFile]]:
    """The files of the pages; in one list up to a thousand that lie in one object one after another.

    The small files of a folder usually share a pack in this order, and are then one read instead of a thousand.
    """
    batch: list[ArtifactFile] = []
    for file in chain.from_iterable(pages):
        if batch and (len(batch) == _BATCH_SIZE or not _is_next(batch[-1].blob, file.blob)):
            yield batch
            batch = []
        batch.append(file)
    if batch:
        yield batch


def _is_next(last: Blob, blob: Blob) -> bool:
    if last.is_composed or blob.is_composed:
        return False
    return (last.object_id, last.offset + last.size) == (blob.object_id, blob.offset)
