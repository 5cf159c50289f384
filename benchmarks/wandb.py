"""What the official `wandb` client costs this server, beside our own SDK in the same run.

Both log and download the same files by turns, the worker verifies them, and the seconds of CPU of all parts of the
server are counted. Then its protocol by hand: a commit of many files, pages of signed URLs, and many runs that log
lines at once. `make clients` makes the environments of the client.
"""

import argparse
import base64
import hashlib
import json
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any

import urllib3

from benchmarks import transfer
from benchmarks.load_generator import Connection, build_request
from benchmarks.transfer import Cost
from benchmarks.transfer_contenders import OldestWandb, Sdk, Wandb
from harness.servers import Stack

ACTS = ["up", "verified", "down"]
CONTENDERS = {contender.name: contender for contender in (Sdk, Wandb, OldestWandb)}
RUNS, LINES_A_SECOND, SECONDS = 50, 10, 60
# Seconds between two requests of a run: those of the client, and what asks most of the server.
PAUSES = (15, 1)
COMMITTED_FILES, PAGE_SIZE = 20_000, 5_000
_THREADS = 16
# On a machine that is busy with other things, a commit takes long.
_TIMEOUT = 600.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wandb", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a sixteenth of the data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=["SDK", "wandb"])
    parser.add_argument("--parts", nargs="+", choices=("transfer", "commit", "streams"), default=None)
    parser.add_argument("--database", choices=("sqlite", "postgres"), default=os.environ["TEST_DATABASE"])
    options = parser.parse_args()
    scale, rounds = (16, 1) if options.short else (1, options.rounds)
    stack, metrics = transfer.start(options.database)
    print(f"{options.database}; load of the machine {os.getloadavg()[0]:.1f}\n", flush=True)
    parts = options.parts or ("transfer", "commit", "streams")
    if "transfer" in parts:
        contenders = [CONTENDERS[name](stack) for name in options.contenders]
        transfer.measure(metrics, contenders, "mid", 1000, 1, ["up", "down"])
        for kind in ("mid", "small"):
            costs = transfer.measure(metrics, contenders, kind, scale, rounds, ACTS)
            for act in ACTS:
                transfer.show(f"{kind}: {transfer.ACTS[act]}", costs[act])
            show_server_cpu(kind, costs)
    if "commit" in parts:
        measure_commit(Client(stack), COMMITTED_FILES // scale, PAGE_SIZE // scale)
    if "streams" in parts:
        for pause in PAUSES:
            measure_streams(stack, SECONDS // (4 if options.short else 1), pause)


def show_server_cpu(kind: str, costs: dict[str, dict[str, list[Cost]]]) -> None:
    """Seconds of CPU of web and worker, to log and verify, and to download; and how many times those of our SDK."""
    for acts in (["up", "verified"], ["down"]):
        sums = {
            name: sum(median(cost.counts.web + cost.counts.worker for cost in costs[act][name]) for act in acts)
            for name in costs["up"]
        }
        first = next(iter(sums.values()))
        told = ", ".join(f"{name} {seconds:.2f} s ({seconds / first:.1f} ×)" for name, seconds in sums.items())
        print(f"{kind}: CPU of web and worker, {' and '.join(acts)}: {told}", flush=True)
    print()


class Client:
    """The requests of the official client by hand, on one connection."""

    def __init__(self, stack: Stack, username: str = "alice") -> None:
        self.key = stack.key(username)
        self._connection = Connection(int(stack.base_url.rpartition(":")[2]), _TIMEOUT)

    def ask(self, query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables, "operationName": ""}
        answer = json.loads(self._connection.send(build_request("POST", "/graphql", self.key, body)))
        if answer.get("errors"):
            raise RuntimeError(answer["errors"][0]["message"])
        return answer["data"]

    def mutate(self, name: str, selection: str, /, **input: Any) -> Any:
        type_ = f"{name[0].upper()}{name[1:]}Input!"
        query = f"mutation M($input: {type_}) {{ it: {name}(input: $input) {{ {selection} }} }}"
        return self.ask(query, input=input)["it"]

    def post(self, path: str, body: Any) -> None:
        self._connection.send(build_request("POST", path, self.key, body))


# --- A commit, and pages of URLs --------------------------------------------------------------------------------------


def measure_commit(client: Client, count: int, page_size: int) -> None:
    """One version of so many files of a few bytes, then pages of its files with their URLs."""
    bodies = {f"{number:06}.txt": f"{number} of {count}".encode() for number in range(count)}
    client.mutate("upsertModel", "inserted", entityName="acme", name="commit")
    entries = {path: {"digest": _md5(body), "size": len(body)} for path, body in bodies.items()}
    begun = client.mutate(
        "createArtifact", "artifact { id }", entityName="acme", projectName="commit", artifactTypeName="dataset",
        artifactCollectionName="many", digest=_digest_of(entries), digestAlgorithm="MANIFEST_MD5",
        labels="[]", aliases=[], clientID="", sequenceClientID="", enableDigestDeduplication=True,
    )["artifact"]["id"]  # fmt: skip
    paths = list(bodies)
    http = urllib3.PoolManager(maxsize=_THREADS)
    for start in range(0, count, 10_000):
        part = paths[start : start + 10_000]
        files = [{"artifactID": begun, "name": path, "md5": entries[path]["digest"]} for path in part]
        began_at = time.perf_counter()
        edges = client.mutate(
            "createArtifactFiles", "files { edges { node { name uploadUrl uploadHeaders } } }",
            artifactFiles=files, storageLayout="V2",
        )["files"]["edges"]  # fmt: skip
        print(f"createArtifactFiles of {len(part):,}: {time.perf_counter() - began_at:.2f} s", flush=True)
        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(lambda edge: _put(http, edge["node"], bodies[edge["node"]["name"]]), edges))
    manifest = json.dumps({"version": 1, "contents": entries}).encode()
    file = client.mutate(
        "createArtifactManifest", "artifactManifest { file { name uploadUrl uploadHeaders } }",
        artifactID=begun, name="wandb_manifest.json", digest=_md5(manifest), entityName="acme", projectName="commit",
        runName="", type="FULL",
    )["artifactManifest"]["file"]  # fmt: skip
    _put(http, file, manifest)
    began_at = time.perf_counter()
    client.mutate("commitArtifact", "artifact { id state }", artifactID=begun)
    print(f"commitArtifact of {count:,} files: {time.perf_counter() - began_at:.2f} s", flush=True)
    query = """query Q($first: Int) { project(entityName: "acme", name: "commit") {
        artifactCollectionMembership(name: "many:latest") { files(first: $first) {
            edges { node { name directUrl } } } } } }"""
    seconds = []
    for _ in range(7):
        began_at = time.perf_counter()
        client.ask(query, first=page_size)
        seconds.append(time.perf_counter() - began_at)
    print(f"a page of {page_size:,} signed URLs: {median(seconds) * 1000:.0f} ms, best {min(seconds) * 1000:.0f}\n")


def _put(http: urllib3.PoolManager, file: dict[str, Any], body: bytes) -> None:
    headers = dict(line.split(":", 1) for line in file["uploadHeaders"])
    answer = http.request("PUT", file["uploadUrl"], body=body, headers=headers)
    if answer.status != 200:
        raise RuntimeError(f"{answer.status} to a PUT of {file['name']}: {answer.data[:300]!r}")


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


def _digest_of(entries: dict[str, dict[str, Any]]) -> str:
    lines = "".join(f"{path}:{entries[path]['digest']}\n" for path in sorted(entries))
    return hashlib.md5(f"wandb-artifact-manifest-v1\n{lines}".encode(), usedforsecurity=False).hexdigest()


# --- Runs that log ----------------------------------------------------------------------------------------------------


@dataclass
class Stream:
    """A run that logs, and how long each of its requests took."""

    client: Client
    name: str
    latencies: list[float]


def measure_streams(stack: Stack, seconds: int, pause: int) -> None:
    """So many runs log `LINES_A_SECOND` each and send them after each pause, and then every line has to be there."""
    streams = [Stream(Client(stack), f"every-{pause}-{number}", []) for number in range(RUNS)]
    for stream in streams:
        stream.client.mutate("upsertBucket", "inserted", entityName="acme", modelName="streams", name=stream.name)
    began_at = time.perf_counter()
    threads = [
        threading.Thread(target=_log, args=(stream, began_at + pause * number / RUNS, seconds // pause, pause))
        for number, stream in enumerate(streams)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latencies = sorted(one for stream in streams for one in stream.latencies)
    count = _line_count(streams)
    expected = RUNS * LINES_A_SECOND * pause * (seconds // pause)
    print(
        f"{RUNS} runs, {LINES_A_SECOND} lines a second each, sent every {pause} s, {seconds} s: {count:,} of "
        f"{expected:,} lines are there; {len(latencies):,} requests, p50 {_percentile(latencies, 0.5):.0f} ms, "
        f"p99 {_percentile(latencies, 0.99):.0f} ms, longest {latencies[-1] * 1000:.0f} ms"
    )


def _log(stream: Stream, begins_at: float, turns: int, pause: int) -> None:
    size = LINES_A_SECOND * pause
    for turn in range(turns):
        time.sleep(max(0.0, begins_at + turn * pause - time.perf_counter()))
        first = turn * size
        rows = [{"_step": first + n, "_runtime": turn, "loss": 1 / (first + n + 1)} for n in range(size)]
        files = {
            "wandb-history.jsonl": {"offset": first, "content": list(map(json.dumps, rows))},
            "wandb-summary.json": {"offset": 0, "content": [json.dumps(rows[-1])]},
        }
        started = time.perf_counter()
        stream.client.post(f"/files/acme/streams/{stream.name}/file_stream", {"files": files})
        stream.latencies.append(time.perf_counter() - started)


def _line_count(streams: Sequence[Stream]) -> int:
    query = """query Q($name: String!) { project(entityName: "acme", name: "streams") {
        run(name: $name) { historyLineCount } } }"""
    return sum(one.client.ask(query, name=one.name)["project"]["run"]["historyLineCount"] for one in streams)


def _percentile(latencies: Sequence[float], share: float) -> float:
    return latencies[min(int(len(latencies) * share), len(latencies) - 1)] * 1000


if __name__ == "__main__":
    main()
