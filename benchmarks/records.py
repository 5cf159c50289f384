"""Records of hierarchies: how soon they are stored, listed and read as trees, with little and with a million.

First the library on its own SQLite file, or with TEST_DATABASE=postgres on PostgreSQL, between a floor and a peer. The
floor is the database's driver: `executemany` of the same rows into the same table with the same indexes, which checks
nothing. The peer is how such trees are usually kept (see `orm_records`): an ORM, one flush a record, one query a node.
All three are asked in turn, so that a busy moment of the machine falls on each. Then the same library without and with
many records, in which lists, trees and `$expand` should take as long. SQLite waits for no disk, on any side.
"""

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event
from ulid import ULID

from benchmarks.orm_records import PRAGMAS, OrmRecords
from harness import servers
from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn, ArtifactManager

COUNT, TREE, SINGLE, TURNS = 1_000_000, 10_000, 2_000, 5
HIERARCHY = ArtifactHierarchy(name="pipelines", level_labels={0: "experiment", 1: "model", 2: "predictions"})
# A pipeline of a thousand records: an experiment, its models, and the predictions of each.
MODELS, PREDICTIONS = 9, 110
PIPELINE = 1 + MODELS * (1 + PREDICTIONS)
_COLUMNS = ("id", "parent_id", "level", "type", "data", "tags", "payload_count", "created_at", "updated_at")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.records", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help=f"records of the large side ({COUNT:,})")
    parser.add_argument("--tree", type=int, default=TREE, help=f"nodes of the tree that is built ({TREE:,})")
    parser.add_argument("--single", type=int, default=SINGLE, help=f"records saved one by one ({SINGLE:,})")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"of each measurement ({TURNS})")
    parser.add_argument("--short", action="store_true", help="20,000 records, 500 one by one, three turns")
    options = parser.parse_args()
    if options.short:
        options.count, options.single, options.turns = 20_000, 500, 3
    asyncio.run(run(options.count, options.tree, options.single, options.turns))


class Ours:
    """The library, with a database of its own."""

    name = "wanllmdb.records"

    def __init__(self, url: str) -> None:
        self._context = records.connect(url, hierarchy=HIERARCHY)

    async def __aenter__(self) -> "Ours":
        self.manager: ArtifactManager = await self._context.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._context.__aexit__(None, None, None)

    async def save(self, parent_id: Any, data: Any) -> Any:
        return (await self.manager.save(ArtifactIn(parent_id=parent_id, data=data))).id

    async def save_all(self, items: Sequence[tuple[Any, Any]]) -> list[Any]:
        saved = await self.manager.save_all([ArtifactIn(parent_id=parent, data=data) for parent, data in items])
        return [record.id for record in saved]

    async def page(self, page: int, size: int) -> tuple[list[Any], int]:
        return await self.manager.find_paginated(page, size)

    async def tree(self, root_id: Any) -> int:
        """How many nodes it has."""
        root = await self.manager.build_tree(root_id)
        found, nodes = [root], 0
        while found:
            node = found.pop()
            nodes += 1
            found += node.children or []
        return nodes

    async def expand(self, record_id: Any) -> None:
        await self.manager.expand_artifact(record_id)


class Floor:
    """The driver alone: rows that are ready, into the tables of the library."""

    name = "the driver alone"

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> "Floor":
        async with records.connect(self._url):
            pass  # makes the tables
        if self._url.startswith("sqlite"):
            self._connection: Any = sqlite3.connect(self._url.removeprefix("sqlite:///"))
            for pragma in PRAGMAS:
                self._connection.execute(f"PRAGMA {pragma}")
        else:
            self._connection = psycopg.connect(self._url)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._connection.close()

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        marks = ", ".join(["?" if self._url.startswith("sqlite") else "%s"] * len(_COLUMNS))
        with closing(self._connection.cursor()) as cursor:
            cursor.executemany(f"INSERT INTO artifacts ({', '.join(_COLUMNS)}) VALUES ({marks})", rows)
        self._connection.commit()


class Peer(OrmRecords):
    name = "an ORM, one by one"


