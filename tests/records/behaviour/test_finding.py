"""The verbs that read lists and single records."""

import pytest
from ulid import ULID

from wanllmdb.records import ArtifactIn, errors

pytestmark = pytest.mark.anyio


@pytest.fixture
async def numbers(manager):
    return await manager.save_all([ArtifactIn(data={"number": number}) for number in range(7)])


async def test_nothing_is_found_where_nothing_is(manager):
    absent = ULID()
    assert await manager.find_by_id(absent) is None
    assert await manager.find_all() == []
    assert await manager.find_all_by_id([absent]) == []
    assert await manager.find_all_by_id([]) == []
    assert await manager.find_paginated(1, 10) == ([], 0)
    assert await manager.exists_by_id(absent) is False
    assert await manager.count() == 0


async def test_all_in_the_order_of_creation(manager, numbers):
    assert await manager.find_all() == numbers
    assert await manager.count() == 7


async def test_pages(manager, numbers):
    assert await manager.find_paginated(1, 3) == (numbers[:3], 7)
    assert await manager.find_paginated(3, 3) == (numbers[6:], 7)
    assert await manager.find_paginated(4, 3) == ([], 7)
    assert await manager.find_paginated(1, 200) == (numbers, 7)


@pytest.mark.parametrize(("page", "size"), [(0, 10), (-1, 10), (1, 0), (1, 201), (1, 10**9)])
async def test_pages_have_bounds(manager, page, size):
    with pytest.raises(errors.Invalid):
        await manager.find_paginated(page, size)


async def test_by_ids_in_their_order(manager, numbers):
    chosen = [numbers[4], numbers[0], numbers[2]]
    assert await manager.find_all_by_id([record.id for record in chosen]) == chosen
    assert await manager.find_all_by_id([numbers[4].id, ULID(), numbers[0].id]) == [numbers[4], numbers[0]]


async def test_by_more_ids_than_a_request_takes(manager):
    saved = await manager.save_all([ArtifactIn(data=number) for number in range(450)])
    found = await manager.find_all_by_id([record.id for record in reversed(saved)])
    assert [record.data for record in found] == list(reversed(range(450)))


async def test_existence(manager, numbers):
    assert await manager.exists_by_id(numbers[3].id) is True
    assert await manager.exists_by_id(str(numbers[3].id).lower()) is True
