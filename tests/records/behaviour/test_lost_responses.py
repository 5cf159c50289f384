"""The response of a server is lost: the request is repeated, and takes effect once."""

import asyncio

import pytest

from harness.lossy_proxy import LossyProxy
from wanllmdb import records
from wanllmdb.records import ArtifactIn

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("place", ["server"])]


@pytest.fixture
def proxy(new_address, stack, monkeypatch):
    """In front of the server, with a hierarchy at `proxy.address`."""
    address = new_address()
    with LossyProxy(stack.base_url) as proxy:
        monkeypatch.setenv("WANLLMDB_BASE_URL", proxy.url)
        proxy.address = address
        yield proxy


def lose(proxy, method: str, path: str) -> None:
    proxy.drops, proxy.matched = (method, path), []


async def test_records_are_created_once(proxy):
    async with records.connect(proxy.address) as manager:
        lose(proxy, "POST", "/artifacts")
        saved = await manager.save(ArtifactIn(data={"n": 1}))
        assert [status for _, status in proxy.matched] == [201, 409]
        lose(proxy, "POST", "/$batch")
        batch = await manager.save_all([ArtifactIn(data={"n": n}, parent_id=saved.id) for n in range(3)])
        assert [status for _, status in proxy.matched] == [201, 409]
        assert [record.id for record in await manager.find_all()] == [saved.id, *(record.id for record in batch)]


async def test_an_update_with_an_object_takes_effect_once(proxy):
    async with records.connect(proxy.address) as manager:
        saved = await manager.save(ArtifactIn(data={"n": 1}))
        lose(proxy, "PUT", "/artifacts/")
        changed = await manager.save(ArtifactIn(id=saved.id, data={"content": b"bytes"}))
        assert len(proxy.matched) == 2
        assert changed.data == {"content": b"bytes"}
        assert (await manager.find_by_id(saved.id)).data == {"content": b"bytes"}


async def test_a_deletion_takes_effect_once(proxy):
    async with records.connect(proxy.address) as manager:
        saved = await manager.save_all([ArtifactIn(data={}), ArtifactIn(data={})])
        lose(proxy, "POST", "/$delete")
        await manager.delete_all_by_id([record.id for record in saved])
        assert [status for _, status in proxy.matched] == [200, 404]
        assert await manager.count() == 0


async def test_what_is_cancelled_is_not_waited_for(proxy):
    async with records.connect(proxy.address) as manager:
        await manager.count()
        started = asyncio.Event()
        loop = asyncio.get_running_loop()
        proxy.before_drop = lambda: loop.call_soon_threadsafe(started.set)
        lose(proxy, "GET", "/artifacts")
        task = asyncio.create_task(manager.find_all())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_hierarchy_that_is_not_there(proxy):
    address = f"{proxy.address}-absent"
    with pytest.raises(records.errors.HierarchyNotFound, match="absent"):
        async with records.connect(address) as manager:
            await manager.count()
