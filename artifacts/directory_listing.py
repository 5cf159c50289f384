"""A version's files folder by folder, as people look at them.

Folders are not rows: they are the paths' beginnings. A page of one is found by skipping through the index on (version,
path) from name to name, so its cost is that of the entries shown, however many files lie below them.
"""

from dataclasses import dataclass

from django.db import connection

from artifacts.models import ArtifactFile, ArtifactVersion

PAGE_SIZE = 100

# No path has a control character: this is the first text after a path itself, and before all that go on from it.
_NEXT = "\x01"
# The character after "/": the first text after everything in a folder.
_PAST_FOLDER = "0"
# The last of all characters, which is none that names have.
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a folder, whose `path` ends with a slash."""

    path: str
    name: str
    file: ArtifactFile | None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of one folder in the order of their bytes; `next_cursor` is None where there are no more."""

    entries: list[Entry]
    next_cursor: str | None


def clean(folder: str) -> str:
    """The folder as the beginning of a path: "" for the root, else with one slash at the end."""
    folder = folder.strip("/")
    return f"{folder}/" if folder else ""


def page(
    version: ArtifactVersion, folder: str = "", *, after: str = "", starts: str = "", limit: int = PAGE_SIZE
) -> Page:
    """The entries of a `clean` folder whose names begin with `starts`, after the name `after`. Two queries."""
    begin = _after(f"{folder}{after}") if after else ""
    paths = _first_paths(version, folder, max(begin, f"{folder}{starts}"), _end(folder, starts), limit + 1)
    names = [_name(path, folder) for path in paths]
    shown = version.files.select_related("blob").filter(path__in=[f"{folder}{name}" for name in names])
    files = {file.path: file for file in shown}
    entries = [Entry(f"{folder}{name}", name, files.get(f"{folder}{name}")) for name in names[:limit]]
    return Page(entries, names[limit - 1] if len(names) > limit else None)


def trail(path: str) -> list[tuple[str, str]]:
    """The folders above a path, outermost first, each as (name, folder)."""
    above = path.split("/")[:-1]
    return [(name, "/".join(above[: depth + 1]) + "/") for depth, name in enumerate(above)]


def _name(path: str, folder: str) -> str:
    name, slash, _ = path[len(folder) :].partition("/")
    return name + slash


def _after(path: str) -> str:
    return path[:-1] + _PAST_FOLDER if path.endswith("/") else path + _NEXT


def _end(folder: str, starts: str) -> str | None:
    """The first text after everything of that beginning; None where that is everything."""
    if starts:
        return f"{folder}{starts}{_LAST}"
    return _after(folder) if folder else None


def _first_paths(version: ArtifactVersion, folder: str, start: str, end: str | None, limit: int) -> list[str]:
    """The first path of each name in the folder, from `start` on and before `end`."""
    table = connection.ops.quote_name(ArtifactFile._meta.db_table)
    position = "strpos" if connection.vendor == "postgresql" else "instr"
    slash = f"{position}(substr(step.path, %(skip)s + 1), '/')"
    inside = "" if end is None else "AND file.path < %(end)s"
    first = f"SELECT file.path FROM {table} file WHERE file.version_id = %(version)s AND file.path >= "
    query = f"""
        WITH RECURSIVE step(path, place) AS (
            SELECT ({first} %(start)s {inside} ORDER BY file.path LIMIT 1), 1
            UNION ALL
            SELECT ({first}
                CASE {slash}
                    WHEN 0 THEN step.path || %(next)s
                    ELSE substr(step.path, 1, %(skip)s + {slash} - 1) || %(past_folder)s
                END
                {inside} ORDER BY file.path LIMIT 1
            ), place + 1
            FROM step WHERE step.path IS NOT NULL AND place < %(limit)s
        )
        SELECT path FROM step WHERE path IS NOT NULL ORDER BY place
    """
    values = {
        "version": ArtifactVersion._meta.pk.get_db_prep_value(version.pk, connection),
        "start": start,
        "end": end,
        "skip": len(folder),
        "next": _NEXT,
        "past_folder": _PAST_FOLDER,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [path for (path,) in cursor.fetchall()]
