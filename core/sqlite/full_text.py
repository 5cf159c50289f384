"""A full-text index of the column `text` of a table on SQLite: by triples of characters, kept by triggers.

Where SQLite was built without FTS5, or is older than its trigram tokenizer (3.34), there is none, and texts are found
by reading them. On PostgreSQL there is none either: it has its own kind.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.db import OperationalError, connection


def table(name: str) -> str:
    """The index of the table of that name."""
    return f"{name}_text"


def pattern(texts: Iterable[str]) -> str:
    """What rows with one of these texts match; each has three characters at least."""
    return " OR ".join('"' + text.replace('"', '""') + '"' for text in texts)


@cache
def exists(name: str) -> bool:
    """Whether the table of that name has an index. Asked once a process."""
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name = %s", [table(name)])
        return cursor.fetchone() is not None


def create(schema_editor: Any, name: str) -> bool:
    """Make the index and its triggers, unless SQLite cannot."""
    index = table(name)
    try:
        schema_editor.execute(f"CREATE VIRTUAL TABLE {index} USING fts5(text, tokenize='trigram')")
    except OperationalError:
        return False
    insert = f"INSERT OR REPLACE INTO {index} (rowid, text) VALUES (NEW.id, NEW.text)"
    delete = f"DELETE FROM {index} WHERE rowid = OLD.id"
    for event, statements in (
        ("INSERT", insert),
        ("DELETE", delete),
        ("UPDATE OF text", f"{delete}; {insert}"),
    ):
        trigger = f"{index}_{event.split()[0].lower()}"
        schema_editor.execute(f"CREATE TRIGGER {trigger} AFTER {event} ON {name} BEGIN {statements}; END")
    return True


def drop(schema_editor: Any, name: str) -> None:
    """The triggers go with their table."""
    schema_editor.execute(f"DROP TABLE IF EXISTS {table(name)}")
