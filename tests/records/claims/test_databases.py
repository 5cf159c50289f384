"""Where records are: memory, a file, PostgreSQL."""

import os

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from harness import servers
from wanllmdb import records
from wanllmdb.records import ArtifactIn, ArtifactManager, ArtifactRepository
from wanllmdb.records.models import Artifact

pytestmark = pytest.mark.asyncio


async def test_an_engine_in_memory_with_create_all():
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")
    async with engine.begin() as conn:
        await conn.run_sync(Artifact.metadata.create_all)
    async with AsyncSession(engine) as session:
        manager = ArtifactManager(ArtifactRepository(session))
        saved = await manager.save(ArtifactIn(data={"where": "memory"}))
        assert (await manager.find_by_id(saved.id)).data == {"where": "memory"}
    await engine.dispose()


@pytest.mark.parametrize("scheme", ["sqlite+aiosqlite:///", "sqlite:///"])
async def test_a_file_keeps_records(tmp_path, monkeypatch, scheme):
    monkeypatch.chdir(tmp_path)
    url = f"{scheme}./artifacts.db"
    async with records.connect(url) as manager:
        saved = await manager.save(ArtifactIn(data={"where": "a file"}))

    assert (tmp_path / "artifacts.db").stat().st_size > 0
    async with records.connect(url) as manager:
        assert (await manager.find_by_id(saved.id)).data == {"where": "a file"}


@pytest.mark.parametrize("scheme", ["postgresql+asyncpg", "postgresql"])
async def test_the_url_of_postgresql_is_understood(scheme):
    """The name of a driver that is not installed is no obstacle: records bring their own."""
    if servers.on_postgres():
        name = f"claims_{os.getpid()}_{len(scheme)}"
        with psycopg.connect(f"{servers.postgres()}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = servers.postgres().replace("postgres://wanllmdb@", f"{scheme}://wanllmdb:secret@") + f"/{name}"
        async with records.connect(url) as manager:
            saved = await manager.save(ArtifactIn(data={"where": "PostgreSQL"}))
            assert (await manager.find_by_id(saved.id)).data == {"where": "PostgreSQL"}
    else:
        url = f"{scheme}://user:pass@127.0.0.1:{servers.free_port()}/db"
        with pytest.raises(records.errors.WanLLMDBError, match=r"127\.0\.0\.1") as refused:
            async with records.connect(url):
                pass
        assert "pass@" not in str(refused.value)
