"""The column of a record's id."""

from typing import Any

from django.db import models

from hierarchies import ulids


class UlidField(models.CharField):
    """A ULID; it sorts by its bytes on every database."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": ulids.LENGTH} | options)

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        collation = "C" if connection.vendor == "postgresql" else None
        return {**super().db_parameters(connection), "collation": collation}
