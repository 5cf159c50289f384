"""Hooks of a manager: what they see, what they may change, and what they may prevent."""

import pytest

from wanllmdb.records import ArtifactIn, ArtifactManager, connections


class Recorder(ArtifactManager):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.calls = []

    async def pre_save(self, entity, data):
        if data.data == {"refuse": True}:
            raise PermissionError
        entity.data = {**entity.data, "seen": True}
        entity.tags = ["hooked"]
        self.calls.append(("pre_save", entity.level))

    async def post_save(self, entity):
        assert await self.find_by_id(entity.id) == entity
        self.calls.append(("post_save", entity.data))

    async def pre_update(self, entity, data, old_values):
        if data.data == {"refuse": True}:
            raise PermissionError
        self.calls.append(("pre_update", old_values["data"], entity.level, old_values["level"]))

    async def post_update(self, entity, changes):
        self.calls.append(("post_update", sorted(changes)))

    async def pre_delete(self, entity):
        if entity.data.get("keep"):
            raise PermissionError
        self.calls.append(("pre_delete", entity.id))

    async def post_delete(self, entity):
        assert not await self.exists_by_id(entity.id)
        self.calls.append(("post_delete", entity.id))


@pytest.fixture
def manager_of():
    async def make(address):
        return Recorder(await connections.open_repository(address))

    return make


async def test_hooks_surround_every_change(address, manager_of):
    manager = await manager_of(address)
    try:
        root = await manager.save(ArtifactIn(data={"n": 1}))
        child = await manager.save(ArtifactIn(data={"n": 2}, parent_id=root.id))
        assert root.tags == ["hooked"]
        seen = {"n": 2, "seen": True}
        assert manager.calls[2:] == [("pre_save", 1), ("post_save", seen)]
        manager.calls.clear()
        await manager.save(ArtifactIn(id=child.id, data={"n": 3}, parent_id=None))
        await manager.move(child.id, root.id)
        assert manager.calls == [
            ("pre_update", seen, 0, 1),
            ("post_update", ["data", "level", "parent_id"]),
            ("pre_update", {"n": 3}, 0, 0),
            ("post_update", ["level", "parent_id"]),
        ]
        manager.calls.clear()
        await manager.delete_by_id(child.id)
        assert await manager.delete_subtree(root.id) == 1
        ids = [child.id, child.id, root.id, root.id]
        assert manager.calls == list(zip(["pre_delete", "post_delete"] * 2, ids, strict=True))
    finally:
        await manager.repository.close()


async def test_a_hook_prevents_the_change(address, manager_of):
    manager = await manager_of(address)
    try:
        root = await manager.save(ArtifactIn(data={"keep": True}))
        for attempt in (
            manager.save(ArtifactIn(data={"refuse": True})),
            manager.save_all([ArtifactIn(data={}), ArtifactIn(data={"refuse": True})]),
            manager.save(ArtifactIn(id=root.id, data={"refuse": True})),
            manager.delete_by_id(root.id),
            manager.delete_subtree(root.id),
        ):
            with pytest.raises(PermissionError):
                await attempt
        assert [record.data for record in await manager.find_all()] == [{"keep": True, "seen": True}]
    finally:
        await manager.repository.close()
