"""What is below a record, and what is above it: each by one recursive query over the index of parents.

The query looks into the index once for each record that it finds, so what else is in the table costs nothing. A
column of paths would have to be rewritten wherever a subtree moves.
"""

from functools import cache
from typing import NamedTuple

from django.db import connection
from django.db.models.expressions import RawSQL

from hierarchies import errors
from hierarchies.models import MAX_LEVEL, Record

# How many records a tree has at most, and how many bytes of data: what is behind them in order comes without data.
MAX_RECORDS = 100_000
MAX_DATA_BYTES = 16 * 2**20


class Expanded(NamedTuple):
    """A record with what is above it, from the root down, and all that is below it, parents first."""

    record: Record
    ancestors: list[Record]
    descendants: list[Record]


def subtree(record: Record, max_depth: int | None = None) -> list[Record]:
    """The record and what is at most `max_depth` levels below it, parents first, siblings by id. One query.

    Records whose data no longer fits have None for it, and `omitted` names it. Raises `TooLarge` for more than
    `MAX_RECORDS`, `Invalid` for a negative depth.
    """
    if max_depth is not None and max_depth < 0:
        raise errors.Invalid("max_depth must be 0 or more.")
    deepest = MAX_LEVEL if max_depth is None else min(record.level + max_depth, MAX_LEVEL)
    values = [record.pk, deepest, MAX_DATA_BYTES, MAX_RECORDS + 1]
    rows = list(Record.objects.raw(_subtree_sql(), values))
    if len(rows) > MAX_RECORDS:
        raise errors.TooLarge(
            f"More than {MAX_RECORDS:,} records are below {record.pk}: give a smaller max_depth, or export them."
        )
    size = 0
    _share_hierarchy(record, rows)
    for row in rows:
        size += row.row_size
        if size > MAX_DATA_BYTES:
            row.omitted = ["data"]
    return rows


def ancestors(record: Record) -> list[Record]:
    """What is above the record: the root first, its parent last. One query."""
    rows = list(Record.objects.raw(_ancestors_sql(), [record.pk, record.pk]))
    _share_hierarchy(record, rows)
    return rows


def expand(record: Record) -> Expanded:
    """The record with all ancestors and descendants. Two queries, whatever the size of the hierarchy."""
    root, *descendants = subtree(record)
    return Expanded(root, ancestors(record), descendants)


def ids_of_subtrees(*pks: str) -> RawSQL:
    """For `pk__in`: the records of these ids, and all below them."""
    table = _quote(Record._meta.db_table)
    sql = f"""
        WITH RECURSIVE tree AS (
            SELECT id, hierarchy_id FROM {table} WHERE id IN ({", ".join(["%s"] * len(pks))})
            UNION ALL
            SELECT r.id, r.hierarchy_id FROM tree t
            JOIN {table} r ON r.hierarchy_id = t.hierarchy_id AND r.parent_id = t.id
        ) SELECT id FROM tree
    """
    return RawSQL(sql, pks)


@cache
def _subtree_sql() -> str:
    table = _quote(Record._meta.db_table)
    # What the database computes nobody reads, and each column costs: of 10,000 records Django takes longer than SQL.
    columns = [field.column for field in Record._meta.concrete_fields if not field.generated]
    own, joined = (", ".join(f"{alias}.{_quote(column)}" for column in columns) for alias in ("s", "r"))
    # The window sums what is before in the same order; SQLite calls the smaller of two `min`.
    smaller = "least" if connection.vendor == "postgresql" else "min"
    row_size = f"{smaller}(data_size, 65536)"
    without_data = ", ".join(_quote(column) for column in columns if column != "data")
    return f"""
        WITH RECURSIVE tree AS (
            SELECT {own} FROM {table} s WHERE s.id = %s
            UNION ALL
            SELECT {joined} FROM tree t
            JOIN {table} r ON r.hierarchy_id = t.hierarchy_id AND r.parent_id = t.id WHERE t.level < %s
        )
        SELECT {without_data}, {row_size} AS row_size,
            CASE WHEN sum({row_size}) OVER (ORDER BY level, id) <= %s THEN data END AS data
        FROM tree ORDER BY level, id LIMIT %s
    """


@cache
def _ancestors_sql() -> str:
    table = _quote(Record._meta.db_table)
    columns = [_quote(field.column) for field in Record._meta.concrete_fields]
    own, joined = (", ".join(f"{alias}.{column}" for column in columns) for alias in ("s", "r"))
    return f"""
        WITH RECURSIVE path AS (
            SELECT {own} FROM {table} s WHERE s.id = %s
            UNION ALL
            SELECT {joined} FROM path p JOIN {table} r ON r.id = p.parent_id
        )
        SELECT {", ".join(columns)} FROM path WHERE id <> %s ORDER BY level
    """


def _share_hierarchy(record: Record, rows: list[Record]) -> None:
    """What `row.hierarchy = …` does, without its checks of each."""
    field = Record._meta.get_field("hierarchy")
    for row in rows:
        field.set_cached_value(row, record.hierarchy)


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)
