"""How soon a page begins to arrive where there is a little, more, and a lot of everything.

Three servers, each with a database of its own, are asked in turn, so that a busy moment of the machine falls on all.
What is told is the time to the first byte, of the quarter of the answers that came soonest; a page is flat where the
ratios stay near one. A list shows fifty rows where it has them: against ten rows it has five times as much to write,
against a thousand as much, of files and aliases too, and what is left is what the size of the tables costs.
"""

import argparse
import http.client
import os
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from harness import servers
from harness.servers import Stack

LITTLE, MORE, MUCH = 10, 1_000, 100_000
TURNS = 40
_VERSIONS = "/acme/load/artifacts/model/versions"
_FILES = "/acme/load/artifacts/dataset/files"
PAGES = {
    "home": "/",
    "project": "/acme/load",
    "runs": "/acme/load/runs",
    "artifacts": "/artifacts",
    "artifacts by name": "/artifacts?sort=name",
    "artifacts by type": "/artifacts?sort=-type",
    "artifacts by versions": "/artifacts?sort=-version_count",
    "artifacts by size": "/artifacts?sort=-latest_size",
    "artifacts by project": "/artifacts?sort=project",
    "artifacts of a type": "/artifacts?type=dataset",
    "artifacts with an alias": "/artifacts?alias=latest",
    "artifacts with a tag": "/artifacts?tag=tag-1",
    "artifacts, last page": "/artifacts?page=last",
    "artifacts of a project": "/acme/load/artifacts",
    "artifact: overview": _VERSIONS,
    "artifact: versions": f"{_VERSIONS}/versions",
    "artifact: aliases": f"{_VERSIONS}/aliases",
    "artifact: history": f"{_VERSIONS}/history",
    "version": f"{_VERSIONS}/v9",
    "version: files": f"{_FILES}/v1",
    "version: a folder": f"{_FILES}/v1?path=part-000/",
    "version: files by size": f"{_FILES}/v1?sort=-size",
    "version: filtered files": f"{_FILES}/v1?filter=0001",
    "file": f"{_FILES}/v1/files/one.txt",
    "search": "/search?q=latest",
    "search: a word that many have": "/search?q=artifact",
    "search: a word that few have": "/search?q=act-000007&only=artifacts",
    "search: metadata": "/search?q=metadata.name:artifact-000007",
    "search: of a run": "/search?q=config.lr%3C0.00001&only=runs",
    "artifacts: a word that many have": "/artifacts?q=artifact",
    "artifacts: a word that few have": "/artifacts?q=act-000007",
    "artifacts: metadata of many": "/artifacts?q=metadata.framework:torch",
    "artifacts: metadata of few": "/artifacts?q=metadata.name:artifact-000007",
    "artifacts: a file": "/artifacts?q=file:one.txt",
    "artifacts: a word that none has": "/artifacts?q=nothing-has-it",
    "artifacts: two letters": "/artifacts?q=qz",
    "artifacts: signs": "/artifacts?q=%2D%3E%2D%3E",
    "versions by metadata": f"{_VERSIONS}/versions?q=metadata.map%3E900",
    "runs by a number": "/acme/load/runs?q=config.lr%3E0.99999",
    "runs by a word": "/acme/load/runs?q=run-7",
    "runs sorted by a value": "/acme/load/runs?column=summary.acc&sort=-summary.acc",
    "runs in groups": "/acme/load/runs?group_by=config.optimizer&column=summary.acc",
}


@dataclass
class Contender:
    """A server, and somebody who has signed in to it."""

    stack: Stack
    connection: http.client.HTTPConnection
    session: str

    @classmethod
    def start(cls, name: str, count: int, data: str = "seed_data") -> "Contender":
        """With so many rows of this module of benchmarks."""
        stack = Stack(name)
        command = f"from benchmarks import {data}; print({data}.fill({count}))"
        session = stack.manage("shell", "--no-imports", "--command", command).split()[-1]
        stack.web.start()
        return cls(stack, http.client.HTTPConnection("127.0.0.1", int(stack.env["PORT"]), timeout=60), session)

    def request(self, url: str) -> float:
        """The seconds to the first byte of the answer."""
        begun = time.perf_counter()
        self.connection.request("GET", url, headers={"Cookie": f"sessionid={self.session}"})
        answer = self.connection.getresponse()
        seconds = time.perf_counter() - begun
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{url} was answered with {answer.status}.")
        return seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--much", type=int, default=MUCH, help=f"of everything on the larger side ({MUCH})")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"for each page ({TURNS})")
    parser.add_argument("--only", action="append", help="a page, by its name; may be repeated (all)")
    parser.add_argument("--database", choices=("sqlite", "postgres"), help="as TEST_DATABASE is, or else SQLite")
    options = parser.parse_args()
    if unknown := set(options.only or ()) - PAGES.keys():
        parser.error(f"No page is called {', '.join(sorted(unknown))}. There are: {', '.join(PAGES)}.")
    if options.database:
        os.environ["TEST_DATABASE"] = options.database
    run(options.much, options.turns, options.only)


def run(much: int = MUCH, turns: int = TURNS, only: Collection[str] | None = None) -> None:
    sizes = (LITTLE, MORE, much)
    contenders = [Contender.start(f"pages-{nth}", size) for nth, size in enumerate(sizes)]
    database = "PostgreSQL" if servers.on_postgres() else "SQLite"
    print(f"{database}; milliseconds to the first byte, with so many artifacts, versions, files and runs\n")
    print(f"{'':24}", *(f"{size:>9,}" for size in sizes), *(f"{f'to {size:,}':>9}" for size in sizes[:-1]))
    for name in only or PAGES:
        url = PAGES[name]
        milliseconds = measure(contenders, url, turns)
        ratios = (milliseconds[-1] / fewer for fewer in milliseconds[:-1])
        print(f"{name:24}", *(f"{ms:9.1f}" for ms in milliseconds), *(f"{ratio:9.2f}" for ratio in ratios), flush=True)
    for contender in contenders:
        contender.stack.web.stop()


def measure(contenders: Sequence[Contender], url: str, turns: int) -> list[float]:
    """Milliseconds on each contender, after each has answered twice for nothing."""
    times: list[list[float]] = [[] for _ in contenders]
    for _ in range(turns + 2):
        for contender, milliseconds in zip(contenders, times, strict=True):
            milliseconds.append(contender.request(url) * 1000)
    return [sorted(milliseconds[2:])[turns // 4] for milliseconds in times]


if __name__ == "__main__":
    main()
