"""Rows deleted by one statement, as the database finds them.

Django's own `delete` first loads what refers to the rows, and refuses where a protected foreign key does, even from a
row that goes by the same call: a tree of records could be deleted only leaf by leaf. `QuerySet._raw_delete`, as of
Django 5.2, is used here only.
"""

from typing import Any

from django.db.models import QuerySet


def delete(rows: QuerySet[Any]) -> int:
    """Delete the rows; returns how many. What refers to them must be gone by the end of the transaction.

    No signal is sent. Where a row is referred to after all, the database refuses.
    """
    return rows.order_by()._raw_delete(rows.db)
