"""Querysets whose SQL Django makes once a process, and PostgreSQL plans once a connection.

To make the SQL takes Django several times as long as it takes the database to answer: with plain querysets, moving an
alias costs 12 ms of CPU where it costs 3 by these. So they are for what runs ask for again and again, and for nothing
else. Django's compiler is used from inside, as of Django 5.2; here only. `core.postgres` sends them.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, models
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError

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
        [rows] = fetch(self.filled(*values))
        return rows

    def first(self, *values: UUID | str) -> Row | None:
        """The first of the rows, which all are fetched."""
        row = self.all(*values)
        return row[0] if row else None

    def filled(self, *values: UUID | str) -> "FilledQuery[Row]":
        """The query with these values in its gaps, for `fetch`."""
        if not all(map(isinstance, values, self._kinds)) or len(values) != len(self._kinds):
            raise TypeError(f"The gaps are for {self._kinds}, not for {values}.")
        if self._compiled is None:
            self._compiled = _compile(self._build, self._kinds)
        return FilledQuery(self._compiled, values)


@dataclass(frozen=True, slots=True)
class FilledQuery(Generic[Row]):
    compiled: "_Compiled"
    values: Sequence[UUID | str]


def fetch(*queries: FilledQuery[Any]) -> list[list[Any]]:
    """The rows of each query. They are run in this order, and PostgreSQL is sent all of them at once.

    A query that comes after one that locks rows sees what others did until they let go of them.
    """
    database = connections[DEFAULT_DB_ALIAS]
    if any(query.compiled.is_locking for query in queries) and database.get_autocommit():
        raise TransactionManagementError("Rows are locked in a transaction alone.")
    cursors = database.run(*[query.compiled.statement(query.values) for query in queries])
    return [query.compiled.rows(cursor) for query, cursor in zip(queries, cursors, strict=True)]


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


def all_but(path: str, model: type[models.Model], *names: str) -> list[str]:
    """The columns of a model to be deferred where these are enough, by the path that leads to it; `""` is its own."""
    kept = {model._meta.pk.name, *names}
    prefix = f"{path}__" if path else ""
    return [prefix + field.name for field in model._meta.concrete_fields if field.name not in kept]


def deferred_writes() -> AbstractContextManager[None]:
    """Let `insert` and `update` wait for the next query of the transaction, or its COMMIT, and be sent with it.

    There errors of them are raised. SQLite has nothing to wait for, and runs each at once.
    """
    return connections[DEFAULT_DB_ALIAS].deferring()


def insert(row: models.Model) -> None:
    """Write a new row of plain values, as `row.save(force_insert=True)` would; no signal is sent.

    The row does not learn an id that the database gives it.
    """
    fields = _inserted_fields(type(row))
    _write(_insert_sql(type(row)), _prepared_values(row, fields, is_new=True))
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


def update(row: models.Model, *names: str) -> None:
    """Write these columns of the row, as `row.save(update_fields=names)` would; no signal is sent.

    Where writes are deferred nobody learns that the row is gone.
    """
    fields = [row._meta.get_field(name) for name in names]
    params = _prepared_values(row, [*fields, row._meta.pk], is_new=False)
    cursor = _write(_update_sql(type(row), names), params)
    if cursor is not None and not cursor.rowcount:
        raise DatabaseError(f"The row no longer exists: {row!r}.")


@cache
def _inserted_fields(model: type[models.Model]) -> list[models.Field]:
    return [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]


@cache
def _insert_sql(model: type[models.Model]) -> str:
    fields = _inserted_fields(model)
    columns = ", ".join(_quoted(field.column) for field in fields)
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({columns}) VALUES ({', '.join(['%s'] * len(fields))})"


@cache
def _update_sql(model: type[models.Model], names: tuple[str, ...]) -> str:
    settings = ", ".join(f"{_quoted(model._meta.get_field(name).column)} = %s" for name in names)
    return f"UPDATE {_quoted(model._meta.db_table)} SET {settings} WHERE {_quoted(model._meta.pk.column)} = %s"


def _write(sql: str, params: list[Any]) -> Any:
    # Not by `connection`, which looks up each attribute anew.
    return connections[DEFAULT_DB_ALIAS].write((sql, params))


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

    def statement(self, values: Sequence[UUID | str]) -> tuple[str, list[Any]]:
        params = list(self.params)
        for index, number in self.gaps:
            params[index] = _as_sent(values[number])
        return self.sql, params

    def rows(self, cursor: Any) -> list[Any]:
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
