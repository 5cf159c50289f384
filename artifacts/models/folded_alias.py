"""Aliases in lower case, compared by their bytes on every database: an index finds those that begin alike."""

from typing import Any

from django.db.models import CharField, Func


class FoldedAlias(Func):
    """`FoldedAlias("alias")`. Of letters that are not ASCII, it is for the database to say."""

    function = "LOWER"
    output_field = CharField()
    arity = 1

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Any]:
        # In the order of a language, what begins with a text does not stand together.
        return self.as_sql(compiler, connection, template='(%(function)s(%(expressions)s) COLLATE "C")', **context)
