"""The fields of a record."""

from datetime import datetime, timedelta, timezone

import pytest
from ulid import ULID

from wanllmdb.records import ArtifactIn

pytestmark = pytest.mark.asyncio


async def test_a_record_without_a_parent_is_a_root(manager):
    root = await manager.save(ArtifactIn(data={"key": "value"}))
    child = await manager.save(ArtifactIn(parent_id=root.id, data={"key": "value"}))

    assert (root.parent_id, child.parent_id) == (None, root.id)


async def test_the_id_is_a_generated_ulid(manager):
    saved = [await manager.save(ArtifactIn(data={})) for _ in range(3)]

    assert len({record.id for record in saved}) == 3
    for record in saved:
        assert isinstance(record.id, ULID)
        assert record.model_dump(mode="json")["id"] == str(record.id) == str(record.id).upper()
    lower = await manager.find_by_id(str(saved[0].id).lower())
    assert lower.id == saved[0].id


async def test_the_level_is_computed_from_the_parent(manager):
    root = await manager.save(ArtifactIn(data={}, level=5))
    child = await manager.save(ArtifactIn(parent_id=root.id, data={}, level=0))
    grandchild = await manager.save(ArtifactIn(parent_id=child.id, data={}))

    assert [record.level for record in (root, child, grandchild)] == [0, 1, 2]
    await manager.save(ArtifactIn(id=child.id, parent_id=None, data={}))
    assert [(await manager.find_by_id(record.id)).level for record in (child, grandchild)] == [0, 1]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"text": "Grüße, 世界 🌍", "number": -1.5e300, "big": 2**60, "yes": True, "nothing": None},
        {"deep": {"er": [{"still": [[[]]]}]}},
        ["a", "list"],
        "a text",
        42,
        False,
    ],
    ids=str,
)
async def test_data_is_any_json(manager, data):
    saved = await manager.save(ArtifactIn(data=data))

    found = await manager.find_by_id(saved.id)
    assert found.data == data
    assert type(found.data) is type(data)


async def test_times_of_creation_and_update(manager):
    before = datetime.now(timezone.utc) - timedelta(minutes=1)
    saved = await manager.save(ArtifactIn(data={"n": 1}))
    changed = await manager.save(ArtifactIn(id=saved.id, data={"n": 2}))

    assert before < saved.created_at <= changed.updated_at < before + timedelta(minutes=11)
    assert changed.created_at == saved.created_at
    assert changed.updated_at > saved.updated_at
    assert changed.model_dump(mode="json")["created_at"].endswith("Z")
