"""A network that breaks in each known way, and a client that is killed anywhere: the next attempt makes up for it."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import wanllmdb as wandb
from deploy import runtime_directory
from harness import servers
from harness.faulty_proxy import FAULTS, FaultyProxy
from wanllmdb.sdk.transfer.hashes import MIB

ATTEMPTS = 20
# Deaths that are tried in each round, which is a test: `--rounds=9` tries over fifty.
DEATHS = 6
LOG = """
import sys
import wanllmdb as wandb
with wandb.init(project=sys.argv[1]) as run:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir(sys.argv[2])
    print(run.log_artifact(artifact, aliases=["production"]).version)
"""


@pytest.fixture(scope="module")
def store(stack) -> Iterator[FaultyProxy]:
    """It stands before the store of the stack, and does nothing wrong until a test says so."""
    stack.start()
    with FaultyProxy(stack.env["S3_ENDPOINT_URL"]) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def base_url(stack, store, tmp_path_factory) -> Iterator[str]:
    """The address of a web server whose signed URLs lead to that store. Its start takes long on a busy machine."""
    port = servers.free_port()
    url = f"http://127.0.0.1:{port}"
    env = stack.env | {
        "PORT": str(port),
        "BASE_URL": url,
        "S3_PUBLIC_ENDPOINT_URL": store.url,
        "WANLLMDB_RUN_DIR": str(runtime_directory.create(tmp_path_factory.mktemp("web"))),
    }
    server = servers.web_server(f"web-{port}", env)
    server.start()
    yield url
    server.stop()


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Small files in packs, some in objects of their own, and one that is sent in parts."""
    directory = tmp_path_factory.mktemp("faults") / "data"
    (directory / "small").mkdir(parents=True)
    source = random.Random(15)
    for number in range(300):
        (directory / "small" / f"{number:03}.bin").write_bytes(source.randbytes(source.randrange(40_000)))
    for number in range(4):
        (directory / f"{number}.bin").write_bytes(source.randbytes(2 * MIB + number))
    (directory / "large.bin").write_bytes(source.randbytes(70 * MIB))
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    """What is there under final names."""
    files = (path for path in directory.rglob("*") if path.is_file())
    found = {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}
    return {name: content for name, content in found.items() if not name.startswith(".wanllmdb")}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_fails_in_each_way(fault, bob, project, data, store, base_url, tmp_path, monkeypatch):
    expected = contents(data)
    monkeypatch.setenv("WANLLMDB_BASE_URL", base_url)
    store.begin(fault)
    for _ in range(ATTEMPTS):
        try:
            with wandb.init(project=project) as run:
                artifact = wandb.Artifact("data", "dataset")
                artifact.add_dir(data)
                version = run.log_artifact(artifact).wait().version
            break
        except wandb.WanLLMDBError:
            assert list(wandb.Api().collection(f"{project}/data").versions()) == []
    assert version == "v1"
    assert sum(store.done.values()) > 5
    # What had arrived was not sent again.
    assert set(store.accepted.values()) <= {1}
    store.done.clear()
    for _ in range(ATTEMPTS):
        try:
            wandb.Api().artifact(f"{project}/data:v1").download(tmp_path / "down")
            break
        except wandb.WanLLMDBError:
            so_far = contents(tmp_path / "down")
            assert so_far.items() <= expected.items()
    assert contents(tmp_path / "down") == expected
    assert sum(store.done.values()) > 2


@pytest.fixture(scope="module")
def api(base_url) -> Iterator[FaultyProxy]:
    """Before that web server."""
    with FaultyProxy(base_url) as proxy:
        yield proxy


@pytest.fixture
def killed(bob, data, store, api):
    """`killed(project, moment)`: log, and be killed at that moment, counted over all requests; all moments there were.

    Without a moment nobody is killed. The PUTs that the store took are counted by `store`.
    """
    lock = threading.Lock()
    moments: list[str] = []
    victim: list[subprocess.Popen[str]] = []
    doomed_at: list[int] = []

    def before(moment: str) -> None:
        with lock:
            moments.append(moment)
            if doomed_at and len(moments) == doomed_at[0]:
                victim[0].send_signal(signal.SIGKILL)
                victim[0].wait()

    def log(project: str, moment: int | None = None) -> tuple[list[str], str]:
        with lock:
            moments.clear()
            doomed_at[:] = [] if moment is None else [moment]
            command = [sys.executable, "-c", LOG, project, str(data / "small")]
            env = os.environ | {"WANLLMDB_BASE_URL": api.url}
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            victim[:] = [subprocess.Popen(command, env=env, **pipes)]
        out, err = victim[0].communicate(timeout=300)
        assert moment is not None or victim[0].returncode == 0, err
        with lock:
            return list(moments), out

    store.begin(before=before)
    api.begin(before=before)
    return log


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each round is a test, with the time of one."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--rounds")))


def test_a_client_that_is_killed_anywhere(killed, project, data, store, tmp_path, seed):
    moments, _ = killed(f"{project}-whole")
    assert len(moments) > 15, json.dumps(moments)
    source = random.Random(seed)
    for number in range(DEATHS):
        one = f"{project}-{number}"
        store.accepted.clear()
        killed(one, source.randint(1, len(moments)))
        _, out = killed(one)
        assert "v1" in out, moments
        # The store may have taken one of what was on its way when the client died.
        repeated = [name for name, count in store.accepted.items() if count > 1]
        assert repeated == [], moments
        artifact = wandb.Api().artifact(f"{one}/data:production")
        artifact.download(tmp_path / one)
        assert contents(tmp_path / one) == contents(data / "small")
