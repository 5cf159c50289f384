"""Columns of paths, and of the order in which people expect them."""

from typing import Any

from django.db import models

from artifacts import natural_order


class PathField(models.CharField):
    """Text that sorts by its bytes on every database, so that one index serves order, prefix and cursor."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        collation = "C" if connection.vendor == "postgresql" else None
        return {**super().db_parameters(connection), "collation": collation}


class SortKeyField(PathField):
    """The key of the row's path by `natural_order`, whoever makes the row."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = natural_order.sort_key(model_instance.path)
        setattr(model_instance, self.attname, value)
        return value
