"""How many files are below a folder, and how large they are together.

Of the large folders of a finalized version they are stored, once, as its files never change, and of all folders that
are one of very many in theirs. The others are counted when somebody looks at them; of a large folder in a draft nothing
is known.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from typing import Any

from django.db.models import CharField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat, Left, StrIndex, Substr

from artifacts.models import ArtifactFile, ArtifactVersion, FolderSummary
from core import bulk_rows, straight_deletes

# A folder with more files has a row: a page of a hundred others reads no more than 1,000 files.
MAX_COUNTED_FILES = 10
# A folder with more entries is sorted by the database: those in it have rows all.
MAX_SORTED = 1_000
MAX_SCAN = 10_000
# So many files of a folder that is known are read again, where it lies between others, and so many of all of them.
MAX_SKIPPED = 100
MAX_READ_AGAIN = 5_000
_BATCH_SIZE = 2_000
# What is known of a folder beside its path: what lies in it, and then sums of what is below it.
_NUMBERS = ("entry_count", "file_count", "total_size", "reference_count", "referenced_size")
_COLUMNS = ("path", "size", "blob")


@dataclass(slots=True)
class Summary:
    """A folder: what lies in it directly, and the number and the bytes of all files, and of references, below it."""

    path: str
    entry_count: int = 0
    file_count: int = 0
    total_size: int = 0
    reference_count: int = 0
    referenced_size: int = 0

    @classmethod
    def of(cls, row: FolderSummary) -> "Summary":
        return cls(row.path, **{name: getattr(row, name) for name in _NUMBERS})

    @property
    def numbers(self) -> dict[str, int]:
        """As the columns of a row."""
        return {name: getattr(self, name) for name in _NUMBERS}

    @property
    def stored_count(self) -> int:
        return self.file_count - self.reference_count

    @property
    def stored_size(self) -> int:
        return self.total_size - self.referenced_size


def store(version: ArtifactVersion) -> None:
    """Store the summaries that a version needs, in memory that does not grow with its files."""
    files = version.files.order_by("path").values_list(*_COLUMNS).iterator(chunk_size=_BATCH_SIZE)
    rows = to_store(summarise(files))
    while batch := list(islice(rows, _BATCH_SIZE)):
        insert(version, batch)


def insert(version: ArtifactVersion, summaries: Iterable[tuple[Summary, str | None]]) -> None:
    """Store these summaries of `to_store`. Of a draft nobody sees them."""
    rows = ((summary.path, listed_in, *summary.numbers.values()) for summary, listed_in in summaries)
    bulk_rows.insert(FolderSummary, ["path", "listed_in", *_NUMBERS], rows, version=version.pk)


def delete_some(version: ArtifactVersion) -> bool:
    """Delete some of the version's summaries; whether there were any."""
    batch = version.folders.values("pk")[:_BATCH_SIZE]
    return bool(straight_deletes.delete(FolderSummary.objects.filter(pk__in=batch)))


def stored(version: ArtifactVersion) -> QuerySet[FolderSummary]:
    """Those of a finalized version: a draft may have some of its files as they were before."""
    rows = FolderSummary.objects.filter(version=version.contents_id)
    return rows if version.is_finalized else rows.none()


def to_store(summaries: Iterable[Summary]) -> Iterator[tuple[Summary, str | None]]:
    """Those of `summarise` that are stored: of large folders, and of each in a folder with very many entries.

    The path of the latter stands beside them.
    """
    waiting: dict[str, list[Summary]] = {}
    for summary in summaries:
        # They are complete from the inside out: it is known now whether this one has many entries.
        is_sorted = summary.entry_count > MAX_SORTED
        for child in waiting.pop(summary.path, ()):
            if is_sorted or child.file_count > MAX_COUNTED_FILES:
                yield child, summary.path if is_sorted else None
        if not summary.path:
            if summary.file_count > MAX_COUNTED_FILES:
                yield summary, None
            return
        parent = summary.path[: summary.path[:-1].rfind("/") + 1]
        siblings = waiting.setdefault(parent, [])
        siblings.append(summary)
        if len(siblings) > MAX_SORTED:
            yield from ((sibling, parent) for sibling in siblings)
            siblings.clear()


