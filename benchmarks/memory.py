"""How much memory one large file takes on its way to the store and back: of the client, the web server and the worker.

The worker reads the file back meanwhile, to verify it, and is waited for.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmarks import process_usage, transfer
from harness.servers import Server, Stack

MIB = 2**20
# In a process of its own, so that its memory is the SDK's and nobody else's.
CLIENT = """
import json, resource, sys, time
import wanllmdb as wandb
source, target = sys.argv[1:]
begun = time.monotonic()
with wandb.init(project="acme/memory") as run:
    artifact = wandb.Artifact("large", type="file")
    artifact.add_file(source)
    logged = run.log_artifact(artifact).wait()
up, begun = time.monotonic() - begun, time.monotonic()
after_up = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
logged.download(target)
print(json.dumps({
    "up": up, "down": time.monotonic() - begun, "id": logged.id,
    "after_up": after_up, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--gib", type=float, default=0.5, help="size of the file (0.5)")
    options = parser.parse_args()
    stack = Stack("memory")
    stack.start()
    key = stack.key("alice")
    env = stack.env | {"WANLLMDB_BASE_URL": stack.base_url, "WANLLMDB_API_KEY": key, "WANLLMDB_SILENT": "1"}
    # What a server loads for its first upload is no growth.
    transfer_file(env, MIB)
    with peak_memory(stack.web, stack.worker) as peaks:
        result = transfer_file(env, int(options.gib * 2**30))
        verified = wait_for_worker(stack, result["id"])
    print(f"one file of {options.gib:g} GiB: up {result['up']:.1f} s, down {result['down']:.1f} s, {verified}\n")
    print(f"{'':12} {'at rest':>10} {'at most':>10}")
    peak, after_up = result["peak"] / 1024, result["after_up"] / 1024
    print(f"{'client':12} {'':>10} {peak:6.0f} MiB  (after the upload {after_up:.0f} MiB)")
    for name, (rest, most) in peaks.items():
        print(f"{name:12} {rest / MIB:6.0f} MiB {most / MIB:6.0f} MiB")


def transfer_file(env: Mapping[str, str], size: int) -> dict[str, Any]:
    """Log a file of that many bytes and download it, in a process of its own. What it measured."""
    with transfer.temporary_directory() as source, transfer.temporary_directory() as target:
        transfer.fill(source, 1, size)
        (file,) = source.iterdir()
        command = [sys.executable, "-c", CLIENT, str(file), str(target)]
        done = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE)
        subprocess.run(["cmp", file, target / file.name], check=True)
    return json.loads(done.stdout)


@contextmanager
def peak_memory(*servers: Server) -> Iterator[dict[str, tuple[int, int]]]:
    """Resident memory of each server's processes, together, at the beginning and at its highest."""
    rest = {server.name: memory(server) for server in servers}
    peaks = {name: (bytes_, bytes_) for name, bytes_ in rest.items()}
    ended = threading.Event()

    def sample() -> None:
        while not ended.wait(0.2):
            for server in servers:
                peaks[server.name] = (rest[server.name], max(peaks[server.name][1], memory(server)))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield peaks
    finally:
        ended.set()
        sampler.join()


def memory(server: Server) -> int:
    return process_usage.resident_bytes(server.process.pid)


def wait_for_worker(stack: Stack, version_id: str) -> str:
    begun = time.monotonic()
    code = f"from artifacts.models import ArtifactVersion as V; print(V.objects.get(pk='{version_id}').integrity)"
    while (integrity := stack.manage("shell", "--no-imports", "--command", code).strip()) == "pending":
        time.sleep(1)
    return f"{integrity} by the worker {time.monotonic() - begun:.0f} s later"


if __name__ == "__main__":
    main()
