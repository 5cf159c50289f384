"""A run that logs ten metrics a row; imported where Django is."""

import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection
from django.db.models import Sum
from django.db.models.functions import Length

from accounts.actor import Actor
from accounts.models import Team, User
from projects import projects, runs
from projects.models import Run, State
from tracking import compaction, history, streams
from tracking.models import RunChunk, RunSeries, Stream

_ROWS_A_REQUEST = 5_000
_TURNS = 5


def measure(lines: int) -> None:
    alice = Actor(User.objects.get(username="alice"))
    run = runs.start(alice, projects.create(alice, Team.objects.get(name="acme"), "history"))
    print(f"{'PostgreSQL' if connection.vendor == 'postgresql' else 'SQLite'}; {lines:,} rows of ten metrics")
    begun, cpu = time.perf_counter(), time.process_time()
    for first, texts in _requests(lines):
        streams.append(alice, run, Stream.HISTORY, first, texts)
        # The worker, whose turn it is in between.
        if first % (20 * _ROWS_A_REQUEST) == 0:
            compaction.compact(run.pk)
    runs.finish(alice, run, State.FINISHED)
    compaction.compact(run.pk)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(
        f"appended, thinned and moved to the store: {seconds:.1f} s, {cpu:.1f} s of CPU, {lines / seconds:,.0f} rows/s"
    )
    _tell_sizes(run)
    for name, act in {
        "a chart, 500 points of one metric": lambda: history.sample(run, ["_step", "loss"], 500),
        "its last tenth": lambda: history.sample(run, ["_step", "loss"], 500, lines * 9 // 10, lines),
        "the first page of 1,000 rows": lambda: history.page(run, limit=1000),
        "1,000 rows from the middle": lambda: history.read(run, min_step=lines // 2, limit=1000),
        "the last row": lambda: history.latest(run, 1),
        "the keys": lambda: history.keys(run),
        "500 points that have two metrics": lambda: history.sample(run, ["loss", "metric_1"], 500),
    }.items():
        print(f"{name:36} {_least(act) * 1000:10.1f} ms")


def _requests(lines: int) -> Iterator[tuple[int, list[str]]]:
    for first in range(0, lines, _ROWS_A_REQUEST):
        yield first, [json.dumps(_row(step)) for step in range(first, min(lines, first + _ROWS_A_REQUEST))]


def _row(step: int) -> dict[str, float]:
    metrics = {f"metric_{number}": math.sin(step / (number + 1)) for number in range(9)}
    return {"_step": step, "_runtime": step / 20, "_timestamp": 1.7e9 + step / 20, "loss": 1 / (step + 1), **metrics}


def _tell_sizes(run: Run) -> None:
    chunks = RunChunk.objects.of(run, Stream.HISTORY).exclude(object=None)
    told = chunks.aggregate(lines=Sum("size"), objects=Sum("object__size"))
    series = RunSeries.objects.filter(run=run).aggregate(size=Sum(Length("points")))["size"] or 0
    mib = [f"{(size or 0) / 2**20:,.1f} MiB" for size in (told["lines"], told["objects"], series)]
    print(f"{mib[0]} of lines in {chunks.count()} objects of {mib[1]} together; series {mib[2]}")


def _least(act: Callable[[], Any]) -> float:
    """Seconds of the quickest of some turns."""
    times = []
    for _ in range(_TURNS):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return min(times)
