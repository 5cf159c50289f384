"""Two users log very many small files at once, on one database, while the worker verifies them: who waits for whom.

SQLite lets one writer write at a time. What a call of the two waits for, and a third person who writes very little,
is told here: how often the server waited for the lock and for how long, the time of each kind of call, and what failed.
On PostgreSQL (`TEST_DATABASE=postgres`) nobody waits for a lock of the whole database, and the calls alone are told.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import load_generator, transfer
from benchmarks.load_generator import Connection
from core.sqlite.ticket import Ticket
from harness import servers
from harness.servers import Stack

USERS = ("alice", "bob")
# In a process of its own for each user. Each attempt of a call is told, also one that the SDK repeats.
CLIENT = """
import json, os, re, sys, time
from wanllmdb.sdk.http_client import Client
import wanllmdb as wandb
calls, send = [], Client._send
def timed(self, pool, method, url, **options):
    begun = time.monotonic()
    response = send(self, pool, method, url, **options)
    if pool == "api":
        name = re.sub(r"[0-9a-f-]{36}", "*", url.partition("/api/v1")[2].partition("?")[0])
        calls.append((f"{method} {name}", response.status, time.monotonic() - begun))
    return response
Client._send = timed
source, project = sys.argv[1:]
begun = time.monotonic()
with wandb.init(project=project) as run:
    artifact = wandb.Artifact("many", type="dataset")
    artifact.add_dir(source)
    logged = run.log_artifact(artifact).wait()
print(json.dumps({"seconds": time.monotonic() - begun, "id": logged.id, "calls": calls}))
"""
PROBE_PAUSE = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.two_users", description=__doc__)
    parser.add_argument("--files", type=int, default=150_000, help="of each user (150,000)")
    parser.add_argument("--size", type=int, default=1024, help="bytes of each file (1,024)")
    parser.add_argument("--short", action="store_true", help="5,000 files of each user")
    options = parser.parse_args()
    os.environ["METRICS_TOKEN"] = "benchmark"
    stack = Stack("two-users")
    stack.start()
    count = 5_000 if options.short else options.files
    with transfer.temporary_directory() as root:
        for user in USERS:
            fill(root / user, count, options.size, seed=user)
        print(f"two users, {count:,} × {options.size:,} bytes each, {database()}, the worker running\n", flush=True)
        with watched(stack) as waits:
            results = log_at_once(stack, root)
            verified = wait_for_worker(stack, [result["id"] for result in results.values()])
    show(results, verified, waits)
    if not servers.on_postgres():
        show_lock_waits(stack)


def fill(directory: Path, count: int, size: int, seed: str) -> None:
    """Files of bytes that no other user has, a thousand in a folder."""
    for number in range(count):
        folder = directory / f"{number // 1000:04}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        text = f"{seed} {number} ".encode()
        (folder / f"{number:06}.bin").write_bytes((text * (size // len(text) + 1))[:size])


def log_at_once(stack: Stack, root: Path) -> dict[str, dict[str, Any]]:
    """What each user's program says of its log, by user."""
    programs = {user: start(stack.env | client_env(stack, user), root / user, f"acme/{user}") for user in USERS}
    results = {}
    for user, program in programs.items():
        out, _ = program.communicate()
        if program.returncode:
            raise RuntimeError(f"The log of {user} failed.")
        results[user] = json.loads(out)
    return results


def client_env(stack: Stack, user: str) -> Mapping[str, str]:
    return {"WANLLMDB_BASE_URL": stack.base_url, "WANLLMDB_API_KEY": stack.key(user), "WANLLMDB_SILENT": "1"}


