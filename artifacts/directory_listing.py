"""The files of a version folder by folder, or those whose path contains a text.

Folders are not rows but prefixes of paths. A page of one is found by skipping through the index on (version, sort key)
from entry to entry, so it costs as much as it has entries, however many files are below them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from artifacts import folder_summaries, natural_order
from artifacts.folder_summaries import Summary
from artifacts.models import ArtifactFile, ArtifactVersion

PAGE_SIZE = 100
# So many files are looked at for a text, then it is up to the reader to go on.
SCAN_SIZE = 20_000
_BATCH_SIZE = 2_000
MAX_IMAGES = 60
# A folder with more entries is listed in natural order alone.
MAX_SORTED = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a folder, whose `path` ends with a slash; `summary` is of a folder, where it is known."""

    path: str
    name: str
    file: ArtifactFile | None
    summary: Summary | None = None

    @property
    def size(self) -> int:
        """In bytes, of a folder that of all files in it as far as it is known."""
        if self.file:
            return self.file.size
        return self.summary.total_size if self.summary else 0


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of one folder: folders first, then files, in natural order.

    `total` is how many entries the folder has, None where that is not known; `next_cursor` is None where there are no
    more.
    """

    entries: list[Entry]
    next_cursor: str | None
    total: int | None = None

    @property
    def is_sortable(self) -> bool:
        return self.total is not None and self.total <= MAX_SORTED


@dataclass(frozen=True, slots=True)
class Matches:
    """Files whose path contains a text, in natural order: `entries` are the first of `count` among `scanned` files.

    `next_cursor` is None where there are neither more of them nor more files to look at.
    """

    entries: list[Entry]
    count: int
    scanned: int
    next_cursor: str | None


def clean(folder: str) -> str:
    """The folder as a prefix of paths: "" for the root, else with one slash at the end."""
    folder = folder.strip("/")
    return f"{folder}/" if folder else ""


def page(version: ArtifactVersion, folder: str = "", *, after: str = "", limit: int = PAGE_SIZE) -> Page:
    """The entries of a `clean` folder after the name `after`. At most two queries."""
    files = _first_files(version, folder, after, limit + 1)
    names = [_name(file.path, folder) for file in files]
    has_more = len(names) > limit
    is_whole = not (after or has_more)
    stored = {f"{folder}{name}": file.summary for name, file in zip(names, files, strict=True) if name.endswith("/")}
    stored |= {folder: files[0].own_summary} if files and not is_whole else {}
    summaries = folder_summaries.complete(version, stored)
    entries = [
        Entry(f"{folder}{name}", name, None if name.endswith("/") else file, summaries.get(f"{folder}{name}"))
        for name, file in zip(names[:limit], files, strict=False)
    ]
    own = summaries.get(folder)
    total = len(entries) if is_whole else own and own.entry_count
    return Page(entries, names[limit - 1] if has_more else None, total)


def sorted_page(
    version: ArtifactVersion,
    folder: str,
    *,
    by_size: bool,
    is_descending: bool,
    after: str = "",
    limit: int = PAGE_SIZE,
) -> Page:
    """The same by name or by size, folders first. At most four queries.

    A folder that is not `is_sortable` is in natural order.
    """
    first = page(version, folder, limit=limit)
    if not first.is_sortable:
        return page(version, folder, after=after, limit=limit) if after else first
    whole = first if first.next_cursor is None else page(version, folder, limit=MAX_SORTED)
    entries = list(whole.entries)
    if by_size:
        entries.sort(key=lambda entry: entry.size, reverse=is_descending)
    elif is_descending:
        entries.reverse()
    entries.sort(key=lambda entry: entry.file is not None)
    names = [entry.name for entry in entries]
    start = names.index(after) + 1 if after in names else 0
    stop = start + limit
    return Page(entries[start:stop], names[stop - 1] if stop < len(names) else None, len(names))


def matches(version: ArtifactVersion, folder: str, text: str, *, after: str = "", limit: int = PAGE_SIZE) -> Matches:
    """Files below a `clean` folder whose path from there contains the text, in any case, after the path `after`.

    Looks at no more than `SCAN_SIZE` files. Two queries.
    """
    text = text.lower()
    found: list[str] = []
    count = scanned = 0
    path = key = last_key = ""
    for path, key in _scan(version, folder, after):
        scanned += 1
        if text in path[len(folder) :].lower():
            count += 1
            if count <= limit:
                found.append(key)
                last_key = key
    files = version.files.select_related("blob").filter(sort_key__in=found).order_by("sort_key")
    entries = [Entry(file.path, file.path[len(folder) :], file) for file in files]
    if count > limit and last_key:
        return Matches(entries, count, scanned, entries[-1].name)
    return Matches(entries, count, scanned, path[len(folder) :] if scanned == SCAN_SIZE else None)


def images(entries: Iterable[Entry]) -> list[ArtifactFile]:
    """The files that a folder shows as pictures; none where fewer than half of its files, or only one, are images."""
    files = [entry.file for entry in entries if entry.file]
    found = [file for file in files if file.is_picture]
    return found if len(found) > 1 and 2 * len(found) >= len(files) else []


def trail(path: str) -> list[tuple[str, str]]:
    """The folders above a path, outermost first, each as (name, folder)."""
    parents = path.split("/")[:-1]
    return [(name, "/".join(parents[: depth + 1]) + "/") for depth, name in enumerate(parents)]


def _name(path: str, folder: str) -> str:
    name, slash, _ = path[len(folder) :].partition("/")
    return name + slash


def _scan(version: ArtifactVersion, folder: str, after: str) -> Iterator[tuple[str, str]]:
    start = natural_order.sort_key(f"{folder}{after}")
    rows: QuerySet[ArtifactFile] = version.files.filter(sort_key__gt=start).order_by("sort_key")
    if folder:
        rows = rows.filter(sort_key__lt=_after(natural_order.sort_key(folder)))
    return rows.values_list("path", "sort_key")[:SCAN_SIZE].iterator(chunk_size=_BATCH_SIZE)


def _after(key: str) -> str:
    """The first text after the key of a file, or after those of all files in a folder."""
    return key.removesuffix(natural_order.END) + natural_order.AFTER


def _first_files(version: ArtifactVersion, folder: str, after: str, limit: int) -> list[ArtifactFile]:
    """The first file of each entry of the folder, after the entry of the name `after`."""
    table = connection.ops.quote_name(ArtifactFile._meta.db_table)
    find = "strpos" if connection.vendor == "postgresql" else "instr"
    prefix = natural_order.sort_key(folder)
    start = _after(natural_order.sort_key(f"{folder}{after}")) if after else prefix
    version_id = ArtifactVersion._meta.pk.get_db_prep_value(version.pk, connection)
    first = f"SELECT file.sort_key FROM {table} file WHERE file.version_id = %s AND file.sort_key >= "
    end, end_params = ("AND file.sort_key < %s", [_after(prefix)]) if folder else ("", [])
    skip = len(prefix)
    query = f"""
        WITH RECURSIVE step(sort_key, position) AS (
            SELECT ({first} %s {end} ORDER BY file.sort_key LIMIT 1), 1
            UNION ALL
            SELECT ({first}
                substr(step.sort_key, 1, {skip} + {find}(substr(step.sort_key, {skip} + 1), %s) - 1) || %s
                {end} ORDER BY file.sort_key LIMIT 1
            ), position + 1
            FROM step WHERE step.sort_key IS NOT NULL AND position < {limit:d}
        )
        SELECT sort_key FROM step WHERE sort_key IS NOT NULL
    """
    next_entry = [version_id, natural_order.END, natural_order.AFTER, *end_params]
    keys = RawSQL(query, [version_id, start, *end_params, *next_entry])
    files = version.files.select_related("blob").filter(sort_key__in=keys).order_by("sort_key")
    return list(folder_summaries.annotate(files, folder))
