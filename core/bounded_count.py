"""Numbers of rows. To count rows is to read them: beyond so many a page says that there are more."""

from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, IntegerField, Q, QuerySet, Subquery

COUNT_LIMIT = 10_000
# Of rows that are filtered: each is compared with what is searched for, which costs more than to read an index.
FILTERED_COUNT_LIMIT = 1_000


def count(rows: QuerySet, limit: int | None = None) -> int:
    """At most one more than `limit`, which is `COUNT_LIMIT` where none is given. One query, that reads no further."""
    return _bounded(rows, COUNT_LIMIT if limit is None else limit).count()


def format_count(number: int, limit: int = COUNT_LIMIT) -> str:
    """`10,000+` for any that are more."""
    return f"{limit:,}+" if number > limit else f"{number:,}"


class BoundedCount(Subquery):
    """For a query of other rows: their number, which an `OuterRef` ties to each; at most one more than `limit`."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet, limit: int = COUNT_LIMIT, **extra: Any) -> None:
        super().__init__(_bounded(rows, limit), **extra)


class SampleCount(Subquery):
    """For a query of other rows: how many of the first `size` of these rows meet a condition. All of them are read."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS sample WHERE sample.meets)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet, condition: Q, size: int, **extra: Any) -> None:
        meets = ExpressionWrapper(condition, BooleanField())
        super().__init__(rows.annotate(meets=meets).values("meets")[:size], **extra)


def _bounded(rows: QuerySet, limit: int) -> QuerySet:
    return rows.order_by().values("pk")[: limit + 1]