def start(env: Mapping[str, str], source: Path, project: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", CLIENT, str(source), project], env=env, stdout=subprocess.PIPE)


@contextmanager
def watched(stack: Stack) -> Iterator[dict[str, list[float]]]:
    """How long others waited meanwhile, in seconds: for the lock alone, and for a call that writes one row."""
    waits: dict[str, list[float]] = {"one row written by a third user": []}
    acts = {"one row written by a third user": small_write(stack)}
    if not servers.on_postgres():
        waits["SQLite's write lock"] = []
        acts["SQLite's write lock"] = lock_probe(stack.var / "db.sqlite3")
    ended = threading.Event()

    def repeat(name: str) -> None:
        while not ended.wait(PROBE_PAUSE):
            begun = time.monotonic()
            acts[name]()
            waits[name].append(time.monotonic() - begun)

    threads = [threading.Thread(target=repeat, args=[name]) for name in acts]
    for thread in threads:
        thread.start()
    try:
        yield waits
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def lock_probe(path: Path) -> Callable[[], None]:
    """It waits as the processes of the server do."""

    def probe() -> None:
        with (
            closing(sqlite3.connect(path, timeout=0.02, isolation_level=None)) as database,
            Ticket(f"{path}-queue") as ticket,
        ):
            ticket.wait(60)
            while not begin(database):
                pass
            database.execute("ROLLBACK")

    return probe


def begin(database: sqlite3.Connection) -> bool:
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def small_write(stack: Stack) -> Callable[[], None]:
    connection, key = Connection(int(stack.env["PORT"])), stack.key("alice")
    body = {"team": "acme", "name": "third"}
    created = connection.send(load_generator.build_request("POST", "/api/v1/projects", key, body))
    path = f"/api/v1/projects/{json.loads(created)['id']}"
    requests = [load_generator.build_request("PATCH", path, key, {"description": text}) for text in ("a", "b")]

    def write() -> None:
        requests.reverse()
        answer = json.loads(connection.send(requests[0]))
        if "id" not in answer:
            raise RuntimeError(f"The third user was refused: {answer}")

    return write


def wait_for_worker(stack: Stack, ids: list[str]) -> float:
    """How many seconds after the last log everything was verified."""
    begun = time.monotonic()
    states_of = f"set(ArtifactVersion.objects.filter(pk__in={ids}).values_list('integrity', flat=True))"
    code = f"from artifacts.models import ArtifactVersion; print({states_of})"
    while (states := stack.manage("shell", "--no-imports", "--command", code).strip()) != "{'verified'}":
        if "corrupt" in states:
            raise RuntimeError("Bytes are corrupt.")
        time.sleep(0.5)
    return time.monotonic() - begun


def show(results: Mapping[str, Mapping[str, Any]], verified: float, waits: Mapping[str, list[float]]) -> None:
    for user, result in results.items():
        failed = sum(status >= 400 and status != 404 for _, status, _ in result["calls"])
        print(f"{user}: {result['seconds']:.1f} s, {len(result['calls'])} calls, {failed} failed")
    print(f"all verified {verified:.1f} s after the last of them\n")
    print(f"{'call':44} {'calls':>6} {'median':>8} {'longest':>8}")
    by_call: dict[str, list[float]] = {}
    for result in results.values():
        for name, _, seconds in result["calls"]:
            by_call.setdefault(name, []).append(seconds)
    for name, times in sorted(by_call.items(), key=lambda item: -max(item[1])):
        print(f"{name:44} {len(times):6} {median(times):7.2f}s {max(times):7.2f}s")
    print(f"\n{'wait for':44} {'times':>6} {'median':>8} {'longest':>8}")
    for name, times in waits.items():
        print(f"{name:44} {len(times):6} {median(times):7.3f}s {max(times):7.2f}s")


def show_lock_waits(stack: Stack) -> None:
    """Of all transactions of web server and workers, how many waited longer than the bounds of the histogram."""
    request = urllib.request.Request(f"{stack.base_url}/metrics", headers={"Authorization": "Bearer benchmark"})
    with urllib.request.urlopen(request) as response:
        lines = response.read().decode().splitlines()
    name = "wanllmdb_sqlite_lock_wait_seconds_bucket"
    counts = {line.split('"')[1]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)}
    total = counts.pop("+Inf")
    longer = "".join(f", {total - count:,.0f} longer than {bound} s" for bound, count in counts.items())
    print(f"\nthe server waited for the lock {total:,.0f} times{longer}")


def median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def database() -> str:
    return "PostgreSQL" if servers.on_postgres() else "SQLite"


if __name__ == "__main__":
    main()
