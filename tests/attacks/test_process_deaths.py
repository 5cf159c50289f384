"""`kill -9` of each process of `make run` at random points, while somebody logs: all runs again, and nothing is lost.

Once each; with `--rounds=20`, twenty times.
"""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from statistics import median

import pytest

import wanllmdb as wandb
from core.parent_process import terminate_with_parent
from deploy import child_processes
from harness import servers
from tests.e2e.conftest import PATIENCE, Terminal, wait_until

pytestmark = pytest.mark.timeout(3600)
PROCESSES = [
    "web main", "web worker", "other web worker", "worker", "notifications", "beat", "store", "front", "supervisor",
]  # fmt: skip
# Logs versions until it is told to stop, and writes down those that the server has taken.
LOG = """
import hashlib, os, sys, time
from pathlib import Path
import wanllmdb as wandb
project, stop, logged = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
number = 0
while not stop.exists():
    number += 1
    content = os.urandom(300_000)
    try:
        with wandb.init(project=project) as run:
            artifact = wandb.Artifact("data", "dataset")
            for name in ("a.bin", "b.bin"):
                with artifact.new_file(name, "wb") as file:
                    file.write(content)
            version = run.log_artifact(artifact).wait().version
        with logged.open("a") as file:
            file.write(f"{version} {hashlib.sha256(content).hexdigest()}\\n")
    except Exception as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        time.sleep(0.5)
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    directory = tmp_path_factory.mktemp("deaths")
    terminal = Terminal(servers.ROOT, directory / "var", directory / "screen")
    yield terminal.wait_for_banner()
    terminal.press_ctrl_c()
    child_processes.terminate_all(terminal.var, 10)


def find_pids(running: Terminal) -> dict[str, int]:
    """The processes by what they are."""
    arguments_of = {pid: read_arguments(pid) for pid in running.processes}
    processes = {}
    for pid, arguments in sorted(arguments_of.items()):
        is_child_of_web = "granian" in " ".join(arguments_of.get(parent(pid), []))
        if "supervisor.supervisord" in arguments:
            processes["supervisor"] = pid
        elif any(argument.endswith("granian") for argument in arguments):
            name = "web worker" if is_child_of_web else "web main"
            processes["other web worker" if name in processes else name] = pid
        elif arguments[:1] in (["weed"], ["caddy"]):
            processes["store" if arguments[0] == "weed" else "front"] = pid
        elif "wanllmdb.celery" in arguments:
            name = arguments[arguments.index("wanllmdb.celery") + 1]
            processes["notifications" if "notifications" in arguments else name] = pid
    return processes


def read_arguments(pid: int) -> list[str]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def parent(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def is_whole(running: Terminal) -> bool:
    if set(find_pids(running)) != set(PROCESSES):
        return False
    with suppress(OSError), urllib.request.urlopen(f"{running.credentials['base_url']}/readyz", timeout=10) as ready:
        return set(json.load(ready).values()) == {"ok"}
    return False


def test_whatever_is_killed_runs_again_and_no_version_is_lost(running, tmp_path, monkeypatch, pytestconfig):
    credentials = running.credentials
    monkeypatch.setenv("WANLLMDB_BASE_URL", credentials["base_url"])
    monkeypatch.setenv("WANLLMDB_API_KEY", credentials["api_key"])
    monkeypatch.chdir(tmp_path)
    stop, logged = tmp_path / "stop", tmp_path / "logged"
    logged.touch()
    project = f"{credentials['username']}/deaths"
    writer = subprocess.Popen(
        [sys.executable, "-c", LOG, project, str(stop), str(logged)],
        env=os.environ | {"PYTHONPATH": str(servers.ROOT)},
        preexec_fn=terminate_with_parent,
    )
    wait_until(lambda: logged.read_text() and is_whole(running))
    seconds_by_name: dict[str, list[float]] = {name: [] for name in PROCESSES}
    rounds = [random.sample(PROCESSES, len(PROCESSES)) for _ in range(pytestconfig.getoption("rounds"))]
    for name in chain.from_iterable(rounds):
        time.sleep(random.uniform(0, 2))
        killed = find_pids(running)[name]
        os.kill(killed, signal.SIGKILL)
        killed_at = time.monotonic()
        wait_until(lambda name=name, killed=killed: find_pids(running).get(name) not in (None, killed))
        wait_until(lambda: is_whole(running))
        seconds_by_name[name].append(time.monotonic() - killed_at)
        print(f"{name}: all is well {seconds_by_name[name][-1]:.1f} s after its death", flush=True)
        written = len(logged.read_text())
        wait_until(lambda written=written: len(logged.read_text()) > written)
    for name, seconds in seconds_by_name.items():
        print(f"{name}: {len(seconds)} deaths, median {median(seconds):.1f} s, at most {max(seconds):.1f} s")
    stop.touch()
    writer.wait(PATIENCE)
    check_versions(project, logged.read_text().splitlines(), tmp_path)
    check_store(running)


def check_versions(project: str, logged: list[str], tmp_path: Path) -> None:
    """Each that was taken has the bytes that were sent, and each that is seen is whole. Downloads check every hash."""
    sha256_by_version = dict(line.split() for line in logged)
    seen = {version.version for version in wandb.Api().collection(f"{project}/data").versions()}
    assert set(sha256_by_version) <= seen
    for version in seen:
        directory = Path(wandb.Api().artifact(f"{project}/data:{version}").download(str(tmp_path / version)))
        contents = {path.name: path.read_bytes() for path in directory.iterdir()}
        assert set(contents) == {"a.bin", "b.bin"}
        sha256 = hashlib.sha256(contents["a.bin"]).hexdigest()
        assert sha256_by_version.get(version, sha256) == sha256


def check_store(running: Terminal) -> None:
    """The objects in the store are those that rows claim, no more and no fewer."""
    command = [sys.executable, "manage.py", "reconcile"]
    env = {name: value for name, value in os.environ.items() if not name.startswith(servers.SERVER_VARIABLES)}
    env |= {"WANLLMDB_VAR_DIR": str(running.var)}
    done = subprocess.run(command, cwd=servers.ROOT, env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr.strip()) == ("", "Nothing is left over."), done.stderr
