"""Thousands of rows written from tuples. With a model instance for each, the same rows take seven times as long.

They go through Django's connection, in its transaction: by `executemany` on SQLite, by COPY and `unnest` on PostgreSQL.
Copies of rows are made inside the database.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import islice
from typing import Any

from django.db import connection, models, transaction
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

_BATCH_SIZE = 5_000
# What Django makes of values of these, the database's driver takes as it is.
_PLAIN = (models.BinaryField, models.BooleanField, models.CharField, models.FloatField, models.IntegerField)
_PLAIN += (models.TextField,)


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]], **shared: Any) -> int:
    """Write new rows, each with the values of the fields of these names; `shared` are values that all of them have.

    Values have their field's type; of a foreign key it is the key. Other fields get their defaults, and all of them one
    moment. No signal is sent. Raises `TypeError` where a field is missing whose value Django makes from the others, and
    what the database raises. Returns how many rows.
    """
    fields = [model._meta.get_field(name) for name in (*names, *shared)]
    omitted = [field for field in _inserted_fields(model) if field not in fields]
    now, count = timezone.now(), 0
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        for batch in _batches(rows):
            columns = _prepared_columns(fields, batch, shared)
            columns += [_prepared(field, _defaults(field, now, len(batch))) for field in omitted]
            _send_insert(cursor, model, [*fields, *omitted], columns)
            count += len(batch)
    return count


def update(
    model: type[models.Model],
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    where: Mapping[str, Any] | None = None,
    **shared: Any,
) -> int:
    """Write fields of these names to rows that exist: each tuple is the primary key, then the values.

    All of them get the `shared` values as well; a row that has not the values of `where` is left as it is. No signal is
    sent, and nothing else changes, a time of the last change neither. The order in which rows are locked is the
    database's: who may meet another writer locks them before. Raises what the database raises. Returns how many rows
    were changed.
    """
    fields = [model._meta.pk, *(model._meta.get_field(name) for name in (*names, *shared))]
    conditions = {model._meta.get_field(name): value for name, value in (where or {}).items()}
    count = 0
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        for batch in _batches(rows):
            count += _send_update(cursor, model, fields, _prepared_columns(fields, batch, shared), conditions)
    return count


def copy(rows: models.QuerySet[Any], **changes: Any) -> int:
    """Insert a copy of each of these rows, with these values or expressions in place of its own.

    Each has a new UUID as its primary key, and is created now. No signal is sent. Raises what the database raises.
    Returns how many rows.
    """
    model, now = rows.model, timezone.now()
    fields = _inserted_fields(model)
    given = {model._meta.get_field(name): value for name, value in changes.items()}
    given |= {field: now for field in fields if _is_time_of_writing(field)}
    given[model._meta.pk] = _NewId(now)
    values = [_expression(field, given[field]) if field in given else field.attname for field in fields]
    sql, params = rows.order_by().values_list(*values).query.sql_with_params()
    columns = ", ".join(_quoted(field.column) for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {_quoted(model._meta.db_table)} ({columns}) {sql}", params)
        return cursor.rowcount


class _NewId(models.Expression):
    """A UUID of version 7 for each row, as `uuid7` makes them: they begin with the time, the rest is random."""

    def __init__(self, now: datetime) -> None:
        super().__init__(models.UUIDField())
        self.time = f"{int(now.timestamp() * 1000):012x}"

    def as_sqlite(self, *_: Any, **__: Any) -> tuple[str, list[Any]]:
        version, variant = "'7' || substr(lower(hex(randomblob(2))), 2)", "substr('89ab', 1 + (random() & 3), 1)"
        return f"'{self.time}' || {version} || {variant} || substr(lower(hex(randomblob(8))), 2)", []

    def as_postgresql(self, *_: Any, **__: Any) -> tuple[str, list[Any]]:
        # Of a random UUID, which is of version 4, the bits 52 and 53 make it one of version 7.
        timed = f"overlay(uuid_send(gen_random_uuid()) placing decode('{self.time}', 'hex') from 1 for 6)"
        return f"encode(set_bit(set_bit({timed}, 52, 1), 53, 1), 'hex')::uuid", []


def _expression(field: models.Field, value: Any) -> Any:
    return value if hasattr(value, "resolve_expression") else models.Value(value, output_field=field)


def _batches(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    waiting = iter(rows)
    while batch := list(islice(waiting, _BATCH_SIZE)):
        yield batch


@cache
def _inserted_fields(model: type[models.Model]) -> list[models.Field]:
    """The columns that a row is inserted with; the database gives the others their values."""
    made_by_database = (models.AutoField, models.BigAutoField, models.SmallAutoField, models.GeneratedField)
    return [
        field
        for field in model._meta.concrete_fields
        if not isinstance(field, made_by_database) and field.db_default is NOT_PROVIDED
    ]


def _is_time_of_writing(field: models.Field) -> bool:
    return getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)


def _defaults(field: models.Field, now: Any, count: int) -> Sequence[Any]:
    is_time = isinstance(field, (models.DateField, models.TimeField))
    if _is_time_of_writing(field):
        return [now] * count
    if type(field).pre_save is not models.Field.pre_save and not is_time:
        raise TypeError(f"Django computes {field} from the rest of its row: give its values.")
    if field.has_default() and callable(field.default) and not is_time:
        return [field.get_default() for _ in range(count)]
    return [field.get_default()] * count


def _prepared_columns(
    fields: Sequence[models.Field], batch: Sequence[Sequence[Any]], shared: dict[str, Any]
) -> list[Sequence[Any]]:
    columns = [_prepared(field, values) for field, values in zip(fields, zip(*batch, strict=True), strict=False)]
    for field, value in zip(fields[len(columns) :], shared.values(), strict=True):
        columns.append(list(_prepared(field, [value])) * len(batch))
    return columns


def _prepared(field: models.Field, values: Sequence[Any]) -> Sequence[Any]:
    """The values as the database's driver takes them."""
    kind = field.target_field if field.is_relation else field
    if isinstance(kind, _PLAIN):
        return values
    if isinstance(kind, models.UUIDField):
        if connection.features.has_native_uuid_field:
            return values
        return [value if value is None else value.hex for value in values]
    # Of a time, often the same one in all rows.
    if isinstance(kind, models.DateTimeField):
        prepared = {value: field.get_db_prep_save(value, connection) for value in set(values)}
        return [prepared[value] for value in values]
    return [field.get_db_prep_save(value, connection) for value in values]


