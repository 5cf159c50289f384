"""Numbers of rows. To count rows is to read them: beyond so many a page says that there are more."""

from typing import Any

from django.db.models import IntegerField, QuerySet, Subquery

COUNT_LIMIT = 10_000


def count(rows: QuerySet) -> int:
    """At most one more than `COUNT_LIMIT`. One query, that reads no further."""
    return _bounded(rows).count()


def format_count(number: int) -> str:
    """`10,000+` for any that are more."""
    return f"{COUNT_LIMIT:,}+" if number > COUNT_LIMIT else f"{number:,}"


class BoundedCount(Subquery):
    """For a query of other rows: the `count` of these, which an `OuterRef` ties to each."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet, **extra: Any) -> None:
        super().__init__(_bounded(rows), **extra)


def _bounded(rows: QuerySet) -> QuerySet:
    return rows.order_by().values("pk")[: COUNT_LIMIT + 1]
