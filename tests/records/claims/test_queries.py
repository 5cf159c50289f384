"""Finding records."""

import pytest
from ulid import ULID

from wanllmdb.records import ArtifactIn

pytestmark = pytest.mark.asyncio


@pytest.fixture
def tree_of_seven(runner, manager):
    """A root with two children, each of which has two."""

    async def fill():
        root = await manager.save(ArtifactIn(data={"name": "root"}))
        children = [await manager.save(ArtifactIn(parent_id=root.id, data={"name": name})) for name in "ab"]
        leaves = [
            await manager.save(ArtifactIn(parent_id=child.id, data={"name": f"{child.data['name']}{n}"}))
            for child in children
            for n in (1, 2)
        ]
        return root, children, leaves

    return runner.run(fill())


async def test_find_by_id(manager, tree_of_seven):
    _, _, leaves = tree_of_seven

    found = await manager.find_by_id(leaves[2].id)

    assert (found.id, found.data) == (leaves[2].id, {"name": "b1"})
    assert await manager.find_by_id(ULID()) is None
    assert await manager.exists_by_id(found.id)
    assert not await manager.exists_by_id(ULID())


async def test_find_all(manager, tree_of_seven):
    root, children, leaves = tree_of_seven
    everything = [record.id for record in (root, *children, *leaves)]

    assert {record.id for record in await manager.find_all()} == set(everything)
    assert await manager.count() == 7
    items, total = await manager.find_paginated(page=2, size=3)
    assert ([item.id for item in items], total) == (sorted(everything)[3:6], 7)
    some = [everything[5], everything[0]]
    assert {record.id for record in await manager.find_all_by_id(some)} == set(some)


async def test_build_tree_from_a_root(manager, tree_of_seven):
    root, children, leaves = tree_of_seven

    tree = await manager.build_tree(root.id)
    assert {node.id for child in tree.children for node in child.children} == {leaf.id for leaf in leaves}
    shallow = await manager.build_tree(root.id, max_depth=1)
    assert {child.id for child in shallow.children} == {child.id for child in children}
    assert not any(child.children for child in shallow.children)
    assert await manager.build_tree(ULID()) is None


async def test_a_tree_is_navigated(manager, tree_of_seven):
    root, _, _ = tree_of_seven
    names = []

    def visit(node):
        names.append(node.data["name"])
        for child in sorted(node.children, key=lambda child: child.data["name"]):
            visit(child)

    visit(await manager.build_tree(root.id))
    assert names == ["root", "a", "a1", "a2", "b", "b1", "b2"]
    subtree = await manager.find_subtree(root.id)
    assert sorted(record.data["name"] for record in subtree) == sorted(names)


async def test_records_are_queried_by_level(manager, tree_of_seven):
    _, children, leaves = tree_of_seven

    everything = await manager.find_all()
    assert {record.id for record in everything if record.level == 1} == {child.id for child in children}
    assert {record.id for record in await manager.find_all(level=2)} == {leaf.id for leaf in leaves}


async def test_nested_members_are_read(manager):
    saved = await manager.save(ArtifactIn(data={"metadata": {"config_id": "01C", "steps": [{"seconds": 300.0}]}}))

    found = await manager.find_by_id(saved.id)

    assert found.data["metadata"]["config_id"] == "01C"
    assert found.data["metadata"]["steps"][0]["seconds"] == 300.0
