"""Records on a database of each test's own. A test may be a coroutine: it runs in an event loop of its own."""

import asyncio
import inspect
import os
import uuid
from pathlib import Path

import psycopg
import pytest

from harness import servers
from wanllmdb.records import ArtifactHierarchy


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or pyfuncitem.get_closest_marker("anyio"):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without keys and settings of the person who runs the tests."""
    home = tmp_path_factory.mktemp("home")
    for name in [name for name in os.environ if name.startswith("WANLLMDB_") and name != "WANLLMDB_VAR_DIR"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    return home


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A new database: a SQLite file, or one of the PostgreSQL server of the tests."""
    if not servers.on_postgres():
        return f"sqlite:///{tmp_path}/data.db"
    name = f"records_{uuid.uuid4().hex}"
    with psycopg.connect(f"{servers.postgres()}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{servers.postgres()}/{name}"


@pytest.fixture
def hierarchy() -> ArtifactHierarchy:
    return ArtifactHierarchy(name="ml_pipeline", level_labels={0: "experiment", 1: "model", 2: "predictions"})