def annotate(files: QuerySet[ArtifactFile], folder: str) -> QuerySet[ArtifactFile]:
    """Each file below the folder with what is stored of the folder in that one that it is in, and of this one itself.

    They are `summary` and `own_summary`, for `complete`.
    """
    slash = StrIndex(Substr("path", len(folder) + 1), Value("/"))
    inner = files.annotate(inner_folder=Left("path", slash + len(folder)))
    return inner.annotate(
        summary=_stored(OuterRef("inner_folder")),
        own_summary=_stored(Value(folder)),
    )


def complete(
    version: ArtifactVersion, stored: Mapping[str, str | None], *, has_all: bool = False
) -> dict[str, Summary]:
    """The summaries of these folders, of which some are stored. At most one query, for the others.

    Where those have more than `MAX_SCAN` files together, they are left out. With `has_all` no other folder lies between
    them: they are all those of one folder.
    """
    found = {path: Summary(path, *map(int, text.split())) for path, text in stored.items() if text}
    unknown = stored.keys() - found.keys()
    if not has_all:
        return found | _count(version, unknown, [(path, path) for path in sorted(unknown)])
    ranges, read_again = _ranges(stored, found)
    return found | _count(version, unknown, ranges, read_again)


def summarise(files: Iterable[tuple[str, int, object]]) -> Iterator[Summary]:
    """The summary of each folder, the root too, of files in the order of their paths.

    They are (path, size, blob), where references have no blob.
    """
    opened = [Summary("")]
    for path, size, blob in files:
        while not path.startswith(opened[-1].path):
            yield _close(opened)
        start = len(opened[-1].path)
        while (slash := path.find("/", start)) >= 0:
            opened.append(Summary(path[: slash + 1]))
            start = slash + 1
        opened[-1].entry_count += 1
        opened[-1].file_count += 1
        opened[-1].total_size += size
        if blob is None:
            opened[-1].reference_count += 1
            opened[-1].referenced_size += size
    while opened:
        yield _close(opened)


def _close(opened: list[Summary]) -> Summary:
    """The innermost folder, which is added to the one around it."""
    summary = opened.pop()
    if opened:
        opened[-1].entry_count += 1
        for name in _NUMBERS[1:]:
            setattr(opened[-1], name, getattr(opened[-1], name) + getattr(summary, name))
    return summary


def _stored(path: Any) -> Subquery:
    """The numbers of a stored summary as one text."""
    numbers = Cast(_NUMBERS[0], CharField())
    for name in _NUMBERS[1:]:
        numbers = Concat(numbers, Value(" "), Cast(name, CharField()))
    state = ArtifactVersion.State.FINALIZED
    rows = FolderSummary.objects.filter(version=OuterRef("version"), version__state=state, path=path)
    return Subquery(rows.annotate(numbers=numbers).values("numbers"))


def _ranges(paths: Iterable[str], known: Mapping[str, Summary]) -> tuple[list[tuple[str, str]], int]:
    """The first and the last folder of each range of paths in which those are that are not known.

    Neighbours are one range: for 500 ranges in one condition, PostgreSQL and Django took 300 ms. With them, some files
    of folders that are known are read again, as many as the second value says.
    """
    ranges: list[tuple[str, str]] = []
    skipped = read_again = 0
    for path in sorted(paths):
        if path in known:
            skipped += known[path].file_count
        elif ranges and skipped <= min(MAX_SKIPPED, MAX_READ_AGAIN - read_again):
            ranges[-1] = (ranges[-1][0], path)
            read_again += skipped
            skipped = 0
        else:
            ranges.append((path, path))
            skipped = 0
    return ranges, read_again


def _count(
    version: ArtifactVersion, folders: Set[str], ranges: Sequence[tuple[str, str]], read_again: int = 0
) -> dict[str, Summary]:
    """The summaries of these folders, which are all in the ranges."""
    if not folders:
        return {}
    within = Q()
    for first, last in ranges:
        # The version in each of them, so that each is a range of the index.
        within |= Q(version=version.contents_id, path__gte=first, path__lt=f"{last}\U0010ffff")
    limit = MAX_SCAN + read_again
    rows = list(ArtifactFile.objects.filter(within).order_by().values_list(*_COLUMNS)[: limit + 1])
    if len(rows) > limit:
        return {}
    summaries = summarise(sorted(rows, key=itemgetter(0)))
    return {summary.path: summary for summary in summaries if summary.path in folders}
