"""`?q=` and `?search=` of lists."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from artifacts import search_query
from artifacts.search import Search

Row = TypeVar("Row", bound=Model)


class QueryField(serializers.CharField):
    """A query in the language of the search field."""

    def __init__(self, **kwargs: Any) -> None:
        help_text = "Terms that all have to match, such as `metadata.mAP>0.7 file:*.safetensors by:alice`."
        super().__init__(required=False, allow_blank=True, help_text=help_text, **kwargs)


def narrow(request: Request, kind: str, rows: QuerySet[Row], query: dict[str, Any], **within: Any) -> QuerySet[Row]:
    """The rows that match `q`, and have the text `search` as it stands. `within` is as of `Search`.

    Raises `InvalidQuery`.
    """
    terms = search_query.parse(query.get("q", "")) + search_query.literal(query.get("search", ""))
    return Search(request.user, terms, **within).narrow(kind, rows) if terms else rows
