"""`save` and `save_all`."""

import pytest
from ulid import ULID

from wanllmdb.records import ArtifactHierarchy, ArtifactIn, errors

pytestmark = pytest.mark.anyio


async def test_a_root_and_a_child(manager):
    parent = await manager.save(ArtifactIn(data={"level": "root"}))
    assert (parent.level, parent.parent_id, parent.data) == (0, None, {"level": "root"})
    child = await manager.save(ArtifactIn(parent_id=parent.id, data={"level": "child"}, tags=["small"], type="leaf"))
    assert (child.level, child.parent_id, child.type, child.tags) == (1, parent.id, "leaf", ["small"])
    assert child.created_at.utcoffset().total_seconds() == 0
    assert child.id > parent.id
    assert await manager.find_by_id(child.id) == child


@pytest.mark.parametrize(
    "data",
    [{}, [], [1, "two", None], "text", 0, 1.5, False, {"nested": {"list": [1, 2, {"deep": "ö→🙂"}]}}, {"n": None}],
    ids=str,
)
async def test_any_json_is_data(manager, data):
    saved = await manager.save(ArtifactIn(data=data))
    assert saved.data == data
    assert (await manager.find_by_id(saved.id)).data == data


async def test_long_data_comes_back_whole(manager):
    data = {"name": "long", "text": "ö" * 100_000, "rows": [{"number": number} for number in range(10_000)]}
    saved = await manager.save(ArtifactIn(data=data))
    assert saved.data == data
    assert (await manager.find_by_id(saved.id)).data == data
    assert [found.data for found in await manager.find_all()] == [data]
    assert (await manager.build_tree(saved.id)).data == data


async def test_ids_in_lower_case(manager):
    parent = await manager.save(ArtifactIn(data={}))
    child = await manager.save(ArtifactIn(parent_id=str(parent.id).lower(), data={}))
    assert child.parent_id == parent.id
    assert (await manager.find_by_id(str(child.id).lower())) == child


async def test_an_unknown_parent_is_refused(manager):
    with pytest.raises(errors.RecordNotFound, match=r"01ARZ3NDEKTSV4RRFFQ69G5FAV"):
        await manager.save(ArtifactIn(parent_id="01ARZ3NDEKTSV4RRFFQ69G5FAV", data={}))
    assert await manager.count() == 0


async def test_what_is_no_ulid_is_refused(manager):
    with pytest.raises(ValueError, match="ULID"):
        await manager.save(ArtifactIn(parent_id="parent", data={}))
    with pytest.raises(errors.InvalidUlid):
        await manager.find_by_id("nothing")


async def test_levels_beyond_the_labels_are_refused(manager):
    parent_id = None
    for _ in range(3):
        parent_id = (await manager.save(ArtifactIn(parent_id=parent_id, data={}))).id
    with pytest.raises(errors.LevelRefused, match="predictions"):
        await manager.save(ArtifactIn(parent_id=parent_id, data={}))
    assert await manager.count() == 3


async def test_a_tree_has_64_levels(connect):
    async with connect(ArtifactHierarchy(name="deep", enforce_levels=False)) as manager:
        ids = [ULID() for _ in range(64)]
        await manager.save_all(
            [ArtifactIn(id=id, parent_id=parent, data={}) for id, parent in zip(ids, [None, *ids], strict=False)]
        )
        assert (await manager.find_by_id(ids[-1])).level == 63
        with pytest.raises(errors.LevelRefused, match="64"):
            await manager.save(ArtifactIn(parent_id=ids[-1], data={}))


async def test_an_update_replaces_data_and_keeps_the_place(manager):
    parent = await manager.save(ArtifactIn(data={}))
    child = await manager.save(ArtifactIn(parent_id=parent.id, data={"a": 1}, tags=["old"]))
    changed = await manager.save(ArtifactIn(id=child.id, data={"b": 2}))
    assert (changed.id, changed.data, changed.parent_id, changed.level) == (child.id, {"b": 2}, parent.id, 1)
    assert changed.created_at == child.created_at
    assert changed.updated_at >= child.updated_at
    assert await manager.find_by_id(child.id) == changed
    assert await manager.count() == 2


