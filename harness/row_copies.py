"""Rows by the thousand, written by the database itself: copies of one, which take it a hundredth of the time."""

from typing import Any

from django.db import connection, models


def copy(row: models.Model, count: int, first: int, columns: dict[str, str], condition: str = "1 = 1") -> None:
    """Copies of the row, numbered as `n` from `first` to below `count`, but for these columns, given as SQL."""
    table = row._meta.db_table
    names = [field.column for field in row._meta.concrete_fields]
    values = ", ".join(columns.get(name, f't."{name}"') for name in names)
    if connection.vendor == "postgresql":
        series = f"generate_series({first}::bigint, {count - 1}) AS s(n)"
    else:
        series = f"""(WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {count - 1})
            SELECT n FROM s) s"""
    quoted = ", ".join(f'"{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} t CROSS JOIN {series} "
            f"WHERE t.id = {sql_value(row.pk)} AND ({condition})"
        )


def sql_id(kind: str, number: str) -> str:
    """SQL for the id of that number."""
    if connection.vendor == "postgresql":
        return f"('{kind}' || lpad(to_hex({number}), 31, '0'))::uuid"
    return f"'{kind}' || printf('%031x', {number})"


def sql_value(pk: Any) -> str:
    return f"'{pk}'::uuid" if connection.vendor == "postgresql" else f"'{str(pk).replace('-', '')}'"
