"""Hierarchies: names, labels, and what they refuse."""

import urllib.error

import pydantic
import pytest
from ulid import ULID

from tests.records.claims.conftest import call
from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn, errors


def test_a_hierarchy_is_a_name_and_labels():
    hierarchy = ArtifactHierarchy(name="ml_pipeline", level_labels={0: "experiment", 1: "model", 2: "predictions"})

    assert hierarchy.name == "ml_pipeline"
    assert dict(hierarchy.level_labels) == {0: "experiment", 1: "model", 2: "predictions"}
    with pytest.raises(pydantic.ValidationError):
        hierarchy.name = "another"
    with pytest.raises(TypeError):
        hierarchy.level_labels[3] = "more"
    with pytest.raises(pydantic.ValidationError):
        ArtifactHierarchy(name="", level_labels={})


@pytest.mark.asyncio
async def test_labels_name_levels(manager):
    hierarchy = manager.hierarchy
    assert [hierarchy.label_for(level) for level in range(3)] == ["experiment", "model", "predictions"]
    assert hierarchy.label_for(7) == "level_7"
    assert hierarchy.describe(1) == {"hierarchy": hierarchy.name, "level_depth": 1, "level_label": "model"}
    root = await manager.save(ArtifactIn(data={}))
    await manager.save(ArtifactIn(parent_id=root.id, data={}))

    tree = await manager.build_tree(root.id)

    assert (tree.level_label, tree.children[0].level_label) == ("experiment", "model")


def test_a_name_is_unique_in_its_project(stack, new_hierarchy):
    url = new_hierarchy(name="twice")
    project = url.split("/h/")[1].rpartition("/")[0]

    with pytest.raises(urllib.error.HTTPError) as refused:
        call(stack, "hierarchies", {"project": project, "name": "twice"})
    assert refused.value.code == 409
    refused.value.close()


@pytest.mark.asyncio
async def test_a_parent_that_cannot_be_one_is_refused(manager):
    root = await manager.save(ArtifactIn(data={"name": "root"}))
    child = await manager.save(ArtifactIn(parent_id=root.id, data={"name": "child"}))

    with pytest.raises(errors.RecordNotFound):
        await manager.save(ArtifactIn(parent_id=ULID(), data={}))
    for parent in (root.id, child.id):
        with pytest.raises(errors.MoveRefused):
            await manager.save(ArtifactIn(id=root.id, parent_id=parent, data={"name": "root"}))
    tree = await manager.build_tree(root.id)
    assert [node.id for node in tree.children] == [child.id]


@pytest.mark.asyncio
async def test_a_level_beyond_the_labels_is_refused(manager):
    parent = None
    for _ in range(3):
        parent = await manager.save(ArtifactIn(parent_id=parent and parent.id, data={}))

    with pytest.raises(errors.LevelRefused):
        await manager.save(ArtifactIn(parent_id=parent.id, data={}))
    assert await manager.count() == 3


@pytest.mark.asyncio
async def test_a_pipeline_of_three_levels():
    hierarchy = ArtifactHierarchy(name="ml_pipeline", level_labels={0: "training", 1: "prediction", 2: "evaluation"})
    async with records.connect("sqlite://:memory:", hierarchy=hierarchy) as manager:
        parent = await manager.save(ArtifactIn(data={"trained": True}))
        child = await manager.save(ArtifactIn(parent_id=parent.id, data={"predicted": 7}))
        await manager.save(ArtifactIn(parent_id=child.id, data={"rmse": 0.25}))

        tree = await manager.build_tree(parent.id)

    assert tree.level_label == "training"
    assert tree.children[0].level_label == "prediction"
    assert tree.children[0].children[0].level_label == "evaluation"
