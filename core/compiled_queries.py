"""Querysets whose SQL Django makes once a process, and PostgreSQL plans once a connection.

To make the SQL takes Django several times as long as it takes the database to answer: with plain querysets, moving an
alias costs 12 ms of CPU where it costs 3 by these. So they are for what runs ask for again and again, and for nothing
else. Django's compiler and psycopg's cursor are used from inside, as of Django 5.2 and psycopg 3.3; here only.
"""

import select
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

import psycopg
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, models
from django.db.backends.postgresql.psycopg_any import get_adapters_template
from django.db.backends.utils import CursorWrapper
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError
from psycopg.adapt import AdaptersMap

Row = TypeVar("Row", bound=models.Model)
Kind = type[UUID] | type[str]


class CompiledQuery(Generic[Row]):
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
        row = self.all(*values)
        return row[0] if row else None


class StringAgg(models.Subquery):
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


@contextmanager
def pipeline() -> Iterator[None]:
    """Let `insert` and `update` be sent together, at the end, where errors of any of them are raised.

    Other statements do not belong in it. SQLite has nothing to wait for, and runs each at once.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "postgresql":
        yield
        return
    with database.wrap_database_errors, database.connection.pipeline():
        yield


def insert(row: models.Model) -> None:
    """Write a new row of plain values, as `row.save(force_insert=True)` would; no signal is sent."""
    model, fields = type(row), row._meta.concrete_fields
    params = _prepared_values(row, fields, is_new=True)
    with _cursor() as cursor:
        cursor.execute(_insert_sql(model), params)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def update(row: models.Model, *names: str) -> None:
    """Write these columns of the row, as `row.save(update_fields=names)` would; no signal is sent.

    In a pipeline nobody learns that the row is gone.
    """
    fields = [row._meta.get_field(name) for name in names]
    params = _prepared_values(row, [*fields, row._meta.pk], is_new=False)
    with _cursor() as cursor:
        cursor.execute(_update_sql(type(row), names), params)
        if not cursor.rowcount:
            raise DatabaseError(f"The row no longer exists: {row!r}.")


@cache
def _insert_sql(model: type[models.Model]) -> str:
    fields = model._meta.concrete_fields
    columns = ", ".join(_quoted(field.column) for field in fields)
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({columns}) VALUES ({', '.join(['%s'] * len(fields))})"


@cache
def _update_sql(model: type[models.Model], names: tuple[str, ...]) -> str:
    settings = ", ".join(f"{_quoted(model._meta.get_field(name).column)} = %s" for name in names)
    return f"UPDATE {_quoted(model._meta.db_table)} SET {settings} WHERE {_quoted(model._meta.pk.column)} = %s"


def _prepared_values(row: models.Model, fields: Iterable[models.Field], *, is_new: bool) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, is_new), connection) for field in fields]


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """What Django knows of a query once it has made the SQL. `gaps` are indexes into `params`, with whose value."""

    sql: str
    params: Sequence[Any]
    gaps: list[tuple[int, int]]
    is_locking: bool
    model: "_Model"
    annotations: dict[str, int]
    converters: list[tuple[int, list[Callable[..., Any]], Any]]

    def run(self, values: Sequence[UUID | str]) -> list[Any]:
        if self.is_locking and connection.get_autocommit():
            raise TransactionManagementError("Rows are locked in a transaction alone.")
        params = list(self.params)
        for index, number in self.gaps:
            params[index] = _as_sent(values[number])
        with _cursor() as cursor:
            cursor.execute(self.sql, params)
            return [self._row(list(row)) for row in cursor.fetchall()]

    def _row(self, values: list[Any]) -> models.Model:
        for index, converters, expression in self.converters:
            for convert in converters:
                values[index] = convert(values[index], expression, connection)
        row = self.model.from_values(values)
        for name, index in self.annotations.items():
            setattr(row, name, values[index])
        return row


@dataclass(frozen=True, slots=True)
class _Model:
    """A model in a row: which values are its columns, what came along, and how it is tied to what it came with."""

    model: type[models.Model]
    columns: list[tuple[str, int]]
    key: int
    related: "list[_Model]"
    set_on: Callable[[models.Model, models.Model | None], None] | None
    set_back: Callable[[models.Model, models.Model], None] | None

    def from_values(self, values: list[Any]) -> Any:
        """As `Model.from_db` makes one, without its signals, which take longer than the rest. None for no row."""
        if values[self.key] is None:
            return None
        row = self.model.__new__(self.model)
        row._state = state = models.base.ModelState()
        state.adding, state.db = False, DEFAULT_DB_ALIAS
        # What is deferred is absent, and loaded once somebody asks for it.
        row.__dict__.update((name, values[index]) for name, index in self.columns)
        for related in self.related:
            related_row = related.from_values(values)
            related.set_on(row, related_row)
            if related_row is not None:
                related.set_back(related_row, row)
        return row


def _model(klass_info: dict[str, Any], select: Sequence[Any]) -> _Model:
    """From what Django's compiler knows of a model and those selected along with it."""
    model = klass_info["model"]
    columns = [(select[index][0].target.attname, index) for index in klass_info["select_fields"]]
    related = [_model(info, select) for info in klass_info.get("related_klass_infos", ())]
    setters = klass_info.get("local_setter"), klass_info.get("remote_setter")
    return _Model(model, columns, dict(columns)[model._meta.pk.attname], related, *setters)


