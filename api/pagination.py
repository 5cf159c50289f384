"""Pagination: by page number for lists that people look at, by cursor for lists that programs read to the end."""

from collections.abc import Callable
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


CURSOR = r"\A[A-Za-z0-9_-]*\Z"


class PageQuery(Serializer):
    """The query parameters of a numbered list, which can be read by cursor too."""

    page = serializers.IntegerField(min_value=1, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=50)
    cursor = serializers.RegexField(
        CURSOR,
        required=False,
        allow_blank=True,
        max_length=2048,
        help_text="Instead of `page`: empty for the first page, then `next_cursor` of the previous response. The items "
        "are sorted by what never changes, so each that stays is met once, whatever happens to others meanwhile.",
    )


class CursorQuery(Serializer):
    """The query parameters of a cursor list. Lists with another page size have a subclass with their own `limit`."""

    cursor = serializers.RegexField(
        CURSOR, required=False, max_length=2048, help_text="`next_cursor` of the previous response."
    )
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=100)


def parse(request: Request, query: type[Serializer]) -> dict[str, Any]:
    """Parse the query string with the serializer that also documents it. Raises DRF's `ValidationError`."""
    return validate(query, request.query_params)


def paginate(
    request: Request,
    rows: QuerySet,
    item: type[BaseSerializer],
    key: str = "-id",
    prepare: Callable[[list[Any]], None] | None = None,
) -> Response:
    """A numbered page of the rows, which must be totally ordered, with the long values that fit. Two queries, and those
    of `long_values.load`. Raises `Invalid` past the last page.

    With `cursor` in the query string the response is that of `page_by_cursor`, in the order of `key`, whose values must
    be unique and never change. `prepare` is called with the rows of the page before they are serialized.
    """
    query = parse(request, PageQuery)
    if "cursor" in query:
        if request.query_params.get("ordering", key) != key:
            raise errors.Invalid(f"With `cursor` the list is sorted by `{key}`: leave `ordering` out.")
        on_page, next_cursor = _rows_after(rows, key, query["cursor"], query["page_size"])
        if prepare:
            prepare(on_page)
        return _respond(request, on_page, next_cursor, item)
    page, size = query["page"], query["page_size"]
    total = rows.count()
    total_pages = -(-total // size)
    if page > max(total_pages, 1):
        raise errors.Invalid(f"Page {page} does not exist: the last one is {max(total_pages, 1)}.")
    on_page = list(long_values.defer(rows, "")[(page - 1) * size : page * size]) if total else []
    long_values.load(on_page)
    if prepare:
        prepare(on_page)
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
    return _rows_after(rows, key, params.get("cursor", ""), limit)


def page_by_cursor(
    request: Request,
    rows: QuerySet,
    key: str,
    item: type[BaseSerializer],
    query: type[CursorQuery] = CursorQuery,
    most: int | None = None,
) -> Response:
    """`cursor_page` as a response `{items, next_cursor}`."""
    return _respond(request, *cursor_page(request, rows, key, query, most), item)


@cache
def page_of(item: type[Serializer]) -> Serializer:
    """For the schema: the response of `paginate`, without numbers if it is read by cursor, else without a cursor."""
    names = ("total", "page", "page_size", "total_pages")
    by_number = {name: serializers.IntegerField(required=False) for name in names}
    next_cursor = serializers.CharField(allow_null=True, required=False)
    return inline_serializer(f"{_noun(item)}Page", {"items": item(many=True), **by_number, "next_cursor": next_cursor})


@cache
def cursor_page_of(item: type[Serializer]) -> Serializer:
    """For the schema: the response of `page_by_cursor`."""
    next_cursor = serializers.CharField(allow_null=True)
    return inline_serializer(f"{_noun(item)}CursorPage", {"items": item(many=True), "next_cursor": next_cursor})


def _rows_after(rows: QuerySet[Row], key: str, cursor: str, limit: int) -> tuple[list[Row], str | None]:
    column = key.removeprefix("-")
    if cursor:
        beyond = "lt" if key.startswith("-") else "gt"
        rows = rows.filter(**{f"{column}__{beyond}": decode_cursor(cursor, rows.model, column)})
    found = list(long_values.defer(rows, "").order_by(key)[: limit + 1])
    page = found[:limit]
    long_values.load(page)
    return page, encode_cursor(getattr(page[-1], column)) if len(found) > limit else None


def _respond(request: Request, page: list[Row], next_cursor: str | None, item: type[BaseSerializer]) -> Response:
    items = item(page, many=True, context={"request": request}).data
    return Response({"items": items, "next_cursor": next_cursor})


def _noun(item: type[Serializer]) -> str:
    return item.__name__.removesuffix("Serializer")
