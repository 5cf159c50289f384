"""The verbs that delete."""

import pytest
from ulid import ULID

from wanllmdb.records import ArtifactIn, errors

pytestmark = pytest.mark.anyio


@pytest.fixture
async def pair(manager):
    parent = await manager.save(ArtifactIn(data={"name": "parent"}))
    return parent, await manager.save(ArtifactIn(parent_id=parent.id, data={"name": "child"}))


async def test_one(manager, pair):
    parent, child = pair
    await manager.delete_by_id(child.id)
    assert await manager.find_by_id(child.id) is None
    await manager.delete_by_id(parent.id)
    assert await manager.count() == 0


async def test_a_record_with_children_is_not_deleted(manager, pair):
    parent, child = pair
    with pytest.raises(errors.HasChildren):
        await manager.delete_by_id(parent.id)
    with pytest.raises(errors.HasChildren):
        await manager.delete_all_by_id([parent.id])
    tree = await manager.build_tree(parent.id)
    assert [node.id for node in tree.children] == [child.id]


async def test_several_with_their_children(manager, pair):
    parent, child = pair
    other = await manager.save(ArtifactIn(data={}))
    await manager.delete_all_by_id([parent.id, child.id])
    assert [record.id for record in await manager.find_all()] == [other.id]


async def test_several_are_deleted_together_or_not_at_all(manager, pair):
    parent, _ = pair
    other = await manager.save(ArtifactIn(data={}))
    with pytest.raises(errors.HasChildren):
        await manager.delete_all_by_id([other.id, parent.id])
    assert await manager.count() == 3


async def test_what_is_not_there_needs_no_deletion(manager, pair):
    _, child = pair
    await manager.delete_by_id(ULID())
    await manager.delete_all_by_id([ULID(), child.id])
    await manager.delete_all_by_id([])
    assert await manager.count() == 1
