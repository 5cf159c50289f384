"""Trees: parents, children, depth, lineage."""

import pytest

from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn, errors

pytestmark = pytest.mark.asyncio


async def experiment_tree(manager):
    """An experiment with two models; two sets of predictions of the first, one of the second."""
    experiment = await manager.save(ArtifactIn(data={"name": "experiment"}))
    models = [await manager.save(ArtifactIn(parent_id=experiment.id, data={"name": f"model {n}"})) for n in "12"]
    predictions = [
        await manager.save(ArtifactIn(parent_id=model.id, data={"name": f"predictions {letter}"}))
        for model, letter in zip([models[0], models[0], models[1]], "ABC", strict=True)
    ]
    return experiment, models, predictions


def names(nodes):
    return sorted(node.data["name"] for node in nodes)


async def test_any_structured_data_is_stored_in_a_tree(manager):
    model = {"kind": "model", "weights": [0.5, -1.25], "trained": True}
    dataset = {"kind": "dataset", "columns": {"id": "int64", "price": "float64"}, "rows": 10**12}
    document = {"kind": "document", "title": "Héllo", "chapters": [{"n": 1, "notes": None}]}
    root = await manager.save(ArtifactIn(data=model))
    for data in (dataset, document):
        await manager.save(ArtifactIn(parent_id=root.id, data=data))

    tree = await manager.build_tree(root.id)

    assert tree.data == model
    assert sorted((child.data for child in tree.children), key=lambda data: data["kind"]) == [dataset, document]


async def test_the_tree_of_the_architecture(manager):
    experiment, models, predictions = await experiment_tree(manager)

    tree = await manager.build_tree(experiment.id)

    assert (tree.level, tree.parent_id, tree.level_label) == (0, None, "experiment")
    assert [(child.level, child.parent_id) for child in tree.children] == [(1, experiment.id)] * 2
    first, second = sorted(tree.children, key=lambda node: node.data["name"])
    assert (names(first.children), names(second.children)) == (["predictions A", "predictions B"], ["predictions C"])
    assert {leaf.level for leaf in (*first.children, *second.children)} == {2}
    assert [leaf.parent_id for leaf in predictions] == [models[0].id, models[0].id, models[1].id]


async def test_every_ancestor_of_a_record_is_found(manager):
    experiment, models, predictions = await experiment_tree(manager)

    expanded = await manager.expand_artifact(predictions[2].id)

    assert [node.id for node in expanded.ancestors] == [experiment.id, models[1].id]


async def test_a_new_version_changes_no_other(manager):
    document = await manager.save(ArtifactIn(data={"title": "Guide"}))
    first = await manager.save(ArtifactIn(parent_id=document.id, data={"version": 1}))
    second = await manager.save(ArtifactIn(parent_id=document.id, data={"version": 2}))

    assert second.id != first.id
    assert (await manager.find_by_id(first.id)).model_dump() == first.model_dump()
    assert (await manager.find_by_id(document.id)).model_dump() == document.model_dump()


async def test_a_parent_has_several_children(manager):
    experiment, models, _ = await experiment_tree(manager)

    tree = await manager.build_tree(experiment.id)

    assert {child.id for child in tree.children} == {model.id for model in models}


@pytest.mark.parametrize("levels", [1, 2, 10, 64])
async def test_hierarchies_are_as_deep_as_they_need(levels):
    labels = {level: f"step {level}" for level in range(levels)}
    hierarchy = ArtifactHierarchy(name="steps", level_labels=labels)
    async with records.connect("sqlite://:memory:", hierarchy=hierarchy) as manager:
        parent = None
        for level in range(levels):
            parent = await manager.save(ArtifactIn(parent_id=parent and parent.id, data={}))
            assert parent.level == level

        with pytest.raises(errors.LevelRefused):
            await manager.save(ArtifactIn(parent_id=parent.id, data={}))


async def test_the_manager_saves_a_root_and_a_child_and_builds_their_tree(manager):
    root = await manager.save(ArtifactIn(data={"experiment": "v1"}))
    child = await manager.save(ArtifactIn(parent_id=root.id, data={"model": "trained"}))

    tree = await manager.build_tree(root.id)

    assert (tree.id, tree.data) == (root.id, {"experiment": "v1"})
    assert [(node.id, node.data, node.children) for node in tree.children] == [(child.id, {"model": "trained"}, [])]