def _compile(build: Callable[..., models.QuerySet[Any]], kinds: Sequence[Kind]) -> _Compiled:
    stand_ins = [uuid4() if kind is UUID else str(uuid4()) for kind in kinds]
    queryset = build(*stand_ins)
    compiler = queryset.query.get_compiler(DEFAULT_DB_ALIAS)
    sql, params = compiler.as_sql()
    sent = [_as_sent(stand_in) for stand_in in stand_ins]
    converters = compiler.get_converters([expression for expression, _, _ in compiler.select])
    return _Compiled(
        sql,
        params,
        gaps=[(index, sent.index(value)) for index, value in enumerate(params) if value in sent],
        is_locking=queryset.query.select_for_update,
        model=_model(compiler.klass_info, compiler.select),
        annotations=compiler.annotation_col_map or {},
        converters=[(index, *converter) for index, converter in converters.items()],
    )


def _as_sent(value: UUID | str) -> UUID | str:
    """The value as this database is given it."""
    return value.hex if isinstance(value, UUID) and not connection.features.has_native_uuid_field else value


def _cursor() -> CursorWrapper:
    """A cursor of Django's. With PostgreSQL it sends the values beside the SQL, which is then the same each time.

    Django's usual one writes the values into it, and has them planned anew.
    """
    # Not by `connection`, which looks up each attribute anew.
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "postgresql":
        return database.cursor()
    if not database.health_check_done and database.connection is not None:
        database.health_check_done = _is_silent(database.connection.fileno())
    database.close_if_health_check_failed()
    database.ensure_connection()
    return database._prepare_cursor(_PreparingCursor(database.connection))


def _is_silent(socket: int) -> bool:
    """Whether a connection that nobody waits for has nothing to say. One that the server ended has its end to read.

    So there is nothing to check, which would be a query; where there is, Django's own check finds out.
    """
    news = select.poll()
    news.register(socket, select.POLLIN)
    return not news.poll(0)


class _PreparingCursor(psycopg.Cursor):
    @property
    def adapters(self) -> AdaptersMap:
        return _adapters()

    def _send_query_prepared(self, name: bytes, pgq: Any, *, binary: bool | None = None) -> None:
        # Where Django looks for what to log.
        self._query = pgq
        super()._send_query_prepared(name, pgq, binary=binary)


@cache
def _adapters() -> AdaptersMap:
    """Django's, but that timestamps are read by psycopg itself, which is compiled: Django does it in Python."""
    adapters = AdaptersMap(get_adapters_template(True, UTC))
    timestamp = psycopg.adapters.types["timestamptz"].oid
    adapters.register_loader(timestamp, psycopg.adapters.get_loader(timestamp, psycopg.pq.Format.TEXT))
    return adapters
