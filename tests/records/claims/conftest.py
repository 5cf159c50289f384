"""A hierarchy in a file of one's own and one on a server: what is claimed holds for both."""

import asyncio
import inspect
import json
import os
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from harness import servers
from harness.servers import ROOT, Stack
from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactManager
from wanllmdb.records.models import Artifact

LABELS = {0: "experiment", 1: "model", 2: "predictions"}
PIPELINE = ArtifactHierarchy(name="ml_pipeline", level_labels=LABELS)
EXAMPLES = ROOT / "examples" / "records"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that is a coroutine runs in the loop in which its fixtures were made."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    pyfuncitem._request.getfixturevalue("runner").run(pyfuncitem.obj(**arguments))
    return True


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as loop:
        yield loop


@pytest.fixture
def session(runner) -> Iterator[AsyncSession]:
    """As the guide's services have one: of an engine in memory, with its tables."""
    engine = create_async_engine("sqlite+aiosqlite:///:memory:")

    async def create_tables() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(Artifact.metadata.create_all)

    runner.run(create_tables())
    opened = AsyncSession(engine)
    yield opened
    runner.run(opened.close())
    runner.run(engine.dispose())


@pytest.fixture(params=["local", "server"])
def manager(request, runner) -> Iterator[ArtifactManager]:
    """Of an empty hierarchy with three levels."""
    if request.param == "local":
        context = records.connect("sqlite://:memory:", hierarchy=PIPELINE)
    else:
        url = request.getfixturevalue("new_hierarchy")()
        context = records.connect(url, api_key=request.getfixturevalue("stack").key("bob"))
    opened = runner.run(context.__aenter__())
    yield opened
    runner.run(context.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def stack() -> Stack:
    stack = servers.stack()
    stack.start()
    return stack


@pytest.fixture(scope="session")
def new_hierarchy(stack) -> Callable[..., str]:
    """`new_hierarchy(access=…, level_labels=…)`: the URL of an empty hierarchy of the team acme."""
    name = f"claims-{uuid.uuid4().hex[:8]}"
    call(stack, "projects", {"name": name, "team": "acme"})

    def create(**fields: Any) -> str:
        fields = {"name": f"h-{uuid.uuid4().hex[:8]}", "level_labels": LABELS, "enforce_levels": True} | fields
        created = call(stack, "hierarchies", {"project": f"acme/{name}", **fields})
        return f"{stack.base_url}/h/acme/{name}/{created['name']}"

    return create


@pytest.fixture(scope="session")
def open_hierarchy(new_hierarchy) -> str:
    """The URL of one that takes records from this machine without a key."""
    return new_hierarchy(access="open")


def call(stack: Stack, path: str, body: Any = None, user: str = "alice") -> Any:
    """The answer of the server's API."""
    request = urllib.request.Request(
        f"{stack.base_url}/api/v1/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {stack.key(user)}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def run_example(name: str, directory: Path, **variables: str) -> str:
    """What an example printed."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / f"{name}.py"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(directory), **variables},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.fixture(scope="session")
def document_service(tmp_path_factory) -> Iterator[str]:
    """The URL of the example's service, which runs as a process of its own."""
    yield serve("document_versions_service", tmp_path_factory.mktemp("service"))


def serve(example: str, directory: Path) -> str:
    """Start an example that is a service, with its database in the directory. Its URL."""
    port = servers.free_port()
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            urllib.request.urlopen(f"{url}/health", timeout=5).close()
        except OSError:
            return False
        return True

    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), f"{example}:app", "--port", str(port)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "RECORDS_URL": f"sqlite:///{directory / 'data.db'}"}
    servers.Server(example, command, env, ready).start()
    return url
