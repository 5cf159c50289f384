"""Values inside JSON columns, as expressions of both databases: each is NULL where the value is of another type."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db.models import BooleanField, CharField, Expression, FloatField, Func, TextField, Value

# What PostgreSQL and SQLite call the types.
_NUMBER = ("number", "integer", "real")
_TEXT = ("string", "text")
_TRUTH = ("boolean", "true", "false")


class _JsonValue(Func):
    """The value at a path of keys in a column, cast to what `type_names` says it is."""

    type_names: Sequence[str] = ()
    cast = ""

    def __init__(self, column: str, path: Sequence[str], **extra: Any) -> None:
        super().__init__(column, **extra)
        self.path = tuple(path)

    @property
    def identity(self) -> tuple[Any, ...]:
        """Two expressions are the same only with the same path."""
        return (*super().identity, self.path)

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        column, params = compiler.compile(self.source_expressions[0])
        arguments = ", ".join(["%s"] * len(self.path))
        found = [*params, *self.path]
        kind = f"jsonb_typeof(jsonb_extract_path({column}, {arguments}))"
        if not self.type_names:
            return kind, found
        value = f"jsonb_extract_path_text({column}, {arguments}){self.cast}"
        return f"CASE WHEN {kind} = '{self.type_names[0]}' THEN {value} END", [*found, *found]

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        column, params = compiler.compile(self.source_expressions[0])
        # Escaped as in the stored text, with which SQLite compares it.
        found = [*params, "$" + "".join(f".{json.dumps(key)}" for key in self.path)]
        kind = f"JSON_TYPE({column}, %s)"
        if not self.type_names:
            return kind, found
        names = ", ".join(f"'{name}'" for name in self.type_names)
        return f"CASE WHEN {kind} IN ({names}) THEN JSON_EXTRACT({column}, %s) END", [*found, *found]


class JsonType(_JsonValue):
    """What the value is; NULL where there is none."""

    output_field = CharField()


class JsonNumber(_JsonValue):
    output_field = FloatField()
    type_names = _NUMBER
    cast = "::numeric"


class JsonText(_JsonValue):
    output_field = TextField()
    type_names = _TEXT


class JsonTruth(_JsonValue):
    output_field = BooleanField()
    type_names = _TRUTH
    cast = "::boolean"


class Number(Value):
    """A number as PostgreSQL compares it with those of JSON, which are of any size."""

    def __init__(self, value: int | float) -> None:
        super().__init__(value, output_field=FloatField())

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return "%s", [Decimal(repr(self.value))]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return "%s", [float(self.value)]


class JsonListHas(Func):
    """Whether a list of texts in a column has this one."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, column: str, text: str | Expression, **extra: Any) -> None:
        super().__init__(column, text if isinstance(text, Expression) else Value(text), **extra)

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        return self._compile(compiler, "jsonb_exists({}, {})")

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        return self._compile(compiler, "EXISTS (SELECT 1 FROM JSON_EACH({}) WHERE JSON_EACH.value = {})")

    def _compile(self, compiler: Any, template: str) -> tuple[str, list[Any]]:
        (column, params), (text, more) = (compiler.compile(one) for one in self.source_expressions)
        return template.format(column, text), [*params, *more]
