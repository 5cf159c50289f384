"""The quick start of the guide, with a service builder of our own: FastAPI."""

import asyncio
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn, ArtifactManager, ArtifactOut, ArtifactRepository
from wanllmdb.records.fastapi import ArtifactRouter, mount
from wanllmdb.records.models import Artifact

hierarchy = ArtifactHierarchy(name="ml_pipeline", level_labels={0: "experiment", 1: "model", 2: "predictions"})


class Running:
    """A service in a thread of this process."""

    def __init__(self, app: FastAPI) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.should_exit = True
        self.thread.join()

    def call(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


@pytest.fixture
def quick_start(tmp_path) -> Iterator[FastAPI]:
    """The service as the guide writes it, but for its builder."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/data.db", poolclass=NullPool)

    async def create_tables() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(Artifact.metadata.create_all)

    async def get_session():
        async with async_sessionmaker(engine)() as session:
            yield session

    async def get_artifact_manager(session: AsyncSession = Depends(get_session)) -> ArtifactManager:  # noqa: B008
        return ArtifactManager(ArtifactRepository(session), hierarchy=hierarchy)

    asyncio.run(create_tables())
    app = FastAPI()
    artifact_router = ArtifactRouter.create(
        prefix="/api/v1/artifacts",
        tags=["Artifacts"],
        manager_factory=get_artifact_manager,
        entity_in_type=ArtifactIn,
        entity_out_type=ArtifactOut,
    )
    app.include_router(artifact_router)
    yield app
    asyncio.run(engine.dispose())


@pytest.mark.asyncio
async def test_a_manager_is_made_of_a_repository_of_a_session(session):
    manager = ArtifactManager(ArtifactRepository(session), hierarchy=hierarchy)
    root = await manager.save(ArtifactIn(data={"experiment": "v1"}))

    assert manager.hierarchy is hierarchy
    assert (await manager.find_by_id(root.id)).data == {"experiment": "v1"}


def test_the_router_is_created_as_the_guide_does(quick_start):
    with Running(quick_start) as service:
        root = service.call("/api/v1/artifacts", {"data": {"experiment": "v1"}})
        child = service.call("/api/v1/artifacts", {"parent_id": root["id"], "data": {"model": "trained"}})
        tree = service.call("/api/v1/artifacts/$tree", {"root_id": root["id"]})
        document = service.call("/openapi.json")

    assert [node["id"] for node in tree["children"]] == [child["id"]]
    operations = document["paths"]["/api/v1/artifacts"]
    assert set(operations) == {"get", "post"}
    assert operations["post"]["tags"] == ["Artifacts"]


def test_the_service_has_health_and_info(tmp_path):
    app = FastAPI()
    mount(app, f"sqlite:///{tmp_path}/data.db", hierarchy, display_name="My Service")

    with Running(app) as service:
        assert service.call("/health")["status"] == "healthy"
        info = service.call("/api/v1/info")

    assert info["display_name"] == "My Service"
    assert info["hierarchy"]["level_labels"] == {"0": "experiment", "1": "model", "2": "predictions"}


@pytest.mark.asyncio
async def test_the_database_is_named_by_its_url(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with records.connect("sqlite+aiosqlite:///./data.db", hierarchy=hierarchy) as manager:
        await manager.save(ArtifactIn(data={}))

    assert (tmp_path / "data.db").exists()
