"""Queries that come with every request: Django makes their SQL once, and PostgreSQL plans them once a connection.

Making the SQL takes Django several times as long as it takes the database to answer.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, models
from django.db.backends.utils import CursorWrapper
from django.db.models.query import get_related_populators
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row", bound=models.Model)
Kind = type[UUID] | type[str]


class Prepared(Generic[Row]):
    """A queryset of models with gaps in it: `build` makes it from stand-ins of these kinds.

    Rows come as from the queryset itself, with what it selects along and annotates, and under its locks; what it
    prefetches does not come. Nothing is kept but the SQL, so the values must not decide what that looks like.
    """

    def __init__(self, build: Callable[..., models.QuerySet[Row]], *kinds: Kind) -> None:
        self._build, self._kinds = build, kinds
        self._compiled: _Compiled | None = None

    def all(self, *values: UUID | str) -> list[Row]:
        """The rows where the gaps are filled with these values. A gap takes no None, which no column is equal to."""
        if not all(map(isinstance, values, self._kinds)) or len(values) != len(self._kinds):
            raise TypeError(f"The gaps are for {self._kinds}, not for {values}.")
        if self._compiled is None:
            self._compiled = _compile(self._build, self._kinds)
        return self._compiled.run(values)

    def first(self, *values: UUID | str) -> Row | None:
        """The first of the rows, which all are fetched."""
        found = self.all(*values)
        return found[0] if found else None


class Lines(models.Subquery):
    """One column of a queryset, in its order, as the lines of one text; empty where there are none.

    So a list comes along in the row that it belongs to.
    """

    template = "(SELECT coalesce(%(joined)s, '') FROM (%(subquery)s) listed)"
    output_field = models.TextField()

    def __init__(self, rows: models.QuerySet[Any], column: str) -> None:
        super().__init__(rows.values(line=models.F(column)))

    def as_postgresql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Sequence[Any]]:
        return self.as_sql(compiler, connection, joined="string_agg(line, chr(10))")

    def as_sqlite(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Sequence[Any]]:
        return self.as_sql(compiler, connection, joined="group_concat(line, char(10))")


def insert(row: models.Model) -> None:
    """Write a new row of plain values, as `row.save(force_insert=True)` would; nobody is signalled."""
    model, fields = type(row), row._meta.concrete_fields
    params = _prepared_values(row, fields, is_new=True)
    with _cursor() as cursor:
        cursor.execute(_insertion(model), params)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def update(row: models.Model, *names: str) -> None:
    """Write these columns of the row, as `row.save(update_fields=names)` would; nobody is signalled."""
    fields = [row._meta.get_field(name) for name in names]
    params = _prepared_values(row, [*fields, row._meta.pk], is_new=False)
    with _cursor() as cursor:
        cursor.execute(_change(type(row), names), params)
        if not cursor.rowcount:
            raise DatabaseError(f"There is no such row any more: {row!r}.")


@cache
def _insertion(model: type[models.Model]) -> str:
    fields = model._meta.concrete_fields
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({_list(fields)}) VALUES ({', '.join(['%s'] * len(fields))})"


@cache
def _change(model: type[models.Model], names: tuple[str, ...]) -> str:
    settings = ", ".join(f"{_quoted(model._meta.get_field(name).column)} = %s" for name in names)
    return f"UPDATE {_quoted(model._meta.db_table)} SET {settings} WHERE {_quoted(model._meta.pk.column)} = %s"


def _prepared_values(row: models.Model, fields: Iterable[models.Field], *, is_new: bool) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, is_new), connection) for field in fields]


def _list(fields: Iterable[models.Field]) -> str:
    return ", ".join(_quoted(field.column) for field in fields)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What Django knows of a query once it has made the SQL. `gaps` are the places in `params` with whose value."""

    sql: str
    params: Sequence[Any]
    gaps: list[tuple[int, int]]
    is_locking: bool
    model: type[models.Model]
    columns: slice
    names: list[str]
    related: list[Any]
    annotations: dict[str, int]
    converters: list[tuple[int, list[Callable[..., Any]], Any]]

    def run(self, values: Sequence[UUID | str]) -> list[Any]:
        if self.is_locking and connection.get_autocommit():
            raise TransactionManagementError("Rows are locked in a transaction alone.")
        params = list(self.params)
        for place, number in self.gaps:
            params[place] = _as_sent(values[number])
        with _cursor() as cursor:
            cursor.execute(self.sql, params)
            return [self._row(list(row)) for row in cursor.fetchall()]

    def _row(self, values: list[Any]) -> models.Model:
        for place, converters, expression in self.converters:
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        row = self.model.from_db(DEFAULT_DB_ALIAS, self.names, values[self.columns])
        for each in self.related:
            each.populate(values, row)
        for name, place in self.annotations.items():
            setattr(row, name, values[place])
        return row


def _compile(build: Callable[..., models.QuerySet[Any]], kinds: Sequence[Kind]) -> _Compiled:
    stand_ins = [uuid4() if kind is UUID else str(uuid4()) for kind in kinds]
    queryset = build(*stand_ins)
    compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
    sql, params = compiler.as_sql()
    sent = [_as_sent(each) for each in stand_ins]
    of_model = compiler.klass_info["select_fields"]
    columns = slice(of_model[0], of_model[-1] + 1)
    converters = compiler.get_converters([expression for expression, _, _ in compiler.select])
    return _Compiled(
        sql,
        params,
        gaps=[(place, sent.index(value)) for place, value in enumerate(params) if value in sent],
        is_locking=queryset.query.select_for_update,
        model=compiler.klass_info["model"],
        columns=columns,
        names=[expression.target.attname for expression, _, _ in compiler.select[columns]],
        related=get_related_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS),
        annotations=compiler.annotation_col_map or {},
        converters=[(place, *how) for place, how in converters.items()],
    )


def _as_sent(value: UUID | str) -> UUID | str:
    """The value as this database is given it."""
    return value.hex if isinstance(value, UUID) and not connection.features.has_native_uuid_field else value


def _cursor() -> CursorWrapper:
    """A cursor of Django's. With PostgreSQL it sends the values beside the SQL, which is then the same each time.

    Django's usual one writes the values into it, and has them planned anew.
    """
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    return connection._prepare_cursor(_Planned(connection.connection))


class _Planned(psycopg.Cursor):
    def _send_query_prepared(self, name: bytes, pgq: Any, *, binary: bool | None = None) -> None:
        # Where Django looks for what to log.
        self._query = pgq
        super()._send_query_prepared(name, pgq, binary=binary)
