"""The files of a version folder by folder.

Folders are not rows but prefixes of paths. A page of one is found by skipping through the index on (version, path) from
name to name, so it costs as much as it has entries, however many files are below them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from artifacts.models import ArtifactFile, ArtifactVersion

PAGE_SIZE = 100
MAX_IMAGES = 60

# No path has a control character: this is the first text after a path itself, and before all that continue it.
_AFTER_PATH = "\x01"
# The character after "/": the first text after everything in a folder.
_AFTER_FOLDER = "0"
# The last code point, which no name has.
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a folder, whose `path` ends with a slash."""

    path: str
    name: str
    file: ArtifactFile | None


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of one folder in byte order; `next_cursor` is None where there are no more."""

    entries: list[Entry]
    next_cursor: str | None


def clean(folder: str) -> str:
    """The folder as a prefix of paths: "" for the root, else with one slash at the end."""
    folder = folder.strip("/")
    return f"{folder}/" if folder else ""


def page(
    version: ArtifactVersion, folder: str = "", *, after: str = "", prefix: str = "", limit: int = PAGE_SIZE
) -> Page:
    """The entries of a `clean` folder whose names begin with `prefix`, after the name `after`. Two queries."""
    start = max(_after(f"{folder}{after}") if after else "", f"{folder}{prefix}")
    paths = _first_paths(version, folder, start, _end(folder, prefix), limit + 1)
    names = [_name(path, folder) for path in paths]
    rows = version.files.select_related("blob").filter(path__in=[f"{folder}{name}" for name in names])
    files = {file.path: file for file in rows}
    entries = [Entry(f"{folder}{name}", name, files.get(f"{folder}{name}")) for name in names[:limit]]
    return Page(entries, names[limit - 1] if len(names) > limit else None)


def images(entries: Iterable[Entry]) -> list[ArtifactFile]:
    """The files that a folder shows as pictures; none where fewer than half of its files, or only one, are images."""
    files = [entry.file for entry in entries if entry.file]
    found = [file for file in files if file.is_picture]
    return found[:MAX_IMAGES] if len(found) > 1 and 2 * len(found) >= len(files) else []


def trail(path: str) -> list[tuple[str, str]]:
    """The folders above a path, outermost first, each as (name, folder)."""
    parents = path.split("/")[:-1]
    return [(name, "/".join(parents[: depth + 1]) + "/") for depth, name in enumerate(parents)]


def _name(path: str, folder: str) -> str:
    name, slash, _ = path[len(folder) :].partition("/")
    return name + slash


def _after(path: str) -> str:
    return path[:-1] + _AFTER_FOLDER if path.endswith("/") else path + _AFTER_PATH


def _end(folder: str, prefix: str) -> str | None:
    """The first text after every path with these prefixes; None where there are none."""
    if prefix:
        return f"{folder}{prefix}{_LAST}"
    return _after(folder) if folder else None


def _first_paths(version: ArtifactVersion, folder: str, start: str, end: str | None, limit: int) -> list[str]:
    """The first path of each name in the folder, from `start` on and before `end`."""
    table = connection.ops.quote_name(ArtifactFile._meta.db_table)
    find = "strpos" if connection.vendor == "postgresql" else "instr"
    slash = f"{find}(substr(step.path, %(skip)s + 1), '/')"
    before_end = "" if end is None else "AND file.path < %(end)s"
    first = f"SELECT file.path FROM {table} file WHERE file.version_id = %(version)s AND file.path >= "
    query = f"""
        WITH RECURSIVE step(path, position) AS (
            SELECT ({first} %(start)s {before_end} ORDER BY file.path LIMIT 1), 1
            UNION ALL
            SELECT ({first}
                CASE {slash}
                    WHEN 0 THEN step.path || %(after_path)s
                    ELSE substr(step.path, 1, %(skip)s + {slash} - 1) || %(after_folder)s
                END
                {before_end} ORDER BY file.path LIMIT 1
            ), position + 1
            FROM step WHERE step.path IS NOT NULL AND position < %(limit)s
        )
        SELECT path FROM step WHERE path IS NOT NULL ORDER BY position
    """
    params = {
        "version": ArtifactVersion._meta.pk.get_db_prep_value(version.pk, connection),
        "start": start,
        "end": end,
        "skip": len(folder),
        "after_path": _AFTER_PATH,
        "after_folder": _AFTER_FOLDER,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        return [path for (path,) in cursor.fetchall()]
