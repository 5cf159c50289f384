"""`build_tree`, `find_subtree` and `expand_artifact`."""

import pytest
from ulid import ULID

from wanllmdb.records import ArtifactIn, ArtifactTreeNode

pytestmark = pytest.mark.anyio


@pytest.fixture
async def family(manager) -> dict:
    """experiment → two models → one prediction each; and another experiment."""
    ids = {name: ULID() for name in ("experiment", "a", "b", "a1", "b1", "other")}
    parents = {"a": "experiment", "b": "experiment", "a1": "a", "b1": "b"}
    await manager.save_all(
        [ArtifactIn(id=id, parent_id=ids.get(parents.get(name)), data={"name": name}) for name, id in ids.items()]
    )
    return ids


def names(node: ArtifactTreeNode) -> dict:
    return {node.data["name"]: [names(child) for child in node.children]}


async def test_a_tree(manager, family):
    tree = await manager.build_tree(family["experiment"])
    assert names(tree) == {"experiment": [{"a": [{"a1": []}]}, {"b": [{"b1": []}]}]}
    assert (tree.level_label, tree.children[0].level_label, tree.children[0].children[0].level_label) == (
        *("experiment", "model", "predictions"),
    )
    assert tree.children[0].parent_id == tree.id
    assert names(await manager.build_tree(family["b"])) == {"b": [{"b1": []}]}


async def test_a_tree_to_some_depth(manager, family):
    assert names(await manager.build_tree(family["experiment"], 1)) == {"experiment": [{"a": []}, {"b": []}]}
    assert names(await manager.build_tree(family["experiment"], max_depth=0)) == {"experiment": []}


async def test_no_tree_where_there_is_no_root(manager):
    assert await manager.build_tree(ULID()) is None
    assert await manager.find_subtree(ULID()) == []
    assert await manager.expand_artifact(ULID()) is None


async def test_a_subtree_is_flat_with_parents_first(manager, family):
    found = await manager.find_subtree(family["experiment"])
    assert {record.data["name"] for record in found} == {"experiment", "a", "b", "a1", "b1"}
    seen = set()
    for record in found:
        assert record.level == 0 or record.parent_id in seen
        seen.add(record.id)


async def test_an_expanded_record_has_ancestors_and_descendants(manager, family):
    node = await manager.expand_artifact(family["a"])
    assert names(node) == {"a": [{"a1": []}]}
    assert [ancestor.data["name"] for ancestor in node.ancestors] == ["experiment"]
    leaf = await manager.expand_artifact(family["a1"])
    assert [ancestor.data["name"] for ancestor in leaf.ancestors] == ["experiment", "a"]
    assert leaf.children == []
    assert (await manager.expand_artifact(family["other"])).ancestors == []