def _send_insert(
    cursor: Any, model: type[models.Model], fields: Sequence[models.Field], columns: Sequence[Sequence[Any]]
) -> None:
    table, names = _quoted(model._meta.db_table), ", ".join(_quoted(field.column) for field in fields)
    if connection.vendor == "postgresql":
        with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in zip(*columns, strict=True):
                copy.write_row(row)
    else:
        marks = ", ".join(["%s"] * len(fields))
        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", zip(*columns, strict=True))


def _send_update(
    cursor: Any,
    model: type[models.Model],
    fields: Sequence[models.Field],
    columns: Sequence[Sequence[Any]],
    conditions: Mapping[models.Field, Any],
) -> int:
    table, (key, *names) = _quoted(model._meta.db_table), [_quoted(field.column) for field in fields]
    only = "".join(f" AND {table}.{_quoted(field.column)} = %s" for field in conditions)
    values_of_only = [value for field, given in conditions.items() for value in _prepared(field, [given])]
    if connection.vendor == "postgresql":
        settings = ", ".join(f"{name} = given.{name}" for name in names)
        arrays = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
        cursor.execute(
            f"UPDATE {table} SET {settings} FROM unnest({arrays}) AS given ({', '.join([key, *names])}) "
            f"WHERE {table}.{key} = given.{key}{only}",
            [*(list(values) for values in columns), *values_of_only],
        )
    else:
        settings = ", ".join(f"{name} = %s" for name in names)
        repeated = [[value] * len(columns[0]) for value in values_of_only]
        cursor.executemany(
            f"UPDATE {table} SET {settings} WHERE {key} = %s{only}",
            zip(*columns[1:], columns[0], *repeated, strict=True),
        )
    return cursor.rowcount


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
