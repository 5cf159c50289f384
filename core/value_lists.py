"""Long lists of values to compare a column with, sent as one parameter.

Django sends each value as a parameter of its own, which it prepares one by one; SQLite takes 32,766 of them at most.
"""

import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import models


class ValueList(models.Expression):
    """`filter(path__in=ValueList(paths))`: texts or ids, in any order. Of none of them Django makes no query."""

    def __init__(self, values: Iterable[str] | Iterable[UUID]) -> None:
        self.values = list(values)
        is_ids = bool(self.values) and isinstance(self.values[0], UUID)
        super().__init__(models.UUIDField() if is_ids else models.TextField())

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        if not self.values:
            raise EmptyResultSet
        if connection.vendor == "postgresql":
            return f"(SELECT unnest(%s::{self.output_field.db_type(connection)}[]))", [self.values]
        values = [value.hex if isinstance(value, UUID) else value for value in self.values]
        return "(SELECT value FROM json_each(%s))", [json.dumps(values)]
