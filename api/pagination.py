"""Pagination: by page number for lists that people look at, by cursor for lists that programs read to the end."""

from functools import cache
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from drf_spectacular.utils import inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer

from api.serialization import validate
from core import errors, long_values
from core.cursors import decode_cursor, encode_cursor

MAX_PAGE_SIZE = 200
Row = TypeVar("Row", bound=Model)


class PageQuery(Serializer):
    """The query parameters of a numbered list."""

    page = serializers.IntegerField(min_value=1, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=50)


class CursorQuery(Serializer):
    """The query parameters of a cursor list. Lists with another page size have a subclass with their own `limit`."""

    cursor = serializers.RegexField(
        r"\A[A-Za-z0-9_-]*\Z", required=False, max_length=2048, help_text="`next_cursor` of the previous response."
    )
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=100)


def parse(request: Request, query: type[Serializer]) -> dict[str, Any]:
    """Parse the query string with the serializer that also documents it. Raises DRF's `ValidationError`."""
    return validate(query, request.query_params)


def paginate(request: Request, rows: QuerySet, item: type[BaseSerializer]) -> Response:
    """A numbered page of the rows, which must be totally ordered, with the long values that fit. Two queries, and those
    of `long_values.load`. Raises `Invalid` past the last page."""
    query = parse(request, PageQuery)
    page, size = query["page"], query["page_size"]
    total = rows.count()
    total_pages = -(-total // size)
    if page > max(total_pages, 1):
        raise errors.Invalid(f"Page {page} does not exist: the last one is {max(total_pages, 1)}.")
    on_page = list(long_values.defer(rows, "")[(page - 1) * size : page * size]) if total else []
    long_values.load(on_page)
    items = item(on_page, many=True, context={"request": request}).data
    return Response({"items": items, "total": total, "page": page, "page_size": size, "total_pages": total_pages})


def cursor_page(
    request: Request, rows: QuerySet[Row], key: str, query: type[CursorQuery] = CursorQuery, most: int | None = None
) -> tuple[list[Row], str | None]:
    """The rows after the request's cursor in the order of `key`, which must be unique among them, and the next cursor.

    `-key` is for descending. There are never more than `most`, and of their long values those that fit. One query
    without COUNT or OFFSET, and those of `long_values.load`: the last page costs what the first does.
    """
    params = parse(request, query)
    limit = min(params["limit"], most or params["limit"])
    column = key.removeprefix("-")
    if after := params.get("cursor"):
        beyond = "lt" if key.startswith("-") else "gt"
        rows = rows.filter(**{f"{column}__{beyond}": decode_cursor(after, rows.model, column)})
    found = list(long_values.defer(rows, "").order_by(key)[: limit + 1])
    page = found[:limit]
    long_values.load(page)
    return page, encode_cursor(getattr(page[-1], column)) if len(found) > limit else None


def page_by_cursor(
    request: Request,
    rows: QuerySet,
    key: str,
    item: type[BaseSerializer],
    query: type[CursorQuery] = CursorQuery,
    most: int | None = None,
) -> Response:
    """`cursor_page` as a response `{items, next_cursor}`."""
    page, next_cursor = cursor_page(request, rows, key, query, most)
    items = item(page, many=True, context={"request": request}).data
    return Response({"items": items, "next_cursor": next_cursor})


@cache
def page_of(item: type[Serializer]) -> Serializer:
    """For the schema: the response of `paginate`."""
    whole = {name: serializers.IntegerField() for name in ("total", "page", "page_size", "total_pages")}
    return inline_serializer(f"{_noun(item)}Page", {"items": item(many=True), **whole})


@cache
def cursor_page_of(item: type[Serializer]) -> Serializer:
    """For the schema: the response of `page_by_cursor`."""
    next_cursor = serializers.CharField(allow_null=True)
    return inline_serializer(f"{_noun(item)}CursorPage", {"items": item(many=True), "next_cursor": next_cursor})


def _noun(item: type[Serializer]) -> str:
    return item.__name__.removesuffix("Serializer")
