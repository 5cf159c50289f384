"""Full-text indexes of the column `text` of a table on SQLite, one for each kind of its rows: by triples of characters,
kept by triggers.

A migration makes it. Where SQLite was built without FTS5, or is older than its trigram tokenizer (3.34), there is none,
and texts are found by reading them. On PostgreSQL there is none either: it has its own kind.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.db import connection, models


def table(name: str, kind: str) -> str:
    """The index of the rows of that kind in the table of that name."""
    return f"{name}_text_of_{kind}"


def pattern(texts: Iterable[str]) -> str:
    """What rows with one of these texts match; each has three characters at least."""
    return " OR ".join('"' + text.replace('"', '""') + '"' for text in texts)


class Matches(models.Expression):
    """`rows.extra(tables=[index]).filter(Matches("pk", index, pattern(texts)))`: the rows that an index finds.

    A condition on both tables, because SQLite would first gather all rows of a subquery.
    """

    conditional = True

    def __init__(self, column: str, index: str, pattern: str) -> None:
        super().__init__(models.BooleanField())
        self.column, self.index, self.pattern = models.F(column), index, pattern

    def get_source_expressions(self) -> list[Any]:
        return [self.column]

    def set_source_expressions(self, expressions: list[Any]) -> None:
        [self.column] = expressions

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        column, params = compiler.compile(self.column)
        return f"({self.index}.rowid = {column} AND {self.index} MATCH %s)", [*params, self.pattern]


@cache
def exists(name: str) -> bool:
    """Whether the table of that name has such indexes. Asked once a process."""
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sqlite_master WHERE name GLOB %s", [table(name, "*")])
        return cursor.fetchone() is not None
