"""The same tests of every verb wherever records can be: in SQLite, in PostgreSQL, on a running server."""

import itertools
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import psycopg
import pytest

from harness import servers
from tests.sdk.conftest import home
from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactManager
from wanllmdb.sdk.http_client import Client

__all__ = ["home"]

_numbers = itertools.count(1)

Connect = Callable[..., AbstractAsyncContextManager[ArtifactManager]]

PIPELINE = ArtifactHierarchy(name="pipeline", level_labels={0: "experiment", 1: "model", 2: "predictions"})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["sqlite", "postgresql", "server"])
def place(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def stack() -> servers.Stack:
    running = servers.stack()
    running.start()
    return running


@pytest.fixture
def new_address(
    request: pytest.FixtureRequest, place: str, home, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """`new_address(hierarchy)`: where there are no records yet."""

    def create(hierarchy: ArtifactHierarchy = PIPELINE, **settings: Any) -> str:
        name = f"{hierarchy.name}-{os.getpid()}-{next(_numbers)}"
        if place == "sqlite":
            return f"sqlite:///{tmp_path / name}.db"
        if place == "postgresql":
            with psycopg.connect(f"{servers.postgres()}/postgres", autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}"')
            return f"{servers.postgres()}/{name}"
        stack = request.getfixturevalue("stack")
        monkeypatch.setenv("WANLLMDB_BASE_URL", stack.base_url)
        monkeypatch.setenv("WANLLMDB_API_KEY", stack.key("bob"))
        client = Client(stack.base_url, stack.key("alice"))
        client.post("/projects", {"team": "acme", "name": name})
        body = {"project": f"acme/{name}", **hierarchy.model_dump(mode="json"), **settings}
        client.post("/hierarchies", body)
        client.close()
        return f"acme/{name}/{hierarchy.name}"

    return create


@pytest.fixture
def connect(new_address: Callable[..., str]) -> Connect:
    """`async with connect(hierarchy) as manager`: a manager of no records."""

    def open_manager(hierarchy: ArtifactHierarchy = PIPELINE, **options: Any):
        return records.connect(new_address(hierarchy), hierarchy=hierarchy, **options)

    return open_manager


@pytest.fixture
async def manager(connect: Connect) -> AsyncIterator[ArtifactManager]:
    async with connect() as manager:
        yield manager
