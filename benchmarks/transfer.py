"""How long artifacts take to the store and back through the SDK, beside boto3 on the same store, and beside `cp -r`.

boto3 with 16 threads is what people write without a registry: it states no digest, and checks none on arrival. Nothing
can be faster than `cp -r`. The worker stands still meanwhile: it reads what was uploaded back when there is time.
"""

import argparse
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from itertools import product
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

import wanllmdb as wandb
from benchmarks import process_usage
from harness import servers
from harness.servers import Stack

KIB, MIB = 2**10, 2**20
# (files, bytes of each): for a look, and as in the tables of docs/benchmarks.md.
QUICK = {"one": (1, 256 * MIB), "mid": (400, 100 * KIB), "small": (4_000, KIB)}
FULL = {"one": (1, 2**30), "mid": (2_000, 100 * KIB), "small": (20_000, KIB)}
THREADS = 16


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transfer", description=__doc__)
    parser.add_argument("--full", action="store_true", help="1 GiB, 2,000 × 100 KiB, 20,000 × 1 KiB")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", choices=FULL, help="one kind of data")
    options = parser.parse_args()
    kinds = FULL if options.full else QUICK
    stack = Stack("transfer")
    stack.store.start()
    stack.web.start()
    os.environ |= {"WANLLMDB_BASE_URL": stack.base_url, "WANLLMDB_API_KEY": stack.key("alice"), "WANLLMDB_SILENT": "1"}
    print(f"the best of {options.rounds} rounds by turns, in seconds; the ratio is boto3 to SDK\n")
    print(f"{'':28} {'of time':^31}  {'of CPU: client':^15}  {'store':^15}  {'web':^7}")
    print(f"{'':28} {'SDK':>7} {'boto3':>7} {'cp -r':>7} {'ratio':>7} {' SDK     boto3' * 2}      SDK")
    for kind in [options.only] if options.only else kinds:
        measure(stack, kind, *kinds[kind], options.rounds)


@dataclass(frozen=True)
class Cost:
    """What an act took, in seconds; CPU is counted of this process, of the store and of the web server."""

    time: float
    client: float
    store: float
    web: float

    @classmethod
    def now(cls, stack: Stack) -> "Cost":
        store, web = (process_usage.cpu_seconds(server.process.pid) for server in (stack.store, stack.web))
        return cls(time.perf_counter(), time.process_time(), store, web)

    @classmethod
    def of(cls, stack: Stack, act: Callable[[], object]) -> "Cost":
        before = astuple(cls.now(stack))
        act()
        return cls(*(after - started_at for after, started_at in zip(astuple(cls.now(stack)), before, strict=True)))


def measure(stack: Stack, kind: str, count: int, size: int, rounds: int) -> None:
    print(f"{kind}: {count:,} × {size // KIB:,} KiB")
    up: dict[str, list[Cost]] = defaultdict(list)
    down: dict[str, list[Cost]] = defaultdict(list)
    with temporary_directory() as source:
        fill(source, count, size)
        contenders = {"SDK": SdkTransfer(kind), "boto3": Boto3Transfer(stack), "cp -r": CopyTransfer()}
        for number, (name, contender) in product(range(rounds), contenders.items()):
            with temporary_directory() as target:
                up[name].append(Cost.of(stack, partial(contender.up, source, f"{kind}-{number}")))
                down[name].append(Cost.of(stack, partial(contender.down, target / "down")))
                check(source, target / "down")
    show("  up", up)
    show("  down", down)


def show(what: str, costs: dict[str, list[Cost]]) -> None:
    sdk, bare, disk = (min(costs[name], key=lambda cost: cost.time) for name in ("SDK", "boto3", "cp -r"))
    times = f"{sdk.time:7.2f} {bare.time:7.2f} {disk.time:7.2f} {bare.time / sdk.time:7.1f}"
    cpu = f"{sdk.client:7.2f} {bare.client:7.2f}  {sdk.store:7.2f} {bare.store:7.2f}  {sdk.web:7.2f}"
    print(f"{what:28} {times}  {cpu}", flush=True)


class SdkTransfer:
    """The SDK. Each upload goes to a project of its own, for the bytes of one project are never sent twice."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def up(self, source: Path, name: str) -> None:
        with wandb.init(project=f"acme/{name}") as run:
            artifact = wandb.Artifact(self.kind, type="dataset")
            artifact.add_dir(source)
            self.logged = run.log_artifact(artifact).wait()

    def down(self, target: Path) -> None:
        self.logged.download(target)


class Boto3Transfer:
    """The store itself, by boto3."""

    def __init__(self, stack: Stack) -> None:
        self.bucket = stack.env["S3_BUCKET"]
        self.client = boto3.client(
            "s3",
            endpoint_url=stack.env["S3_ENDPOINT_URL"],
            aws_access_key_id=stack.env["S3_ACCESS_KEY_ID"],
            aws_secret_access_key=stack.env["S3_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
            config=Config(max_pool_connections=THREADS),
        )
        self.transfer = TransferConfig(max_concurrency=THREADS)

    def up(self, source: Path, name: str) -> None:
        self.keys = {f"bare/{name}/{path.name}": path.name for path in source.iterdir()}

        def send(key: str, name: str) -> None:
            self.client.upload_file(str(source / name), self.bucket, key, Config=self.transfer)

        self._all(send)

    def down(self, target: Path) -> None:
        target.mkdir()

        def fetch(key: str, name: str) -> None:
            self.client.download_file(self.bucket, key, str(target / name), Config=self.transfer)

        self._all(fetch)

    def _all(self, act: Callable[[str, str], None]) -> None:
        with ThreadPoolExecutor(THREADS) as threads:
            for done in [threads.submit(act, key, name) for key, name in self.keys.items()]:
                done.result()


class CopyTransfer:
    """The physical limit: the same files, copied on this machine."""

    def up(self, source: Path, name: str) -> None:
        self.copy = source.with_name(f"{source.name}-{name}")
        subprocess.run(["cp", "-r", source, self.copy], check=True)

    def down(self, target: Path) -> None:
        subprocess.run(["cp", "-r", self.copy, target], check=True)
        shutil.rmtree(self.copy)


def fill(directory: Path, count: int, size: int) -> None:
    """Files of bytes that cannot be compressed, and are not sparse."""
    source = random.Random(size)
    for number in range(count):
        with (directory / f"{number:05}.bin").open("wb") as file:
            for start in range(0, size, MIB):
                file.write(source.randbytes(min(MIB, size - start)))


def check(source: Path, target: Path) -> None:
    """Everything came back."""
    if {path.name: path.stat().st_size for path in source.iterdir()} != {
        path.name: path.stat().st_size for path in target.iterdir()
    }:
        raise RuntimeError(f"{target} is not what {source} was.")


@contextmanager
def temporary_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="bench-", dir=servers.session_directory()))
    try:
        yield path
    finally:
        shutil.rmtree(path)


if __name__ == "__main__":
    main()
