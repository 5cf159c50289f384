"""The files of a version folder by folder, or those whose path contains a text.

Folders are not rows but prefixes of paths. A page of one is found by skipping through the index on (version, sort key)
from entry to entry, so it costs as much as it has entries, however many files are below them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from artifacts import folder_summaries, natural_order
from artifacts.folder_summaries import MAX_SORTED, Summary
from artifacts.models import ArtifactFile, ArtifactVersion

PAGE_SIZE = 100
# So many files are looked at for a text, then it is up to the reader to go on.
SCAN_SIZE = 20_000
_BATCH_SIZE = 2_000
MAX_IMAGES = 60


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
    """Entries of one folder, folders first.

    `total` is how many entries the folder has, None where that is not known; `next_cursor` is None where there are no
    more; `orders` are those of `sorted_page` that the folder has beside the names.
    """

    entries: list[Entry]
    next_cursor: str | None
    total: int | None = None
    orders: tuple[str, ...] = ()


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


def page(
    version: ArtifactVersion, folder: str = "", *, after: str = "", limit: int = PAGE_SIZE, is_descending: bool = False
) -> Page:
    """The entries of a `clean` folder after the name `after`, in natural order. At most two queries.

    Descending, the folders still come first. At most three queries.
    """
    find = _last_files if is_descending else _first_files
    files = find(version, folder, after, limit + 1)
    names = [_name(file.path, folder) for file in files]
    has_more = len(names) > limit
    is_whole = not (after or has_more)
    stored = {f"{folder}{name}": file.summary for name, file in zip(names, files, strict=True) if name.endswith("/")}
    stored |= {folder: files[0].own_summary} if files and not is_whole else {}
    summaries = folder_summaries.complete(version, stored, has_all=is_whole)
    entries = [
        Entry(f"{folder}{name}", name, None if name.endswith("/") else file, summaries.get(f"{folder}{name}"))
        for name, file in zip(names[:limit], files, strict=False)
    ]
    own = summaries.get(folder)
    total = len(entries) if is_whole else own and own.entry_count
    return Page(entries, names[limit - 1] if has_more else None, total, _orders(version, total))


def sorted_page(
    version: ArtifactVersion,
    folder: str,
    *,
    by: str,
    is_descending: bool,
    after: str = "",
    limit: int = PAGE_SIZE,
) -> Page:
    """The same by `name`, or by `size` or `type` where the folder has these orders, else by name. At most six queries.

    Entries that are alike in that are in natural order.
    """
    natural = {"after": after, "limit": limit, "is_descending": is_descending and by == "name"}
    if by == "name":
        return page(version, folder, **natural)
    count = folder_summaries.stored(version).filter(path=folder).values_list("entry_count", flat=True).first()
    if count is not None and count > MAX_SORTED:
        if by in _orders(version, count):
            return _page_by_size(version, folder, is_descending, after, limit, count)
        return page(version, folder, **natural)
    whole = page(version, folder, limit=MAX_SORTED)
    if whole.next_cursor is not None:
        return page(version, folder, **natural)
    entries = sorted(whole.entries, key=_SORT_VALUES[by], reverse=is_descending)
    entries.sort(key=lambda entry: entry.file is not None)
    return _cut(entries, after, limit)


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


# What entries are sorted by. The type of a folder is none.
_SORT_VALUES: dict[str, Callable[[Entry], Any]] = {
    "size": lambda entry: entry.size,
    "type": lambda entry: entry.file.kind.casefold() if entry.file else "",
}


def _orders(version: ArtifactVersion, total: int | None) -> tuple[str, ...]:
    """How a folder with so many entries can be sorted: large ones by what is stored of them."""
    if total is None:
        return ()
    if total <= MAX_SORTED:
        return ("size", "type")
    return ("size",) if version.is_finalized else ()


def _cut(entries: list[Entry], after: str, limit: int) -> Page:
    """The page of all entries of a folder that comes after the entry of this name."""
    names = [entry.name for entry in entries]
    start = names.index(after) + 1 if after in names else 0
    stop = start + limit
    next_cursor = names[stop - 1] if stop < len(names) else None
    return Page(entries[start:stop], next_cursor, len(names), ("size", "type"))


def _page_by_size(
    version: ArtifactVersion, folder: str, is_descending: bool, after: str, limit: int, total: int
) -> Page:
    """Of a folder whose folders are `listed_in` it. At most four queries."""
    prefix = natural_order.sort_key(folder)
    entries: list[Entry] = []
    if not after or after.endswith("/"):
        rows = folder_summaries.stored(version).filter(listed_in=folder)
        last = rows.filter(path=f"{folder}{after}").first() if after else None
        rows = _in_order(rows, "total_size", "path", is_descending, last)[: limit + 1]
        entries = [Entry(row.path, _name(row.path, folder), None, Summary.of(row)) for row in rows]
    if len(entries) <= limit:
        files = version.files.filter(
            sort_key__gt=f"{prefix}{natural_order.FILE}", sort_key__lt=f"{prefix}{natural_order.AFTER_FILES}"
        )
        is_within = after and not after.endswith("/")
        last = files.filter(path=f"{folder}{after}").first() if is_within else None
        files = _in_order(files.select_related("blob"), "size", "sort_key", is_descending, last)
        entries += [Entry(file.path, file.name, file) for file in files[: limit + 1 - len(entries)]]
    next_cursor = entries[limit - 1].name if len(entries) > limit else None
    return Page(entries[:limit], next_cursor, total, _orders(version, total))


def _in_order(rows: QuerySet, column: str, tie: str, is_descending: bool, last: Any) -> QuerySet:
    """By a column, those that are alike by another one; after a row, if there is one."""
    if last:
        value, compare = getattr(last, column), "lt" if is_descending else "gt"
        beyond = Q(**{column: value, f"{tie}__gt": getattr(last, tie)}) | Q(**{f"{column}__{compare}": value})
        # Said twice, so that an index finds where to begin.
        rows = rows.filter(beyond, **{f"{column}__{compare}e": value})
    return rows.order_by(f"-{column}" if is_descending else column, tie)


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
    prefix = natural_order.sort_key(folder)
    start = _after(natural_order.sort_key(f"{folder}{after}")) if after else prefix
    end = _after(prefix) if folder else natural_order.AFTER_FILES
    keys = _step_keys(version, len(prefix), start, end, limit)
    files = version.files.select_related("blob").filter(sort_key__in=keys).order_by("sort_key")
    return list(folder_summaries.annotate(files, folder))


def _last_files(version: ArtifactVersion, folder: str, after: str, limit: int) -> list[ArtifactFile]:
    """The last file of each entry of the folder, before the entry of the name `after`: of folders, then of files."""
    prefix, key = natural_order.sort_key(folder), natural_order.sort_key(f"{folder}{after}")
    ends = {f"{prefix}{natural_order.FOLDER}": f"{prefix}{natural_order.FILE}"}
    ends |= {f"{prefix}{natural_order.FILE}": f"{prefix}{natural_order.AFTER_FILES}"}
    if after and not after.endswith("/"):
        del ends[f"{prefix}{natural_order.FOLDER}"]
    found: list[ArtifactFile] = []
    for start, end in ends.items():
        if len(found) < limit:
            end = key if after and key.startswith(start) else end
            keys = _step_keys(version, len(prefix), start, end, limit - len(found), is_descending=True)
            files = version.files.select_related("blob").filter(sort_key__in=keys).order_by("-sort_key")
            found += folder_summaries.annotate(files, folder)
    return found


def _step_keys(
    version: ArtifactVersion, skip: int, start: str, end: str, limit: int, *, is_descending: bool = False
) -> RawSQL:
    """The keys of one file of each entry, from `start` up to `end`, or down from there.

    The names of entries begin after `skip` characters of a key.
    """
    table = connection.ops.quote_name(ArtifactFile._meta.db_table)
    find = "strpos" if connection.vendor == "postgresql" else "instr"
    version_id = ArtifactVersion._meta.pk.get_db_prep_value(version.contents_id, connection)
    name_end = f"{skip:d} + {find}(substr(step.sort_key, {skip + 1:d}), %s)"
    if is_descending:
        direction, low, high = "DESC", "%s", f"substr(step.sort_key, 1, {name_end})"
        step_params = [version_id, start, natural_order.END]
    else:
        direction, low, high = "ASC", f"substr(step.sort_key, 1, {name_end} - 1) || %s", "%s"
        step_params = [version_id, natural_order.END, natural_order.AFTER, end]

    def one(low: str, high: str) -> str:
        return f"""
            SELECT file.sort_key FROM {table} file
            WHERE file.version_id = %s AND file.sort_key >= {low} AND file.sort_key < {high}
            ORDER BY file.sort_key {direction} LIMIT 1
        """

    query = f"""
        WITH RECURSIVE step(sort_key, position) AS (
            SELECT ({one("%s", "%s")}), 1
            UNION ALL
            SELECT ({one(low, high)}), position + 1
            FROM step WHERE step.sort_key IS NOT NULL AND position < {limit:d}
        )
        SELECT sort_key FROM step WHERE sort_key IS NOT NULL
    """
    return RawSQL(query, [version_id, start, end, *step_params])
