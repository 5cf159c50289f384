"""Processes that are killed, not stopped: what readers see meanwhile, and what is made good afterwards."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

import wanllmdb as wandb
from harness import servers
from tests.e2e.conftest import PATIENCE, wait_until

MIB = 2**20
FILES = 12
# The nudges to the worker died with it. Time is moved in the rows, and a sweep looks for what was left behind.
SWEEP = """
from datetime import timedelta
from django.db.models import F
from artifacts.models import ArtifactVersion, Blob, StoredObject
from artifacts.tasks import sweep
hour = timedelta(hours=1)
StoredObject.objects.update(created_at=F("created_at") - hour)
Blob.objects.update(created_at=F("created_at") - hour, claimed_at=F("claimed_at") - hour)
ArtifactVersion.objects.update(finalized_at=F("finalized_at") - hour, touched_at=F("touched_at") - hour)
sweep.delay()
"""
LOG_VERSIONS = """
import os, sys
import wanllmdb as wandb
with wandb.init(project=sys.argv[1]) as run:
    for number in range(8):
        artifact = wandb.Artifact("data", "dataset")
        for index in range(int(sys.argv[2])):
            with artifact.new_file(f"{index}.bin", "wb") as file:
                file.write(f"{number}/{index} ".encode() * 20_000)
        run.log_artifact(artifact, aliases=["production"])
"""


@pytest.fixture
def stack() -> servers.Stack:
    stack = servers.stack()
    stack.start()
    return stack


@pytest.fixture
def project() -> str:
    return f"acme/kills-{os.urandom(4).hex()}"


@pytest.fixture
def bob(stack, monkeypatch, tmp_path) -> dict[str, str]:
    """This process is bob's, and so is a program with this environment."""
    monkeypatch.setenv("WANLLMDB_BASE_URL", stack.base_url)
    monkeypatch.setenv("WANLLMDB_API_KEY", stack.key("bob"))
    monkeypatch.chdir(tmp_path)
    return os.environ | {"PYTHONPATH": str(servers.ROOT)}


def integrity(project: str) -> set[str]:
    return {file.integrity for file in wandb.Api().artifact(f"{project}/data:production").files()}


def test_a_worker_killed_in_the_middle_of_verifying_is_made_good(stack, bob, project):
    with wandb.init(project=project) as run:
        artifact = wandb.Artifact("data", "dataset")
        for number in range(FILES):
            with artifact.new_file(f"{number:02}.bin", "wb") as file:
                file.write(os.urandom(8 * MIB))
        run.log_artifact(artifact, aliases=["production"])
    stack.worker.kill()
    time.sleep(0.5)
    stack.worker.start()
    stack.manage("shell", "--no-imports", "--command", SWEEP)
    wait_until(lambda: integrity(project) == {"verified"})


def test_readers_never_see_half_a_version_while_web_servers_die(stack, bob, project):
    writer = subprocess.Popen([sys.executable, "-c", LOG_VERSIONS, project, str(FILES)], env=bob)
    is_over = threading.Event()
    vera = wandb.Api(base_url=stack.base_url, api_key=stack.key("vera"))
    wait_until(lambda: list(logged_collections(vera, project)))
    with ThreadPoolExecutor() as threads:
        counts = threads.submit(watch, vera, project, is_over)
        for _ in range(3):
            time.sleep(0.7)
            stack.web.kill()
            stack.web.start()
        assert writer.wait(PATIENCE) == 0
        is_over.set()
        assert counts.result(PATIENCE) == {FILES}
    [collection] = logged_collections(vera, project)
    assert [version.file_count for version in collection.versions()] == [FILES] * 8
    assert collection.all_aliases() == {"latest": collection.latest_version, "production": collection.latest_version}


def test_lost_connections_to_the_database_cost_no_answer(stack, bob, project):
    """As after a restart of PostgreSQL: each thread has to notice by itself."""
    log(project, b"first")
    api = wandb.Api()

    def both() -> list[str]:
        # By name on the short way, and by the views.
        return [api.artifact(f"{project}/data:production").version, api.artifact(f"{project}/data").aliases[0]]

    for _ in range(20):
        assert both() == ["v1", "production"]
    for _ in range(3):
        lose_connections(stack)
        for _ in range(20):
            assert both() == ["v1", "production"]
    lose_connections(stack)
    log(project, b"second")
    wait_until(lambda: integrity(project) == {"verified"})


def log(project: str, content: bytes) -> None:
    with wandb.init(project=project) as run:
        artifact = wandb.Artifact("data", "dataset")
        with artifact.new_file("one.bin", "wb") as file:
            file.write(content)
        run.log_artifact(artifact, aliases=["production"])


def lose_connections(stack: servers.Stack) -> None:
    """All that anybody has; with SQLite there are none."""
    if servers.on_postgres():
        with psycopg.connect(stack.env["DATABASE_URL"], autocommit=True) as mine:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            mine.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")


def watch(vera: wandb.Api, project: str, is_over: threading.Event) -> set[int]:
    """vera looks until it is over: how many files she found in any version."""
    counts: set[int] = set()
    while not is_over.is_set():
        for collection in logged_collections(vera, project):
            for version in collection.versions():
                counts |= {version.file_count, len(version.manifest)}
    return counts


def logged_collections(vera: wandb.Api, project: str) -> Iterator[wandb.Collection]:
    is_there = project in {item.full_name for item in vera.projects("acme")}
    return vera.artifacts(project) if is_there else iter(())
