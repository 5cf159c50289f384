"""How long a folder of a bucket takes as references: to list, to log, and to read the manifest; and how much memory.

The client is a process of its own. Nothing is downloaded: the objects have a byte each.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks import memory
from harness import reference_servers
from harness.servers import Stack

MIB = 2**20
THREADS = 16
CLIENT = """
import json, re, sys, time
from pathlib import Path
import wanllmdb as wandb
measured = {}
begun = time.monotonic()
def measure(name):
    global begun
    now, status = time.monotonic(), Path("/proc/self/status").read_text()
    measured[name] = (now - begun, int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]))
    begun = time.monotonic()
with wandb.init(project="acme/references") as run:
    artifact = wandb.Artifact("folder", type="dataset")
    measure("start")
    added = artifact.add_reference(sys.argv[1])
    measure("add_reference")
    logged = run.log_artifact(artifact)
    measure("log_artifact")
    assert len(wandb.Api().artifact(logged.qualified_name).references()) == len(added)
    measure("references()")
    again = wandb.Artifact("folder", type="dataset")
    again.add_reference(sys.argv[1])
    measure("add_reference again")
    assert run.log_artifact(again).version == logged.version
    measure("log_artifact, unchanged")
print(json.dumps(measured))
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.references", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="objects in the folder (100,000)")
    parser.add_argument("--short", action="store_true", help="10,000 objects")
    options = parser.parse_args()
    count = 10_000 if options.short else options.count
    stack = Stack("references")
    stack.store.start()
    stack.web.start()
    bucket = reference_servers.s3_bucket()
    fill(bucket, count)
    key = stack.key("alice")
    env = os.environ | {"WANLLMDB_BASE_URL": stack.base_url, "WANLLMDB_API_KEY": key, "WANLLMDB_SILENT": "1"}
    log(env | bucket.env, f"{bucket.uri}/warm/")  # what a server loads for its first request is no growth
    with memory.peak_memory(stack.web) as peaks:
        measured = log(env | bucket.env, f"{bucket.uri}/folder/")
    print(f"{count:,} references\n\n{'':28} {'seconds':>8} {'client, at most':>16}")
    for name, (seconds, peak) in measured.items():
        print(f"{name:28} {seconds:8.1f} {peak / 1024:12.0f} MiB")
    (rest, most) = peaks[stack.web.name]
    print(f"\nweb server: {rest / MIB:.0f} MiB at rest, {most / MIB:.0f} MiB at most")


def fill(bucket: reference_servers.Bucket, count: int) -> None:
    bucket.put("warm/a", b"a")
    with ThreadPoolExecutor(THREADS) as threads:
        for _ in threads.map(lambda number: bucket.put(f"folder/{number // 1000:05}/{number}", b"a"), range(count)):
            pass


def log(env: Mapping[str, str], uri: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", CLIENT, uri], env=env, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