async def test_a_move_takes_the_subtree_along(manager):
    one, other = await manager.save_all([ArtifactIn(data={"name": "one"}), ArtifactIn(data={"name": "other"})])
    child = await manager.save(ArtifactIn(parent_id=one.id, data={}))
    moved = await manager.save(ArtifactIn(id=one.id, parent_id=other.id, data={"name": "one"}))
    assert (moved.parent_id, moved.level) == (other.id, 1)
    assert (await manager.find_by_id(child.id)).level == 2
    back = await manager.save(ArtifactIn(id=one.id, parent_id=None, data={"name": "one"}))
    assert (back.parent_id, back.level) == (None, 0)
    assert (await manager.find_by_id(child.id)).level == 1


async def test_a_record_is_not_moved_below_itself(manager):
    root = await manager.save(ArtifactIn(data={}))
    child = await manager.save(ArtifactIn(parent_id=root.id, data={}))
    for parent_id in (root.id, child.id):
        with pytest.raises(errors.MoveRefused):
            await manager.save(ArtifactIn(id=root.id, parent_id=parent_id, data={}))
    assert (await manager.find_by_id(root.id)).parent_id is None


async def test_a_move_that_makes_the_subtree_too_deep_is_refused(manager):
    one, other = await manager.save_all([ArtifactIn(data={}), ArtifactIn(data={})])
    child = await manager.save(ArtifactIn(parent_id=one.id, data={}))
    await manager.save(ArtifactIn(parent_id=child.id, data={}))
    with pytest.raises(errors.LevelRefused):
        await manager.save(ArtifactIn(id=one.id, parent_id=other.id, data={}))
    assert [record.level for record in await manager.find_all()] == [0, 0, 1, 2]


async def test_save_all_keeps_the_order(manager):
    saved = await manager.save_all([ArtifactIn(data={"number": number}) for number in range(2_500)])
    assert [record.data["number"] for record in saved] == list(range(2_500))
    assert [record.data["number"] for record in await manager.find_all()] == list(range(2_500))
    assert await manager.save_all([]) == []


async def test_save_all_saves_trees(manager):
    parent, child = ULID(), ULID()
    saved = await manager.save_all(
        [
            ArtifactIn(id=parent, data={"name": "parent"}),
            ArtifactIn(id=child, parent_id=parent, data={"name": "child"}),
            ArtifactIn(parent_id=child, data={"name": "grandchild"}),
        ]
    )
    assert [(record.level, record.parent_id) for record in saved] == [(0, None), (1, parent), (2, child)]


async def test_save_all_saves_all_or_nothing(manager):
    with pytest.raises(errors.RecordNotFound):
        await manager.save_all([ArtifactIn(data={}), ArtifactIn(parent_id=ULID(), data={})])
    assert await manager.count() == 0


@pytest.mark.parametrize("type", ["ml_training_workspace", "ml_prediction"])
async def test_typed_data_with_wrong_metadata_is_refused(manager, type):
    metadata = {"status": "perhaps", "config_id": "c", "started_at": "2025-10-18T10:00:00Z", "duration_seconds": 1.0}
    with pytest.raises(errors.InvalidData) as refusal:
        await manager.save(ArtifactIn(data={"type": type, "metadata": metadata, "content": None}))
    assert "metadata.status" in str(refusal.value)
    assert "metadata.completed_at" in str(refusal.value)
    assert {"metadata.status", "metadata.completed_at"} <= set(refusal.value.problems)
    assert await manager.count() == 0


async def test_typed_data_is_found_by_its_type(manager):
    data = {"type": "generic", "metadata": {"any": ["thing"]}, "content": {"a": 1}}
    assert (await manager.save(ArtifactIn(data=data))).type == "generic"
