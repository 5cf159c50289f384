"""Foreign keys of several columns, which Django has no kind of yet.

The database then keeps what is said twice: that a row's copy of a column of its parent is what the parent has.
"""

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


class CompositeForeignKey(models.BaseConstraint):
    """The values of `fields` are those of `to_fields` in one row of the table that `relation` leads to.

    `relation` is a foreign key of the same model. A row with a null in one of the fields refers to nothing. Checked at
    the end of the transaction. There must be a unique constraint on exactly `to_fields`, listed before this one.
    """

    def __init__(self, *, relation: str, fields: Sequence[str], to_fields: Sequence[str], name: str) -> None:
        super().__init__(name=name)
        self.relation, self.fields, self.to_fields = relation, tuple(fields), tuple(to_fields)

    def constraint_sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        """Its line in CREATE TABLE, which SQLite also needs where Django makes a table anew."""
        quote = schema_editor.quote_name
        target = model._meta.get_field(self.relation).remote_field.model
        columns = ", ".join(quote(model._meta.get_field(name).column) for name in self.fields)
        to_columns = ", ".join(quote(target._meta.get_field(name).column) for name in self.to_fields)
        return (
            f"CONSTRAINT {quote(self.name)} FOREIGN KEY ({columns}) "
            f"REFERENCES {quote(target._meta.db_table)} ({to_columns}) DEFERRABLE INITIALLY DEFERRED"
        )

    def create_sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        table = schema_editor.quote_name(model._meta.db_table)
        return f"ALTER TABLE {table} ADD {self.constraint_sql(model, schema_editor)}"

    def remove_sql(self, model: type[models.Model], schema_editor: BaseDatabaseSchemaEditor) -> str:
        quote = schema_editor.quote_name
        return f"ALTER TABLE {quote(model._meta.db_table)} DROP CONSTRAINT {quote(self.name)}"

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Nothing is asked before: the database refuses at the end of the transaction."""

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, args, kwargs | {"relation": self.relation, "fields": self.fields, "to_fields": self.to_fields}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompositeForeignKey) and self.deconstruct() == other.deconstruct()

    __hash__ = models.BaseConstraint.__hash__
