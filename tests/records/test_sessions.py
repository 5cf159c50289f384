"""The snippets of the founding documents, on a database and a session of the caller's own."""

import asyncio

import pytest
from sqlalchemy import Index, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from wanllmdb.records import (
    ArtifactHierarchy,
    ArtifactIn,
    ArtifactManager,
    ArtifactRepository,
    PandasDataFrame,
    connections,
    errors,
)
from wanllmdb.records.models import Artifact
from wanllmdb.sdk.errors import Conflict

HIERARCHY = ArtifactHierarchy(name="ml_pipeline", level_labels={0: "experiment", 1: "model", 2: "predictions"})


@pytest.fixture
def engine(address):
    """As the documents make it: nothing of ours is set up on it, and every session has a connection of its own."""
    return create_async_engine(connections.database_url(address), poolclass=NullPool)


async def create_tables(engine):
    async with engine.begin() as conn:
        await conn.run_sync(Artifact.metadata.create_all)


async def test_the_guides_sample(engine):
    await create_tables(engine)
    async with AsyncSession(engine) as session:
        repo = ArtifactRepository(session)
        manager = ArtifactManager(repo, hierarchy=HIERARCHY)
        parent = await manager.save(ArtifactIn(data={"level": "root"}))
        assert parent.level == 0
        assert parent.parent_id is None
        child = await manager.save(ArtifactIn(parent_id=parent.id, data={"level": "child"}))
        assert child.level == 1
        assert child.parent_id == parent.id
        tree = await manager.build_tree(parent.id)
        assert len(tree.children) == 1
        assert tree.children[0].id == child.id


async def test_a_data_frame_as_json(engine):
    import pandas as pd

    await create_tables(engine)
    async with async_sessionmaker(engine, expire_on_commit=False)() as session:
        manager = ArtifactManager(ArtifactRepository(session), hierarchy=HIERARCHY)
        df = pd.DataFrame({"feature1": [1.0, 2.0, 3.0], "feature2": [4.0, 5.0, 6.0]})
        pandas_df = PandasDataFrame.from_dataframe(df)
        artifact = await manager.save(ArtifactIn(data={"dataframe": pandas_df.model_dump()}))
        artifact = await manager.find_by_id(artifact.id)
        pd.testing.assert_frame_equal(PandasDataFrame(**artifact.data["dataframe"]).to_dataframe(), df)


async def test_what_is_saved_is_committed(engine):
    await create_tables(engine)
    async with AsyncSession(engine) as session:
        saved = await ArtifactManager(ArtifactRepository(session)).save(ArtifactIn(data={"content": {1, 2}}))
    async with AsyncSession(engine) as session:
        assert (await ArtifactManager(ArtifactRepository(session)).find_by_id(saved.id)).data == {"content": {1, 2}}
        assert (await session.execute(text("SELECT COUNT(*) FROM artifacts"))).scalar() == 1


async def test_rules_hold_on_a_session_too(engine):
    await create_tables(engine)
    async with AsyncSession(engine) as session:
        manager = ArtifactManager(ArtifactRepository(session), hierarchy=HIERARCHY)
        root = await manager.save(ArtifactIn(data=1))
        child = await manager.save(ArtifactIn(data={"content": {1}}, parent_id=root.id))
        with pytest.raises(errors.MoveRefused):
            await manager.move(root.id, child.id)
        with pytest.raises(errors.HasChildren):
            await manager.delete_by_id(root.id)
        await manager.delete_by_id(child.id)
        assert (await session.execute(text("SELECT COUNT(*) FROM payloads"))).scalar() == 0
        # The database's own keys are on as well.
        with pytest.raises(Conflict):
            async with manager.repository._database.writing(alone=True) as connection:
                await connection.execute(
                    text(
                        "INSERT INTO artifacts (id, parent_id, level, type, data, tags, payload_count, created_at, "
                        "updated_at) SELECT 'x', 'y', 1, type, data, tags, 0, created_at, updated_at FROM artifacts"
                    )
                )
        assert await manager.count() == 1


async def test_tasks_share_a_session(engine):
    await create_tables(engine)
    async with AsyncSession(engine) as session:
        managers = [ArtifactManager(ArtifactRepository(session)) for _ in range(2)]
        await asyncio.gather(*(manager.save(ArtifactIn(data=n)) for n in range(5) for manager in managers))
        assert await managers[0].count() == 10


async def test_the_four_columns_are_indexed_and_one_of_ones_own(engine):
    async with engine.begin() as conn:
        await conn.run_sync(Artifact.metadata.create_all)
        index = Index("ix_artifact_experiment", Artifact.data["experiment_name"].astext)
        try:
            await conn.run_sync(lambda sync: index.create(sync))
        finally:
            # From the tables that other tests make.
            Artifact.__table__.indexes.discard(index)
    async with AsyncSession(engine) as session:
        manager = ArtifactManager(ArtifactRepository(session))
        await manager.save(ArtifactIn(data={"experiment_name": "a"}))
        await manager.save(ArtifactIn(data={"experiment_name": "b"}))
        assert [found.data for found in await manager.find_all(data={"experiment_name": "b"})] == [
            {"experiment_name": "b"}
        ]
        if engine.dialect.name == "sqlite":
            member = "JSON_EXTRACT(data, '$.\"experiment_name\"')"
            plan = await session.execute(text(f"EXPLAIN QUERY PLAN SELECT id FROM artifacts WHERE {member} = 'b'"))
            assert "ix_artifact_experiment" in str(plan.all())
    names = {tuple(column.name for column in index.columns) for index in Artifact.__table__.indexes}
    assert {("parent_id",), ("level",), ("created_at",)} <= names


def test_the_addresses_of_databases():
    def driver(address):
        url = connections.database_url(address)
        return f"{url.drivername}:{url.database}"

    for memory in ("sqlite://", "sqlite://:memory:", "sqlite:///:memory:", "sqlite+aiosqlite:///:memory:"):
        assert driver(memory) == "sqlite+aiosqlite::memory:"
    assert driver("sqlite:///data.db") == "sqlite+aiosqlite:data.db"
    assert driver("sqlite+aiosqlite:////tmp/data.db") == "sqlite+aiosqlite:/tmp/data.db"
    for postgres in ("postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg2"):
        assert driver(f"{postgres}://user:pass@localhost/db") == "postgresql+psycopg:db"
    assert make_url("postgresql://u:p@h/d").password == connections.database_url("postgres://u:p@h/d").password
    for bad, sentence in (
        ("sqlite://data.db", "three slashes: sqlite:///data.db"),
        ("sqlite:////no/such/folder/data.db", "There is no folder /no/such/folder"),
        ("postgresql://u:p@h:port/d", "not the address of a database"),
    ):
        with pytest.raises(ValueError, match=sentence):
            connections.database_url(bad)
