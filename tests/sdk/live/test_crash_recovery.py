"""A process is killed while files are logged: no incomplete version is visible, and logging again completes it."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import wanllmdb as wandb
from tests.e2e.conftest import wait_until
from wanllmdb.sdk.transfer.hashes import MIB

FILES = 24
LOG = """
import itertools, sys, time
import wanllmdb as wandb
from wanllmdb.sdk.transfer import upload
project, data, seconds, files = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
range_reader, started = upload._range_reader, itertools.count(1)
def slow_range_reader(*args):
    read_blocks = range_reader(*args)
    stalls = next(started) > files
    def read_slowly():
        if stalls:
            time.sleep(600)
        for block in read_blocks():
            time.sleep(seconds)
            yield block
    return read_slowly
upload._range_reader = slow_range_reader
with wandb.init(project=project) as run:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir(data)
    print(run.log_artifact(artifact, aliases=["production"]).version)
"""


@pytest.fixture
def data(tmp_path) -> Path:
    (tmp_path / "data").mkdir()
    for number in range(FILES):
        (tmp_path / "data" / f"{number:02}.bin").write_bytes(os.urandom(2 * MIB))
    return tmp_path / "data"


@pytest.fixture
def program(bob, project, data):
    """Start the program that logs the data.

    It pauses for `seconds` after each block of 1 MiB, and comes no further than this number of files.
    """

    def start(seconds: float, files: int = FILES) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LOG, project, str(data), str(seconds), str(files)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


def assert_complete(project: str, data: Path, root: Path) -> None:
    artifact = wandb.Api().artifact(f"{project}/data:production")
    artifact.download(root)
    assert {path.name: path.read_bytes() for path in root.iterdir()} == {
        path.name: path.read_bytes() for path in data.iterdir()
    }


def test_the_client_is_killed(program, project, data, stored_keys, tmp_path):
    before = stored_keys()
    first = program(0, files=8)
    wait_until(lambda: len(stored_keys() - before) >= 6)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    arrived = stored_keys() - before
    assert 6 <= len(arrived) < FILES
    collection = wandb.Api().collection(f"{project}/data")
    assert (collection.latest_version, collection.all_aliases(), list(collection.versions())) == (None, {}, [])
    out, err = program(0).communicate(timeout=300)
    assert "Created version: v1" in out, err
    assert_complete(project, data, tmp_path / "down")
    # Objects that had arrived were not uploaded again with another key.
    assert arrived < stored_keys() - before
    assert len(stored_keys() - before) == FILES


def test_the_web_server_is_killed_and_comes_back(program, project, data, stack, stored_keys, tmp_path):
    before = stored_keys()
    running = program(0.05)
    wait_until(lambda: len(stored_keys() - before) >= 3)
    stack.web.kill()
    time.sleep(1)
    stack.web.start()
    out, err = running.communicate(timeout=300)
    assert "Created version: v1" in out, err
    assert_complete(project, data, tmp_path / "down")


def test_the_worker_is_killed(program, project, data, stack, stored_keys, tmp_path):
    before = stored_keys()
    running = program(0.02)
    wait_until(lambda: len(stored_keys() - before) >= 3)
    stack.worker.kill()
    out, err = running.communicate(timeout=300)
    assert "Created version: v1" in out, err
    assert_complete(project, data, tmp_path / "down")


def test_the_store_is_down_and_the_next_attempt_resumes(run, project, data, stack, tmp_path):
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir(data)
    run._connection.client.retry_period = 1.0
    stack.store.kill()
    with pytest.raises((wandb.Unreachable, wandb.Unavailable)):
        run.log_artifact(artifact, aliases=["production"])
    assert list(wandb.Api().collection(f"{project}/data").versions()) == []
    stack.store.start()
    assert run.log_artifact(artifact, aliases=["production"]).version == "v1"
    assert_complete(project, data, tmp_path / "down")


def test_ctrl_c_interrupts_logging(program, project, data, stored_keys):
    before = stored_keys()
    running = program(1.0)
    wait_until(lambda: len(stored_keys() - before) >= 2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=300)
    assert "KeyboardInterrupt" in err
    assert list(wandb.Api().collection(f"{project}/data").versions()) == []


def test_twenty_threads_create_twenty_versions(bob, project, tmp_path):
    run = wandb.init(project=project)
    logged: list[wandb.Artifact] = []

    def log(number: int) -> None:
        artifact = wandb.Artifact("data", "dataset")
        with artifact.new_file("n.txt") as file:
            file.write(str(number))
        logged.append(run.log_artifact(artifact))

    threads = [threading.Thread(target=log, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    assert sorted(int(artifact.version[1:]) for artifact in logged) == list(range(1, 21))
