"""A list of the server that is fetched page by page, as far as it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Generic, TypeVar, overload

from wanllmdb.sdk import errors, http_client
from wanllmdb.sdk.http_client import Client

Item = TypeVar("Item")
Page = tuple[list[Item], str | None]
"""Items, and the cursor of the page after them, if there is one."""

Record = dict[str, Any]


class PaginatedList(Sequence[Item], Generic[Item]):
    """Can be indexed, sliced and iterated over again; each page is fetched once, when it is needed.

    An item that stays is met exactly once, whatever others do meanwhile. `len` asks the server where it can count;
    otherwise, and for an index from the end, all is fetched. As an iterator, for `next`, it has one position.
    """

    def __init__(self, fetch: Callable[[str], Page[Item]], count: Callable[[], int] | None = None) -> None:
        """`fetch` gets the page of a cursor, which is empty for the first one."""
        self._fetch = fetch
        self._count = count
        self._items: list[Item] = []
        self._cursor: str | None = ""
        self._lock = threading.Lock()
        self._position = 0

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        if isinstance(index, slice):
            is_forward = index.stop is not None and index.stop >= 0 <= (index.start or 0) and (index.step or 1) > 0
            self._load(index.stop if is_forward else None)
        else:
            self._load(index + 1 if index >= 0 else None)
        return self._items[index]

    def __iter__(self) -> Iterator[Item]:
        position = 0
        while self._load(position + 1):
            yield self._items[position]
            position += 1

    def __next__(self) -> Item:
        if not self._load(self._position + 1):
            raise StopIteration
        self._position += 1
        return self._items[self._position - 1]

    def __len__(self) -> int:
        # `list` asks too: a short list needs no other request for that.
        self._load(1)
        if self._cursor is not None and self._count is not None:
            return self._count()
        self._load(None)
        return len(self._items)

    def __bool__(self) -> bool:
        return self._load(1)

    def __reversed__(self) -> Iterator[Item]:
        self._load(None)
        return reversed(list(self._items))

    def __repr__(self) -> str:
        more = "" if self._cursor is None else ", of more"
        return f"<{type(self).__name__}: {len(self._items)} fetched{more}>"

    def _load(self, count: int | None) -> bool:
        """Fetch until there are so many items, or all. Returns whether there are so many."""
        while self._cursor is not None and (count is None or len(self._items) < count):
            with self._lock:
                cursor = self._cursor
                if cursor is not None and (count is None or len(self._items) < count):
                    items, following = self._fetch(cursor)
                    self._items += items
                    self._cursor = following
        return count is not None and len(self._items) >= count


def of_records(
    client: Client,
    path: str,
    convert: Callable[[Record], Item],
    per_page: int | None = None,
    guard: Callable[[], AbstractContextManager[None]] = nullcontext,
    **query: object,
) -> PaginatedList[Item]:
    """The list at a path of the API, which can be read by cursor and counted; requests are made within `guard()`."""
    size = page_size(per_page)

    def fetch(cursor: str) -> Page[Item]:
        with guard():
            response = client.get(path, cursor=cursor, page_size=size, **query)
        return [convert(record) for record in response["items"]], response["next_cursor"]

    def count() -> int:
        with guard():
            return int(client.get(path, page_size=1, **query)["total"])

    return PaginatedList(fetch, count)


def page_size(per_page: int | None) -> int:
    """How many items to fetch at a time: at most what the server allows. Raises `Invalid`."""
    if per_page is not None and per_page < 1:
        raise errors.Invalid(f"per_page is a number of items, at least 1, not {per_page!r}")
    return min(int(per_page or http_client.PAGE_SIZE), http_client.PAGE_SIZE)
