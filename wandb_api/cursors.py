"""Pages of lists as the schema has them: edges with cursors, and whether there is more."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from core import errors
from core.cursors import decode_text, encode_cursor
from wandb_api.context import Context

M = TypeVar("M", bound=Model)


def connection(nodes: Sequence[Any], cursors: Sequence[Any], has_next: bool, **fields: Any) -> dict[str, Any]:
    """A page of these nodes, each with the value that its cursor stands for; `fields` such as `total_count`."""
    edges = [{"node": node, "cursor": encode_cursor(key)} for node, key in zip(nodes, cursors, strict=True)]
    page = {"end_cursor": edges[-1]["cursor"] if edges else None, "has_next_page": has_next}
    return {"edges": edges, "page_info": page, **fields}


def offset_page(
    context: Context, rows: "QuerySet[M]", first: int | None, after: str | None, *, default: int = 50, **fields: Any
) -> dict[str, Any]:
    """A page of rows in their own order, which goes on at a number. For lists that stay short, or any order."""
    size, start = context.page_size(first, default), offset(after)
    found = list(rows[start : start + size + 1])
    nodes = found[:size]
    return connection(nodes, range(start + 1, start + 1 + len(nodes)), len(found) > size, **fields)


def offset(after: str | None) -> int:
    """The number that the cursor of a list stands for. Raises `Invalid`."""
    if not after:
        return 0
    text = decode_text(after)
    if not text.isdecimal() or len(text) > 9:
        raise errors.Invalid("Invalid cursor: use one that this server returned.")
    return int(text)
