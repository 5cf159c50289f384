"""The online backup of SQLite and its restore, as docs/operations.md says: of the server and of the library."""

import asyncio
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from harness import servers
from wanllmdb.records import ArtifactIn, ArtifactTreeNode, connect

MAKE = """
from accounts.actor import Actor
from accounts.models import Membership, Role, Team, User
from hierarchies import hierarchies, records
from hierarchies.records import RecordSpec
from projects import projects
alice = User.objects.create_user("alice", "alice@example.org", "a good long password")
team = Team.objects.create(name="acme", created_by=alice)
Membership.objects.create(team=team, user=alice, role=Role.ADMIN)
hierarchy = hierarchies.create(Actor(alice), projects.create(Actor(alice), team, "demo"), "trees")
specs = [RecordSpec({"n": 0})] + [RecordSpec({"n": n}, parent_id="#0") for n in range(1, 50)]
records.create_many(Actor(alice), hierarchy, specs)
"""
COUNT = """
from hierarchies.models import Hierarchy
hierarchy = Hierarchy.objects.get()
print(hierarchy.record_count, hierarchy.records.filter(level=1).count())
"""


def run_sqlite3(database: Path, command: str) -> None:
    done = subprocess.run(["sqlite3", str(database), command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def server(tmp_path: Path) -> dict[str, str]:
    """The environment of a server on SQLite, whatever the other tests use, with a hierarchy of 50 records."""
    path = tmp_path / "db.sqlite3"
    env = servers.session_env() | {"DATABASE_URL": f"sqlite:///{path}", "CELERY_BROKER_URL": "filesystem://localhost"}
    if servers.on_postgres():
        servers.manage(env, "migrate", "--verbosity=0")
    else:
        servers.create_database("backup", path)
    servers.manage(env, "shell", "--no-imports", "--command", MAKE)
    return env


def test_the_server_is_backed_up_while_it_is_used_and_restored(server, tmp_path):
    database, by_sqlite3, by_command = (tmp_path / name for name in ("db.sqlite3", "backup.db", "copy.db"))
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        # Somebody reads, and somebody else is in the middle of a change.
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE hierarchies_hierarchy SET record_count = 0")
        run_sqlite3(database, f".backup {by_sqlite3}")
        assert "Copied to" in servers.manage(server, "backup_database", str(by_command))
        other.execute("ROLLBACK")
    with pytest.raises(RuntimeError, match="exists already"):
        servers.manage(server, "backup_database", str(by_command))

    for copy in (by_sqlite3, by_command):
        # The disaster.
        with closing(sqlite3.connect(database, isolation_level=None)) as lost:
            lost.execute("PRAGMA foreign_keys = OFF")
            lost.execute("DELETE FROM hierarchies_record")
            lost.execute("DELETE FROM hierarchies_hierarchy")
        run_sqlite3(database, f".restore {copy}")
        assert servers.manage(server, "shell", "--no-imports", "--command", COUNT).split() == ["50", "49"]
    servers.manage(server, "migrate", "--check")


def test_a_database_of_the_library_is_backed_up_while_it_is_used_and_restored(tmp_path):
    assert shutil.which("sqlite3"), "`make test` installs sqlite3"
    database, copy = tmp_path / "records.db", tmp_path / "backup.db"

    async def fill_and_back_up() -> str:
        async with connect(f"sqlite:///{database}") as manager:
            root = await manager.save(ArtifactIn(data={"model": {1, 2, 3}}))
            await manager.save_all([ArtifactIn(parent_id=root.id, data={"n": n}) for n in range(49)])
            run_sqlite3(database, f".backup {copy}")
            for child in (await manager.build_tree(root.id)).children:
                await manager.delete_by_id(child.id)
            await manager.delete_by_id(root.id)
            assert await manager.count() == 0
            return str(root.id)

    async def read(root: str) -> ArtifactTreeNode:
        async with connect(f"sqlite:///{database}") as manager:
            assert await manager.count() == 50
            return await manager.build_tree(root)

    root = asyncio.run(fill_and_back_up())
    run_sqlite3(database, f".restore {copy}")
    tree = asyncio.run(read(root))
    assert tree.data["model"] == {1, 2, 3}
    assert sorted(child.data["n"] for child in tree.children) == list(range(49))
