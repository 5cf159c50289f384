"""Numbers of rows. To count rows is to read them: beyond so many a page says that there are more."""

from typing import Any

from django.db.models import IntegerField, QuerySet, Subquery

MOST_COUNTED = 10_000


def count(rows: QuerySet) -> int:
    """At most one more than `MOST_COUNTED`. One query, that reads no further."""
    return _bounded(rows).count()


def in_words(number: int) -> str:
    """`10,000+` for any that are more."""
    return f"{MOST_COUNTED:,}+" if number > MOST_COUNTED else f"{number:,}"


class Counted(Subquery):
    """For a query of other rows: the `count` of these, which an `OuterRef` ties to each."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet, **extra: Any) -> None:
        super().__init__(_bounded(rows), **extra)


def _bounded(rows: QuerySet) -> QuerySet:
    return rows.order_by().values("pk")[: MOST_COUNTED + 1]
