"""Conditions that a query planner takes as they are written."""

from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Func, Q


class IsTrue(Func):
    """`filter(IsTrue(Q(pk__in=rows)))`: the ids are gathered once, and each row is looked up among them.

    Without it, PostgreSQL asks the table of the ids again for each row, where it takes them for few; and SQLite reads
    the rows by their ids, and sorts them.
    """

    template = "(%(expressions)s) IS TRUE"
    output_field = BooleanField()
    conditional = True

    def __init__(self, condition: Q, **extra: Any) -> None:
        super().__init__(ExpressionWrapper(condition, BooleanField()), **extra)