async def run(count: int, tree: int, single: int, turns: int) -> None:
    print(f"{'PostgreSQL' if servers.on_postgres() else 'SQLite'}\n")
    with tempfile.TemporaryDirectory() as directory:
        urls = [database(Path(directory), name) for name in ("ours", "peer", "floor", "large")]
        async with Ours(urls[0]) as ours, Peer(orm_url(urls[1])) as peer, Floor(urls[2]) as floor:
            await compare(ours, peer, floor, single, turns)
            await compare_trees(ours, peer, turns)
            async with Ours(urls[3]) as large:
                await grow(large, count)
                await compare_sizes(ours, large, tree, turns)


async def compare(ours: Ours, peer: Peer, floor: Floor, single: int, turns: int) -> None:
    """Records a second, one by one and by the thousand; in turn, and of each the best turn."""
    rates: dict[str, list[float]] = {}
    for _ in range(turns):
        for contender in (ours, peer):
            seconds = await timed(lambda by=contender: one_by_one(by, single // turns))
            rates.setdefault(f"save, {contender.name}", []).append(single // turns / seconds)
        for contender in (ours, peer):
            seconds = await timed(lambda by=contender: pipeline(by))
            rates.setdefault(f"save_all, {contender.name}", []).append(PIPELINE / seconds)
        for size, name in ((1, "one by one"), (PIPELINE, "by the thousand")):
            chunks = [floor_rows(size) for _ in range(single // turns if size == 1 else 1)]
            begun = time.perf_counter()
            for rows in chunks:
                floor.insert(rows)
            rates.setdefault(f"floor, {name}", []).append(len(chunks) * size / (time.perf_counter() - begun))
    best = {name: max(values) for name, values in rates.items()}
    print(f"{'records a second':22}{ours.name:>18}{peer.name:>20}{floor.name:>18}{'× peer':>9}{'of floor':>10}")
    for verb, name in (("save", "one by one"), ("save_all", "by the thousand")):
        mine, theirs = best[f"{verb}, {ours.name}"], best[f"{verb}, {peer.name}"]
        bare = best[f"floor, {name}"]
        print(f"{verb:22}{mine:18,.0f}{theirs:20,.0f}{bare:18,.0f}{mine / theirs:9.1f}{mine / bare:10.2f}")


async def compare_trees(ours: Ours, peer: Peer, turns: int) -> None:
    """Milliseconds and queries for the tree of a pipeline."""
    roots = [(contender, await pipeline(contender)) for contender in (ours, peer)]
    best, queries = [], []
    for contender, root in roots:
        with counted_statements() as statements:
            assert await contender.tree(root) == PIPELINE
        queries.append(len(statements))
        best.append(min([await timed(lambda by=contender, of=root: by.tree(of)) for _ in range(turns)]))
    print(f"{f'tree of {PIPELINE:,}, ms':22}{best[0] * 1000:18,.0f}{best[1] * 1000:20,.0f}{best[1] / best[0]:27.1f}")
    print(f"{'  queries':22}{queries[0]:18,}{queries[1]:20,}\n")


async def grow(large: Ours, count: int) -> None:
    """Pipelines by the thousand, until there are so many records."""
    begun = time.perf_counter()
    for _ in range(max(1, count // PIPELINE)):
        await pipeline(large)
    seconds = time.perf_counter() - begun
    total = max(1, count // PIPELINE) * PIPELINE
    print(f"{total:,} records by save_all: {seconds:,.0f} s, {total / seconds:,.0f} a second")


async def compare_sizes(small: Ours, large: Ours, tree: int, turns: int) -> None:
    """Milliseconds where there is little and where there is much, for the same requests."""
    sizes = [(await contender.page(1, 1))[1] for contender in (small, large)]
    requests: dict[str, Callable[[Ours], Awaitable[Callable[[], Awaitable[Any]]]]] = {
        "the first page of 50": page_of(lambda pages: 1),
        "the middle page": page_of(lambda pages: max(1, pages // 2)),
        "the last page": page_of(lambda pages: pages),
        f"a tree of {PIPELINE:,}": tree_of(PIPELINE),
        f"a tree of {tree:,}": tree_of(tree),
        "$expand of a model": expand_of(1),
        "$expand of a leaf": expand_of(2),
    }
    print(f"\n{'milliseconds':22}{f'{sizes[0]:,}':>12}{f'{sizes[1]:,}':>12}{'ratio':>8}{'queries':>9}")
    for name, prepare in requests.items():
        ready = [await prepare(contender) for contender in (small, large)]
        times: list[list[float]] = [[], []]
        queries = []
        for act in ready:
            with counted_statements() as statements:
                await act()
            queries.append(len(statements))
        for _ in range(turns):
            for act, milliseconds in zip(ready, times, strict=True):
                milliseconds.append(await timed(act) * 1000)
        one, other = map(min, times)
        print(f"{name:22}{one:12,.1f}{other:12,.1f}{other / one:8.2f}{max(queries):9}", flush=True)


def page_of(which: Callable[[int], int]) -> Callable[[Ours], Awaitable[Callable[[], Awaitable[Any]]]]:
    async def prepare(contender: Ours) -> Callable[[], Awaitable[Any]]:
        _, total = await contender.page(1, 1)
        return lambda: contender.page(which(-(-total // 50)), 50)

    return prepare


def tree_of(nodes: int) -> Callable[[Ours], Awaitable[Callable[[], Awaitable[Any]]]]:
    async def prepare(contender: Ours) -> Callable[[], Awaitable[Any]]:
        root = await plant(contender, nodes)
        return lambda: contender.tree(root)

    return prepare


def expand_of(level: int) -> Callable[[Ours], Awaitable[Callable[[], Awaitable[Any]]]]:
    async def prepare(contender: Ours) -> Callable[[], Awaitable[Any]]:
        *_, last = await path(contender, level)
        return lambda: contender.expand(last)

    return prepare


async def path(contender: Ours, level: int) -> list[Any]:
    """A new pipeline, and from its root the ids down to this level."""
    root = await contender.save(None, {"experiment_name": "one more"})
    models = await contender.save_all([(root, model(number)) for number in range(MODELS)])
    leaves = await contender.save_all([(models[0], predictions(number)) for number in range(PREDICTIONS)])
    return [root, models[0], leaves[0]][: level + 1]


async def one_by_one(contender: Ours | Peer, count: int) -> None:
    root = await contender.save(None, {"experiment_name": "one by one"})
    for number in range(count - 1):
        await contender.save(root, model(number))


async def pipeline(contender: Ours | Peer) -> Any:
    """A thousand records in three calls: an experiment, its models, their predictions."""
    return await plant(contender, PIPELINE)


async def plant(contender: Ours | Peer, nodes: int) -> Any:
    """The root of a new tree of so many nodes: models, and predictions spread evenly over them."""
    [root] = await contender.save_all([(None, {"experiment_name": "rainfall"})])
    count = max(1, (nodes - 1) // (1 + PREDICTIONS))
    models = await contender.save_all([(root, model(number)) for number in range(count)])
    rest = nodes - 1 - count
    leaves = [(models[number % count], predictions(number)) for number in range(rest)]
    for start in range(0, rest, PIPELINE):
        await contender.save_all(leaves[start : start + PIPELINE])
    return root


def model(number: int) -> dict[str, Any]:
    return {"model_type": "Ridge", "hyperparameters": {"alpha": number / 100}, "metrics": {"rmse": 1 / (number + 1)}}


def predictions(number: int) -> dict[str, Any]:
    return {"prediction_date": f"2026-05-{number % 28 + 1:02}", "num_predictions": number, "location": "oslo"}


def floor_rows(count: int) -> list[tuple[Any, ...]]:
    """Rows of roots, ready for the driver."""
    now = datetime.now(timezone.utc)
    moment: Any = now if servers.on_postgres() else now.strftime("%Y-%m-%d %H:%M:%S.%f")
    return [
        (str(ULID()), None, 0, "", json.dumps(predictions(number)), "[]", 0, moment, moment) for number in range(count)
    ]


async def timed(act: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    await act()
    return time.perf_counter() - begun


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """The statements that are sent meanwhile, but for the beginning of a transaction."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.split()[0] != "BEGIN":
            sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def database(directory: Path, name: str) -> str:
    """The URL of an empty one."""
    if not servers.on_postgres():
        return f"sqlite:///{directory / name}.db"
    with psycopg.connect(f"{servers.postgres()}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE records_{name}")
    return f"{servers.postgres()}/records_{name}".replace("postgres://", "postgresql://", 1)


def orm_url(url: str) -> str:
    return url.replace("sqlite:", "sqlite+aiosqlite:", 1).replace("postgresql:", "postgresql+psycopg:", 1)


if __name__ == "__main__":
    main()
