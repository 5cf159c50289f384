"""What a web server makes of our API, on the requests that training jobs send most.

The server of the Procfile is measured, with the front before it, and beside it those of `OTHERS` that are installed
here, all on one database and by short turns, so that a busy moment of the machine falls on each of them. Where others
use the machine too, trust the milliseconds of CPU more than the rate: they are of the web server's processes alone.
"""

import argparse
import json
import shutil
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks import load_generator, process_usage
from benchmarks.load_generator import Measurement
from deploy import runtime_directory, var_directory
from harness import servers
from harness.servers import Server, Stack

_GUNICORN = "exec gunicorn wanllmdb.wsgi --bind 127.0.0.1:$PORT --worker-class gthread --workers 2 --keep-alive 75"
_GRANIAN = "exec granian wanllmdb.wsgi:application --interface wsgi --host 127.0.0.1 --port $PORT --workers 2"
OTHERS = {
    "gunicorn 2×8": f"{_GUNICORN} --no-control-socket --log-level warning --threads 8",
    "granian 2×44": f"{_GRANIAN} --http 1 --no-ws --log-level error --blocking-threads 44",
    "granian 2×4": f"{_GRANIAN} --http 1 --no-ws --log-level error --blocking-threads 4",
    "granian 2×1": f"{_GRANIAN} --http 1 --no-ws --log-level error --blocking-threads 1",
    "granian 2×8": f"{_GRANIAN} --http 1 --no-ws --log-level error --blocking-threads 8",
}
ARTIFACTS = 400
CLIENTS = (1, 16)
ROUNDS = 8

Messages = Mapping[str, list[bytes]]


@dataclass
class Candidate:
    """A web server under measurement."""

    name: str
    server: Server
    port: int
    rounds: list[Measurement] = field(default_factory=list)
    cpu_seconds: float = 0.0

    @classmethod
    def start(cls, stack: Stack, name: str, command: str) -> "Candidate":
        port = servers.free_port()
        slug = "".join(letter if letter.isalnum() else "-" for letter in name.lower())
        var = servers.session_directory() / f"web-{slug}"
        var_directory.create(var)
        env = stack.env | {"PORT": str(port), "WANLLMDB_RUN_DIR": str(runtime_directory.create(var))}
        server = Server(f"web-{slug}", ["sh", "-c", command], env, lambda: answers(port))
        server.start()
        return cls(name, server, port)

    def turn(self, messages: list[bytes], clients: int, seconds: float) -> None:
        before = process_usage.cpu_seconds(self.server.process.pid)
        self.rounds.append(load_generator.run(self.port, messages, clients=clients, seconds=seconds))
        self.cpu_seconds += process_usage.cpu_seconds(self.server.process.pid) - before

    @property
    def best(self) -> Measurement:
        return max(self.rounds, key=lambda one: one.rate)

    @property
    def cpu_of_one(self) -> float:
        """Milliseconds of CPU that a request costs the web server's processes."""
        return self.cpu_seconds * 1000 / sum(len(one.latencies) for one in self.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.web_server", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each turn (0.5)")
    parser.add_argument("--alone", action="store_true", help="only the server of the Procfile")
    options = parser.parse_args()
    run(options.seconds, alone=options.alone)


def run(seconds: float = 0.5, *, alone: bool = False) -> None:
    stack = Stack("web-server")
    commands = {"Procfile": servers.WEB}
    if not alone:
        commands |= {name: command for name, command in OTHERS.items() if shutil.which(command.split()[1])}
    candidates = [Candidate.start(stack, name, command) for name, command in commands.items()]
    requests = populate(candidates[0].port, stack.key("alice"))
    database = "PostgreSQL" if servers.on_postgres() else "SQLite"
    print(f"{database}, {ARTIFACTS} artifacts; the best of {ROUNDS} turns of {seconds:g} s\n")
    print(f"{'':18} clients  {'server':20}   req/s  p50 ms  p99 ms  CPU ms   rate    CPU")
    for what, messages in requests.items():
        for clients in CLIENTS:
            measure(candidates, messages, clients, seconds)
            show(what, clients, candidates)
    for candidate in candidates:
        candidate.server.stop()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            return True
    except OSError:
        return False


def populate(port: int, key: str) -> Messages:
    """Artifacts of two versions each, and the requests for them, by what they do."""
    connection = load_generator.Connection(port)

    def call(method: str, path: str, body: Any = None) -> Any:
        return json.loads(connection.send(load_generator.build_request(method, f"/api/v1/{path}", key, body)))

    project = call("POST", "projects", {"team": "acme", "name": "load"})
    messages: dict[str, list[bytes]] = {"get an alias": [], "move an alias": [], "resolve a name": []}
    back = []
    for number in range(ARTIFACTS):
        name = f"artifact-{number:03}"
        about = {"description": "Rows of a table.", "metadata": {"rows": number}, "tags": ["table", f"n{number % 7}"]}
        artifact = call("POST", "artifacts", {"project": project["id"], "name": name, "type": "dataset", **about})
        path = f"artifacts/{artifact['id']}"
        versions = [call("POST", f"{path}/versions", {"metadata": {"loss": 0.1}})["id"] for _ in range(2)]
        for version in versions:
            call("POST", f"artifacts/versions/{version}/finalize", {"aliases": ["production"]})
        moves = [
            load_generator.build_request(
                "POST", f"/api/v1/{path}/aliases", key, {"alias": "production", "version_id": version}
            )
            for version in versions
        ]
        messages["get an alias"].append(load_generator.build_request("GET", f"/api/v1/{path}/aliases/production", key))
        messages["move an alias"].append(moves[0])
        back.append(moves[1])
        resolve = f"/api/v1/artifacts/resolve?name=acme/load/{name}:production"
        messages["resolve a name"].append(load_generator.build_request("GET", resolve, key))
    connection.close()
    messages["move an alias"] += back
    pages = range(1, ARTIFACTS // 50 + 1)
    messages["list 50 artifacts"] = [
        load_generator.build_request("GET", f"/api/v1/artifacts?project=acme/load&page={page}&page_size=50", key)
        for page in pages
    ]
    return messages


def measure(candidates: list[Candidate], messages: list[bytes], clients: int, seconds: float) -> None:
    for candidate in candidates:
        load_generator.run(candidate.port, messages, clients=clients, seconds=0.2)
        candidate.rounds, candidate.cpu_seconds = [], 0.0
    for _ in range(ROUNDS):
        for candidate in candidates:
            candidate.turn(messages, clients, seconds)


def show(what: str, clients: int, candidates: list[Candidate]) -> None:
    """A line for each, with ratios to the first."""
    first = candidates[0]
    for one in candidates:
        p50, p99 = (one.best.percentile(share) * 1000 for share in (0.5, 0.99))
        figures = f"{one.best.rate:7.0f} {p50:7.1f} {p99:7.1f} {one.cpu_of_one:7.2f}"
        ratios = f"{one.best.rate / first.best.rate:6.2f} {one.cpu_of_one / first.cpu_of_one:6.2f}"
        print(f"{what:18} {clients:7}  {one.name:20} {figures} {ratios}", flush=True)


if __name__ == "__main__":
    main()
