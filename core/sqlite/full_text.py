"""Full-text indexes of the column `text` of a table on SQLite, one for each kind of its rows: by triples of characters,
kept by triggers.

A migration makes it. Where SQLite was built without FTS5, or is older than its trigram tokenizer (3.34), there is none,
and texts are found by reading them. On PostgreSQL there is none either: it has its own kind.
"""

from collections.abc import Iterable
from functools import cache

from django.db import connection


def table(name: str, kind: str) -> str:
    """The index of the rows of that kind in the table of that name."""
    return f"{name}_text_of_{kind}"


def pattern(texts: Iterable[str]) -> str:
    """What rows with one of these texts match; each has three characters at least."""
    return " OR ".join('"' + text.replace('"', '""') + '"' for text in texts)


@cache
def exists(name: str) -> bool:
    """Whether the table of that name has such indexes. Asked once a process."""
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name GLOB %s", [table(name, "*")])
        return cursor.fetchone() is not None
