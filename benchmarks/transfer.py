"""How long artifacts take to the store and back, beside what else people use for that, on the same store.

Whole rounds by turns: each contender does all acts with one kind of data, then the next one. The worker runs and is
counted; the next contender waits until it has verified everything. Times of libraries are without the start of Python.
Nothing can be faster than `cp -r`. On a machine that is busy with other things, trust minima more than medians.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass
from itertools import product
from pathlib import Path

from benchmarks import process_usage, transfer_contenders, transfer_data
from benchmarks.transfer_contenders import Contender, Job
from benchmarks.transfer_data import KINDS
from harness import servers
from harness.servers import Stack
from wanllmdb.sdk.http_client import Client

ACTS = {
    "up": "log or upload all",
    "verified": "until the worker has verified it",
    "down": "into an empty directory",
    "again": "unchanged, up again",
    "changed": "one file changed, up again",
    "middle": "1 MiB changed in the middle of a large file, up again",
}
MIB = 2**20


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a sixteenth of the data, and two rounds")
    parser.add_argument("--scale", type=int, default=1, help="divide the data by this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[kind for kind in KINDS if kind != "many"])
    parser.add_argument("--acts", nargs="+", choices=ACTS, default=list(ACTS), help="the first ones are done anyway")
    parser.add_argument("--contenders", nargs="+", choices=transfer_contenders.ALL, default=[*transfer_contenders.ALL])
    parser.add_argument("--database", choices=("sqlite", "postgres"), default=os.environ["TEST_DATABASE"])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements there")
    options = parser.parse_args()
    scale, rounds = (16, 2) if options.short else (options.scale, options.rounds)
    stack, metrics = start(options.database)
    contenders = [transfer_contenders.ALL[name](stack) for name in options.contenders]
    for contender in contenders:
        contender.install()
    print(f"{options.database}; {rounds} rounds by turns; load of the machine {os.getloadavg()[0]:.1f}\n")
    # The first request of a process, and the first use of a library, cost more than all others.
    measure(metrics, contenders, "mid", 1000, 1, ["up", "down"])
    everything = []
    for kind in options.kinds:
        costs = measure(metrics, contenders, kind, scale, rounds, options.acts)
        for act in (act for act in ACTS if costs[act]):
            show(f"{kind}: {ACTS[act]}", costs[act])
        everything += [
            {"kind": kind, "act": act, "contender": name, **asdict(cost)}
            for act, by_name in costs.items() for name, list_of_costs in by_name.items() for cost in list_of_costs
        ]  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))


def start(database: str) -> tuple[Stack, "Metrics"]:
    """A whole server, and a store of its own that counts what it is asked."""
    os.environ |= {"TEST_DATABASE": database, "METRICS_TOKEN": "benchmark"}
    port = servers.free_port()
    line = servers.PROCFILE["store"].replace(" mini ", f" mini -metricsPort={port} ", 1)
    store = servers.store_server("counting-store", line, servers.session_env())
    store.start()
    stack = Stack("transfer", store)
    stack.start()
    return stack, Metrics(stack, port)


# --- What an act costs ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """CPU in seconds, of each part; requests and bytes of the store, whoever asks; requests to the web server."""

    web: float
    worker: float
    store: float
    web_requests: float
    store_requests: float
    received: float
    sent: float

    def __sub__(self, before: "Counts") -> "Counts":
        return Counts(*(after - earlier for after, earlier in zip(astuple(self), astuple(before), strict=True)))


@dataclass(frozen=True)
class Cost:
    """In seconds, and in bytes of the largest process of the client."""

    seconds: float
    client: float
    memory: int
    counts: Counts


class Metrics:
    """What the parts of a server count."""

    def __init__(self, stack: Stack, store_port: int) -> None:
        self.stack = stack
        self._web = urllib.request.Request(f"{stack.base_url}/metrics", headers={"Authorization": "Bearer benchmark"})
        self._store = f"http://127.0.0.1:{store_port}/metrics"

    def read(self) -> Counts:
        stack = self.stack
        cpu = (
            process_usage.cpu_seconds(server.process.pid) if server.process else 0.0
            for server in (stack.web, stack.worker, stack.store)
        )  # fmt: skip
        of_store = f'bucket="{stack.env["S3_BUCKET"]}"'
        store = list(_samples(self._store))
        return Counts(
            *cpu,
            _total(_samples(self._web), "wanllmdb_request_duration_seconds_count", 'route="api'),
            _total(store, "SeaweedFS_s3_request_total", of_store),
            _total(store, "SeaweedFS_s3_bucket_traffic_received_bytes_total", of_store),
            _total(store, "SeaweedFS_s3_bucket_traffic_sent_bytes_total", of_store),
        )


def _samples(request: str | urllib.request.Request) -> Iterator[str]:
    with urllib.request.urlopen(request) as response:
        yield from response.read().decode().splitlines()


def _total(samples: Iterator[str] | list[str], name: str, label: str) -> float:
    return sum(float(line.rpartition(" ")[2]) for line in samples if line.startswith(name) and label in line)


def measure(
    metrics: Metrics, contenders: list[Contender], kind: str, scale: int, rounds: int, acts: list[str]
) -> dict[str, dict[str, list[Cost]]]:
    """By act and contender."""
    costs: dict[str, dict[str, list[Cost]]] = {act: defaultdict(list) for act in ACTS}
    with temporary_directory() as directory:
        data = directory / "data"
        transfer_data.fill(data, kind, scale)
        for number, contender in product(range(rounds), contenders):
            with temporary_directory() as work:
                job = _job(contender, kind, number, work, data)
                for act in _acts_of(contender, kind, acts):
                    costs[act][contender.name].append(_perform(metrics, contender, act, job))
                    if act == "down":
                        transfer_data.require_same(job.source, contender.downloaded(job))
                        shutil.rmtree(job.target)
                if contender.uses_our_server:
                    _wait_until_verified(metrics.stack, job)
    return costs


def _job(contender: Contender, kind: str, number: int, work: Path, data: Path) -> Job:
    (work / "repository").mkdir()
    source = work / "repository" / "data"
    # Hard links would be changed with the data; the copy is in the page cache then, for everybody.
    shutil.copytree(data, source)
    name = f"{contender.name.lower().replace(' ', '')}-{kind}-{number}-{data.parent.name}"
    job = Job(f"acme/{name}" if contender.uses_our_server else name, source, work, work / "target")
    contender.prepare(job)
    # A file that was written just now is not yet believed to be what its times say.
    time.sleep(3)
    return job


def _acts_of(contender: Contender, kind: str, acts: list[str]) -> list[str]:
    """In their order; what the last one needs of the first is done, too."""
    fitting = [act for act in ACTS if act in contender.acts and act in ("up", *acts)]
    return [act for act in fitting if act not in transfer_data.NOT_WITH[kind]]


def _perform(metrics: Metrics, contender: Contender, act: str, job: Job) -> Cost:
    if act == "changed":
        transfer_data.change_one(job.source)
    elif act == "middle":
        transfer_data.change_middle(job.source)
    before = metrics.read()
    if act == "verified":
        started_at = time.perf_counter()
        _wait_until_verified(metrics.stack, job)
        return Cost(time.perf_counter() - started_at, 0.0, 0, metrics.read() - before)
    usage = transfer_contenders.perform(contender, act, job)
    return Cost(usage.seconds, usage.cpu, usage.memory, metrics.read() - before)


def _wait_until_verified(stack: Stack, job: Job) -> None:
    client = Client(stack.base_url, stack.key("alice"))
    path = f"/artifacts/versions/{(job.work / 'version-id').read_text()}"
    # With one of its files: the first thousand would cost the server more than the worker needs.
    while client.get(path, limit=1)["integrity"] == "pending":
        time.sleep(0.1)


# --- What is shown ----------------------------------------------------------------------------------------------------


def show(title: str, costs: dict[str, list[Cost]]) -> None:
    """A line for each contender: times, their ratio to that of the first, and medians of the rest."""
    first = next(iter(costs.values()))
    cpu = f"{'CPU: client':>11} {'web':>6} {'worker':>6} {'store':>6}"
    traffic = f"{'in':>8} {'out MiB':>8}   {'store':>7} {'web requests':>12}"
    print(f"{title}\n{'':10} {'median':>8} {'best':>8} {'n':>2} {'×':>6}   {cpu}   {'MiB':>5}   {traffic}")
    for name, list_of_costs in costs.items():
        print(f"{name:10} {_line(list_of_costs, first)}")
    print(flush=True)


def _line(costs: list[Cost], first: list[Cost]) -> str:
    seconds = [cost.seconds for cost in costs]
    median = statistics.median(seconds)
    ratio = median / statistics.median(cost.seconds for cost in first)
    client, memory = (statistics.median(getattr(cost, figure) for cost in costs) for figure in ("client", "memory"))
    web, worker, store, web_requests, store_requests, received, sent = (
        statistics.median(figures) for figures in zip(*(astuple(cost.counts) for cost in costs), strict=True)
    )
    return (
        f"{median:8.2f} {min(seconds):8.2f} {len(costs):2} {ratio:6.2f}   "
        f"{client:11.2f} {web:6.2f} {worker:6.2f} {store:6.2f}   {memory / MIB:5.0f}   "
        f"{received / MIB:8.1f} {sent / MIB:8.1f}   {store_requests:7.0f} {web_requests:12.0f}"
    )


@contextmanager
def temporary_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="bench-", dir=servers.session_directory()))
    try:
        yield path
    finally:
        shutil.rmtree(path)


if __name__ == "__main__":
    main()
