"""How the API finds one object among those that the user may see."""

from typing import TypeVar

from django.db.models import Model, QuerySet

from core import errors

M = TypeVar("M", bound=Model)


def get_or_missing(rows: "QuerySet[M]", noun: str, pk: object) -> M:
    """The row of that id. Raises `Missing`, which names the kind of thing as people do: "Project", "API key"."""
    try:
        return rows.get(pk=pk)
    except rows.model.DoesNotExist as error:
        raise missing(noun) from error


def missing(noun: str) -> errors.Missing:
    return errors.Missing(f"{noun} not found: it was deleted, or you don't have access.")
