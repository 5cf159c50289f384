"""Long lists of values to compare a column with, sent as one parameter.

Django sends each value as a parameter of its own, which it prepares one by one; SQLite takes 32,766 of them at most.
"""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import models


class Among(models.Expression):
    """`filter(Among("path", paths))`: whether a column has one of these texts or ids, which come in any order.

    Of none of them Django makes no query.
    """

    conditional = True

    def __init__(self, column: str, values: Iterable[str] | Iterable[UUID]) -> None:
        super().__init__(models.BooleanField())
        self.column = models.F(column)
        self.values = list(values)

    def get_source_expressions(self) -> list[Any]:
        return [self.column]

    def set_source_expressions(self, expressions: list[Any]) -> None:
        [self.column] = expressions

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        if not self.values:
            raise EmptyResultSet
        column, params = compiler.compile(self.column)
        if connection.vendor == "postgresql":
            # Of a join with the list, which `IN (SELECT unnest(…))` is, the plan can be a loop in a loop: a table that
            # has just grown is thought to be empty.
            kind = "uuid" if isinstance(self.values[0], UUID) else "text"
            return f"{column} = ANY(%s::{kind}[])", [*params, self.values]
        values = [value.hex if isinstance(value, UUID) else value for value in self.values]
        return f"{column} IN (SELECT value FROM json_each(%s))", [*params, json.dumps(values)]
