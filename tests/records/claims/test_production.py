"""What the guide says of production, for a file of one's own and for a server."""

import asyncio
import json
import subprocess
from datetime import date, timedelta

import psycopg
import pytest
from django.db.models import F
from sqlalchemy import Index, inspect, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from accounts.actor import Actor
from artifacts import storage
from harness import servers
from hierarchies import data_indexes, hierarchies, retention, retention_rules, totals
from hierarchies import records as server_records
from hierarchies.models import Hierarchy, Record, RecordArchive
from hierarchies.records import RecordSpec
from wanllmdb import record_metrics, records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn
from wanllmdb.records.models import Artifact

TREE = ArtifactHierarchy(name="tree", level_labels={0: "document", 1: "version"})


def sh(command, cwd):
    done = subprocess.run(["bash", "-ec", command], cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fill(path, count=100):
    """Store so many records in the file, and return them."""

    async def store():
        async with records.connect(f"sqlite:///{path}", hierarchy=TREE) as manager:
            root = await manager.save(ArtifactIn(data={"title": "Guide"}))
            items = [ArtifactIn(parent_id=root.id, data={"n": n, "text": "x" * 1000}) for n in range(count - 1)]
            return [root, *await manager.save_all(items)]

    return asyncio.run(store())


@pytest.fixture
def hierarchy(alice, project) -> Hierarchy:
    """On the server: a document with five versions."""
    servers.store()
    created = hierarchies.create(Actor(alice), project, "tree", level_labels={"0": "document", "1": "version"})
    specs = [RecordSpec({"title": "Guide"}), *(RecordSpec({"n": n}, parent_id="#0") for n in range(5))]
    server_records.create_many(Actor(alice), created, specs)
    return created


def test_the_size_of_the_database_is_that_of_its_file(tmp_path):
    fill(tmp_path / "data.db")

    kibibytes, name = sh("du -k data.db", tmp_path).split()
    assert name == "data.db"
    assert int(kibibytes) >= 99
    assert sh("du -h data.db", tmp_path).endswith("\tdata.db\n")


def test_artifacts_are_counted_with_sqlite3(tmp_path):
    fill(tmp_path / "data.db")

    assert sh('sqlite3 data.db "SELECT COUNT(*) FROM artifacts;"', tmp_path) == "100\n"


def test_old_children_are_retired(alice, hierarchy):
    retention_rules.create(Actor(alice), hierarchy, level=1, keep_last=2, archive=False)
    [level] = retention.dry_run(hierarchy).levels

    assert len(level.ids) == 3
    assert retention.apply(hierarchy.pk) == 3
    assert sorted(hierarchy.records.filter(level=1).values_list("data__n", flat=True)) == [3, 4]


def test_old_records_are_archived_outside(alice, hierarchy):
    retention_rules.create(Actor(alice), hierarchy, level=1, older_than_days=1)
    Record.objects.filter(level=1).update(created_at=F("created_at") - timedelta(days=2))

    assert retention.apply(hierarchy.pk) == 5
    archive = RecordArchive.objects.select_related("blob_hold__blob__object").get()
    lines = [json.loads(line) for line in b"".join(storage.download_file(archive.key)).splitlines()]
    assert sorted(line["data"]["n"] for line in lines if line["kind"] == "record") == [0, 1, 2, 3, 4]


def test_growth_can_be_watched(alice, hierarchy):
    before = {total.level: total for total in totals.of(hierarchy).levels}
    server_records.create(Actor(alice), hierarchy, RecordSpec({"text": "x" * 1000}))
    hierarchy.refresh_from_db()
    after = {total.level: total for total in totals.of(hierarchy).levels}

    assert after[0].record_count == before[0].record_count + 1
    assert after[0].size >= before[0].size + 1000
    assert after[1] == before[1]


def test_creation_rates_are_metrics(settings, hierarchy):
    settings.CACHES = settings.CACHES | {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

    made = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in record_metrics.read()
        for sample in metric.samples
    }

    assert made["wanllmdb_records_created_total", "acme/demo/tree", "0"] == 1
    assert made["wanllmdb_records_created_total", "acme/demo/tree", "1"] == 5


@pytest.mark.asyncio
async def test_postgresql_keeps_a_hierarchy():
    url = servers.postgres()
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS claims_tree")
        connection.execute("CREATE DATABASE claims_tree")
    address = url.replace("postgres://", "postgresql://", 1) + "/claims_tree"
    async with records.connect(address, hierarchy=TREE) as manager:
        root = await manager.save(ArtifactIn(data={"title": "Guide"}))
        versions = await manager.save_all([ArtifactIn(parent_id=root.id, data={"n": n, "b": b"\0"}) for n in range(9)])
        tree = await manager.build_tree(root.id)

        assert [child.id for child in tree.children] == [version.id for version in versions]
        [found] = await manager.find_all(data={"n": 7})
        assert found.data == {"n": 7, "b": b"\0"}
        with pytest.raises(records.errors.MoveRefused):
            await manager.move(root.id, versions[0].id)


def test_the_four_columns_are_indexed(tmp_path):
    fill(tmp_path / "data.db", 1)

    async def find():
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/data.db", poolclass=NullPool)
        async with engine.connect() as connection:
            return await connection.run_sync(
                lambda sync: (
                    {tuple(index["column_names"]) for index in inspect(sync).get_indexes("artifacts")},
                    inspect(sync).get_pk_constraint("artifacts")["constrained_columns"],
                )
            )

    indexed, key = asyncio.run(find())
    assert key == ["id"]
    assert indexed >= {("parent_id",), ("level",), ("created_at",)}


@pytest.mark.django_db
def test_a_member_of_the_data_can_be_indexed(tmp_path, alice, hierarchy):
    """With the guide's own line in a file, and by an admin on the server."""
    fill(tmp_path / "data.db", 1)

    async def plan():
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/data.db", poolclass=NullPool)
        index = Index("ix_artifact_experiment", Artifact.data["experiment_name"].astext)
        try:
            async with engine.begin() as connection:
                await connection.run_sync(index.create)
        finally:
            Artifact.__table__.indexes.discard(index)
        async with records.connect(f"sqlite:///{tmp_path}/data.db") as manager:
            await manager.save(ArtifactIn(data={"experiment_name": "rainfall"}))
            assert len(await manager.find_all(data={"experiment_name": "rainfall"})) == 1
        async with engine.connect() as connection:
            rows = await connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'index'"))
            return set(rows.scalars())

    assert "ix_artifact_experiment" in asyncio.run(plan())
    created = data_indexes.create(Actor(alice), hierarchy, "experiment_name")
    assert created.path == "experiment_name"


def test_an_online_backup_is_restored(tmp_path):
    """With the guide's command, while the file is open for writing."""
    before = fill(tmp_path / "data.db")

    async def back_up_while_open():
        async with records.connect(f"sqlite:///{tmp_path}/data.db") as manager:
            await asyncio.to_thread(sh, 'sqlite3 data.db ".backup backup_$(date +%Y%m%d).db"', tmp_path)
            await manager.save(ArtifactIn(data={"title": "made after the backup"}))

    asyncio.run(back_up_while_open())
    [backup] = tmp_path.glob("backup_*.db")
    assert len(backup.stem) == len(f"backup_{date.today():%Y%m%d}")

    async def restore():
        async with records.connect(f"sqlite:///{backup}") as manager:
            return await manager.find_all(), manager.hierarchy

    found, hierarchy = asyncio.run(restore())
    assert [record.model_dump() for record in found] == [record.model_dump() for record in before]
    assert hierarchy == TREE


@pytest.mark.asyncio
async def test_records_are_made_in_background_tasks():
    async with records.connect("sqlite://:memory:") as manager:
        root = await manager.save(ArtifactIn(data={"job": "nightly"}))
        tasks = [asyncio.create_task(manager.save(ArtifactIn(parent_id=root.id, data={"task": n}))) for n in range(50)]
        await asyncio.gather(*tasks)

        tree = await manager.build_tree(root.id)
        assert sorted(child.data["task"] for child in tree.children) == list(range(50))
