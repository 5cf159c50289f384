"""Lists that are fetched page by page."""

import itertools

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.paginated_list import PaginatedList, page_size


class Server:
    """Has the numbers below `count`, in pages of two."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.requests: list[str] = []

    def fetch(self, cursor: str) -> tuple[list[int], str | None]:
        self.requests.append(cursor)
        start = int(cursor or 0)
        if start == 4 and self.requests.count("4") == 1:
            raise wandb.Unreachable("once")
        stop = min(start + 2, self.count)
        return list(range(start, stop)), str(stop) if stop < self.count else None

    def length(self) -> int:
        self.requests.append("length")
        return self.count


def test_as_much_is_fetched_as_is_read():
    server = Server(4)
    listed = PaginatedList(server.fetch, server.length)
    assert server.requests == []
    assert (listed[0], server.requests) == (0, [""])
    assert (len(listed), server.requests) == (4, ["", "length"])
    assert (listed[:2], listed[1], bool(listed), server.requests) == ([0, 1], 1, True, ["", "length"])
    assert (next(listed), next(listed), next(listed), repr(listed)) == (0, 1, 2, "<PaginatedList: 4 fetched>")
    assert (list(listed), list(listed), len(listed)) == ([0, 1, 2, 3], [0, 1, 2, 3], 4)
    assert server.requests == ["", "length", "2"]
    assert (next(listed), next(listed, None)) == (3, None)


def test_it_is_a_sequence():
    def numbers() -> PaginatedList[int]:
        return PaginatedList(Server(3).fetch)

    for index in (0, 2, -1, -3):
        assert numbers()[index] == [0, 1, 2][index]
    ends = (None, 0, 1, 2, 3, 9, -1, -2)
    for start, stop, step in itertools.product(ends, ends, (None, 1, 2, -1)):
        assert numbers()[start:stop:step] == [0, 1, 2][start:stop:step]
    assert (len(numbers()), list(reversed(numbers())), 2 in numbers(), numbers().index(1)) == (3, [2, 1, 0], True, 1)
    for outside in (3, -4):
        with pytest.raises(IndexError):
            numbers()[outside]
    empty = PaginatedList(Server(0).fetch)
    assert (bool(empty), len(empty), list(empty), empty[:1]) == (False, 0, [], [])


def test_after_an_error_it_goes_on_where_it_was():
    listed = PaginatedList(Server(6).fetch)
    with pytest.raises(wandb.Unreachable):
        list(listed)
    assert list(listed) == [0, 1, 2, 3, 4, 5]


def test_the_size_of_a_page():
    assert (page_size(None), page_size(7), page_size(10_000)) == (200, 7, 200)
    with pytest.raises(wandb.Invalid, match="per_page is a number of items, at least 1"):
        page_size(0)
