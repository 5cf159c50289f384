"""Aliases over HTTP, beside MLflow's on the same PostgreSQL: resolved and moved, by one client and by 16.

Both servers are asked by short turns, so that a busy moment of the machine falls on each; ours checks a key and roles,
MLflow's, with the options it has by default, checks nobody. The project has a rule that covers the aliases, a webhook
and a watch; the worker that would call them is off, so what is measured is the web server. Then ours alone: whether it
stays as quick with a million aliases in the table, and with ten thousand moves in an alias's history, as with one.
"""

import argparse
import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import psycopg

from benchmarks import load_generator, process_usage
from benchmarks.load_generator import Measurement
from benchmarks.mlflow import MLflow
from harness.servers import Server, Stack

THINGS = 50
MUCH = 1_000_000
DEPTH = 10_000
# Times MLflow's rate, by clients.
CLIENTS = (1, 16)
GOALS = {"get an alias": (40.0, 9.0), "resolve a name": (40.0, 9.0), "move an alias": (15.0, 4.0)}
_ALIAS = "production"
_THEIRS = "/api/2.0/mlflow/registered-models/alias"

Messages = Mapping[str, list[bytes]]


@dataclass
class Contender:
    """A server under measurement, and what its turns came to."""

    name: str
    server: Server
    port: int
    messages: Messages
    turns: list[Measurement] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def turn(self, what: str, clients: int, seconds: float) -> None:
        before = process_usage.cpu_seconds(self.server.process.pid)
        self.turns.append(load_generator.run(self.port, self.messages[what], clients=clients, seconds=seconds))
        self.cpu_seconds += process_usage.cpu_seconds(self.server.process.pid) - before

    def forget(self) -> None:
        self.turns, self.cpu_seconds = [], 0.0

    @property
    def whole(self) -> Measurement:
        """All turns as one: a rate over all of their time, a percentile among all of their requests."""
        latencies = sorted(itertools.chain.from_iterable(turn.latencies for turn in self.turns))
        return Measurement(latencies, sum(turn.seconds for turn in self.turns))

    @property
    def best(self) -> Measurement:
        """The turn that the rest of the machine disturbed least."""
        return max(self.turns, key=lambda turn: turn.rate)

    @property
    def cpu_of_one(self) -> float:
        """Milliseconds of CPU that a request costs the server's own processes."""
        return self.cpu_seconds * 1000 / sum(len(turn.latencies) for turn in self.turns)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alias", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a fifth of the turns, a tenth of the aliases")
    parser.add_argument("--turns", type=int, default=20, help="of each side, for each line (20)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn (1)")
    parser.add_argument("--only", choices=["mlflow", "flat"], help="one half of it")
    options = parser.parse_args()
    turns, much = (max(options.turns // 5, 2), MUCH // 10) if options.short else (options.turns, MUCH)
    os.environ["TEST_DATABASE"] = "postgres"
    if options.only != "flat":
        beside_mlflow(turns, options.seconds)
    if options.only != "mlflow":
        with_many(turns, options.seconds, much)


def beside_mlflow(turns: int, seconds: float) -> None:
    ours, theirs = our_server("alias", THINGS), mlflow_server()
    print(f"\nPostgreSQL; {turns} turns of {seconds:g} s each, one side after the other. `×` is ours to theirs.\n")
    print(f"{'':16} clients  {'server':14}   req/s (best)   p50 ms   p99 ms  CPU ms       ×  best ×  goal   p99 ×")
    for what in ours.messages:
        for clients in CLIENTS:
            alternate((ours, theirs), what, clients, turns, seconds)
            show_beside(what, clients, ours, theirs)
    for side in (ours, theirs):
        print(f"{side.name}: {process_usage.resident_bytes(side.server.process.pid) / 2**20:.0f} MiB of memory")
        side.server.stop()


def with_many(turns: int, seconds: float, much: int) -> None:
    one, many = our_server("alias-one", 1), our_server("alias-many", 4, much)
    print(f"\nOurs, by one client, with 1 and with {much:,} aliases, moved once and {DEPTH:,} times before:\n")
    print(f"{'':16} {'p50 ms':>17} {'ratio':>7} {'p99 ms':>17} {'ratio':>7} {'CPU ms':>17} {'ratio':>7}")
    for what in one.messages:
        alternate((one, many), what, 1, turns, seconds)
        figures = [[side.whole.percentile(0.5) * 1000, side.whole.percentile(0.99) * 1000] for side in (one, many)]
        figures = [[*figure, side.cpu_of_one] for figure, side in zip(figures, (one, many), strict=True)]
        cells = (f"{little:8.2f} {large:8.2f} {large / little:7.2f}" for little, large in zip(*figures, strict=True))
        print(f"{what:16} {' '.join(cells)}", flush=True)
    for side in (one, many):
        side.server.stop()


def alternate(sides: tuple[Contender, Contender], what: str, clients: int, turns: int, seconds: float) -> None:
    """Both by turns, while the other one is stopped: servers do something even when nobody asks them."""
    pairs = (sides, sides[::-1])
    for side, other in pairs:
        with process_usage.paused(other.server.process.pid):
            side.turn(what, clients, 0.5)
        side.forget()
    for _ in range(turns):
        for side, other in pairs:
            with process_usage.paused(other.server.process.pid):
                side.turn(what, clients, seconds)


def show_beside(what: str, clients: int, ours: Contender, theirs: Contender) -> None:
    for side in (ours, theirs):
        p50, p99 = (side.whole.percentile(share) * 1000 for share in (0.5, 0.99))
        rates = f"{side.whole.rate:7.0f} {f'({side.best.rate:.0f})':>8}"
        line = f"{what:16} {clients:7}  {side.name:14} {rates} {p50:8.1f} {p99:8.1f} {side.cpu_of_one:7.2f}"
        if side is ours:
            times = f"{ours.whole.rate / theirs.whole.rate:7.1f} {ours.best.rate / theirs.best.rate:7.1f}"
            tail = ours.whole.percentile(0.99) / theirs.whole.percentile(0.99)
            line += f" {times} {GOALS[what][CLIENTS.index(clients)]:5.0f} {tail:7.3f}"
        print(line, flush=True)


def our_server(name: str, count: int, others: int = 0) -> Contender:
    """A server of ours with an alias in each of so many artifacts, and so many aliases in others."""
    stack = Stack(name)
    stack.web.start()
    port, key = int(stack.env["PORT"]), stack.key("alice")
    connection = load_generator.Connection(port)

    def call(method: str, path: str, body: Any = None) -> Any:
        return json.loads(connection.send(load_generator.build_request(method, f"/api/v1/{path}", key, body)))

    project = call("POST", "projects", {"team": "acme", "name": "load"})
    call("POST", "alias-rules", {"project": project["id"], "pattern": "prod*", "role": "editor"})
    # Nobody listens there.
    call("POST", f"projects/{project['id']}/webhooks", {"url": "http://127.0.0.1:9/", "events": ["alias.moved"]})
    call("POST", "watches", {"project": project["id"]})
    messages: dict[str, list[bytes]] = {"get an alias": [], "resolve a name": [], "move an alias": []}
    back = []
    for number in range(count):
        about = {"project": project["id"], "name": f"model-{number:03}", "type": "model", "auto_latest": False}
        path = f"artifacts/{call('POST', 'artifacts', about)['id']}"
        versions = [call("POST", f"{path}/versions", {"metadata": {"loss": 0.1}})["id"] for _ in range(2)]
        for version in versions:
            call("POST", f"artifacts/versions/{version}/finalize", {"aliases": [_ALIAS]})
        moves = [
            load_generator.build_request(
                "POST", f"/api/v1/{path}/aliases", key, {"alias": _ALIAS, "version_id": version}
            )
            for version in versions
        ]
        messages["get an alias"].append(load_generator.build_request("GET", f"/api/v1/{path}/aliases/{_ALIAS}", key))
        url = f"/api/v1/artifacts/resolve?name=acme/load/model-{number:03}:{_ALIAS}"
        messages["resolve a name"].append(load_generator.build_request("GET", url, key))
        messages["move an alias"].append(moves[0])
        back.append(moves[1])
    messages["move an alias"] += back
    connection.close()
    if others:
        stack.manage(
            "shell", "--no-imports", "--command", f"from benchmarks import seed_data; seed_data.add_changes({DEPTH})"
        )
        stack.manage(
            "shell", "--no-imports", "--command", f"from benchmarks import seed_data; seed_data.add_aliases({others})"
        )
    vacuum(stack.env["DATABASE_URL"])
    return Contender("wanLLMDB", stack.web, port, messages)


def mlflow_server() -> Contender:
    """A server of MLflow's with an alias in each of as many models."""
    mlflow = MLflow.start()
    connection = load_generator.Connection(mlflow.port)

    def call(path: str, body: Any) -> Any:
        return json.loads(
            connection.send(load_generator.build_request("POST", f"/api/2.0/mlflow/{path}", "none", body))
        )

    resolves, moves, back = [], [], []
    for number in range(THINGS):
        name = f"model-{number:03}"
        call("registered-models/create", {"name": name})
        about = {"name": name, "source": f"s3://models/{name}"}
        versions = [call("model-versions/create", about)["model_version"]["version"] for _ in range(2)]
        sets = [
            load_generator.build_request("POST", _THEIRS, "none", {"name": name, "alias": _ALIAS, "version": version})
            for version in versions
        ]
        connection.send(sets[1])
        resolves.append(
            load_generator.build_request("GET", f"{_THEIRS}?{urlencode({'name': name, 'alias': _ALIAS})}", "none")
        )
        moves.append(sets[0])
        back.append(sets[1])
    connection.close()
    vacuum(mlflow.database)
    # Theirs resolves by name; ours has an url for who knows the id, too.
    messages = {"get an alias": resolves, "resolve a name": resolves, "move an alias": moves + back}
    return Contender(f"MLflow {mlflow.version}", mlflow.server, mlflow.port, messages)


def vacuum(database: str) -> None:
    """Let PostgreSQL count the rows, as autovacuum does where they did not come within a minute."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
