"""The unit test of the guide, as it stands there but for the import."""

import pytest

from wanllmdb.records import ArtifactHierarchy, ArtifactIn, ArtifactManager, ArtifactRepository

test_hierarchy = ArtifactHierarchy(name="test", level_labels={0: "root", 1: "child"})


# The layout is the guide's too.
# fmt: off
@pytest.mark.asyncio
async def test_artifact_hierarchy(session):
    """Test parent-child relationships."""
    repo = ArtifactRepository(session)
    manager = ArtifactManager(repo, hierarchy=test_hierarchy)

    # Create parent
    parent = await manager.save(ArtifactIn(data={"level": "root"}))
    assert parent.level == 0
    assert parent.parent_id is None

    # Create child
    child = await manager.save(ArtifactIn(
        parent_id=parent.id,
        data={"level": "child"}
    ))
    assert child.level == 1
    assert child.parent_id == parent.id

    # Build tree
    tree = await manager.build_tree(parent.id)
    assert len(tree.children) == 1
    assert tree.children[0].id == child.id
