"""What charts are drawn from: the points of several metrics of several runs, as many as a chart can show.

Of a long history they are those of its thinned series. Lines that came since, and those of a stream without series, are
read from their chunks: some of them, if they are many. In all three queries, whatever the number of runs and metrics.
"""

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from math import ceil, floor
from operator import or_
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q, Sum

from tracking import chunks, history_keys, lines, series
from tracking.lines import Row
from tracking.models import RunChunk, RunSeries, RunStream
from tracking.series import AXES, to_number

# Of chunks that are loaded, and of lines that are parsed, for all runs together.
_MAX_LOADED_BYTES = 4 * 2**20
_MAX_PARSED_BYTES = 2 * 2**20
# Of the chunks with the steps of a range, which have more points of it than the series.
_MAX_RANGE_BYTES = 16 * 2**20
_LARGEST_STEP = 2**62
# Of one run, those in the object store are large, but a line has to go from its begin to its end.
_MIN_LOADED_CHUNKS = 8
_MAX_PARSED_LINES = 1_600
# Of the lines after the series of one run, which are few among all of its lines.
_MIN_PARSED_LINES = 160
# Of a metric that few lines have, so many of these are parsed beside those that are chosen by number.
_MIN_VALUES = 100
_MAX_RARE_VALUES = 400
# Of the metrics of one run. Histories count no more of theirs; of other streams lines alone tell which there are.
_MAX_KEYS = history_keys.MAX_KEYS
# The fractions of its multiples are evenly spread, and keep step with nothing that a script does every few lines.
_GOLDEN_RATIO = 0.6180339887498949


_Keys = Mapping[str, None] | None


def _column() -> "array[float]":
    return array("d")


@dataclass(slots=True)
class MetricSeries:
    """The points of a metric, in the order of their lines; NaN stands for what a line had not."""

    lines: "array[float]" = field(default_factory=_column)
    steps: "array[float]" = field(default_factory=_column)
    runtimes: "array[float]" = field(default_factory=_column)
    timestamps: "array[float]" = field(default_factory=_column)
    values: "array[float]" = field(default_factory=_column)


class _Chunk(NamedTuple):
    pk: UUID
    run: UUID
    first_line: int
    end_line: int
    size: int


Found = dict[UUID, dict[str, MetricSeries]]


class Steps(NamedTuple):
    """A range of steps, both of which are included; None where it has no end."""

    low: float | None
    high: float | None


def read(states: Sequence[RunStream], keys: Sequence[str] | None, steps: Steps | None = None) -> Found:
    """By run, the points of those of its metrics that have some. The streams are of one kind, of a run each.

    Without `keys`, of all metrics of streams that have no series. Of a range of `steps` there are more points, where it
    is small, and there may be points beside it.
    """
    wanted = None if keys is None else dict.fromkeys(keys)
    if not states or wanted == {}:
        return {}
    found: Found = {state.run_id: {} for state in states}
    between = None if steps is None else _chunks_between(states, steps)
    if between is not None:
        for state in states:
            _extend(found[state.run_id], state, between.get(state.run_id, []), wanted, len(states), 0)
        return found
    thinned = [state.run_id for state in states if state.series_end]
    if thinned and wanted is not None:
        for row in RunSeries.objects.filter(run__in=thinned, key__in=wanted):
            found[row.run_id][row.key] = MetricSeries(*series.decode(row))
    for state, some in _chosen_chunks(states):
        _extend(found[state.run_id], state, some, wanted, len(states), state.series_end)
    return found


def _chunks_between(states: Sequence[RunStream], steps: Steps) -> dict[UUID, list[RunChunk]] | None:
    """The chunks with steps of the range; None where they are too large. Two queries."""
    between = RunChunk.objects.filter(run__in=[state.run_id for state in states], stream=states[0].stream)
    if steps.low is not None:
        between = between.filter(last_step__gte=_as_step(steps.low))
    if steps.high is not None:
        between = between.filter(first_step__lte=_as_step(steps.high))
    if (between.aggregate(size=Sum("size"))["size"] or 0) > _MAX_RANGE_BYTES:
        return None
    found: dict[UUID, list[RunChunk]] = {}
    for chunk in between.select_related("object").order_by("end_line"):
        found.setdefault(chunk.run_id, []).append(chunk)
    return found


def _as_step(value: float) -> int:
    return floor(min(max(value, -_LARGEST_STEP), _LARGEST_STEP))


def _chosen_chunks(states: Sequence[RunStream]) -> Iterator[tuple[RunStream, list[RunChunk]]]:
    """The chunks after the series of each stream, or every few of them if they are large. Two queries."""
    behind = [state for state in states if state.line_count > state.series_end]
    if not behind:
        return
    after = (Q(run=state.run_id, stream=state.stream, end_line__gt=state.series_end) for state in behind)
    columns = ("pk", "run", "first_line", "end_line", "size")
    by_run: dict[UUID, list[_Chunk]] = {}
    for one in map(_Chunk._make, RunChunk.objects.filter(reduce(or_, after)).values_list(*columns)):
        by_run.setdefault(one.run, []).append(one)
    share = _MAX_LOADED_BYTES // len(behind)
    chosen = [one.pk for some in by_run.values() for one in _every_few(some, share)]
    loaded: dict[UUID, list[RunChunk]] = {}
    for chunk in RunChunk.objects.filter(pk__in=chosen).select_related("object").order_by("end_line"):
        loaded.setdefault(chunk.run_id, []).append(chunk)
    for state in behind:
        yield state, loaded.get(state.run_id, [])


def _every_few(some: list[_Chunk], max_bytes: int) -> list[_Chunk]:
    """Those with about so many bytes together, or a few that are larger: evenly spread, with the first and the last."""
    some.sort(key=lambda one: one.end_line)
    every = max(1, ceil(sum(one.size for one in some) / max_bytes))
    count = max(len(some) // every, min(len(some), _MIN_LOADED_CHUNKS))
    return [some[index] for index in chunks.evenly(len(some), count)]


def _extend(
    found: dict[str, MetricSeries], state: RunStream, some: Sequence[RunChunk], keys: _Keys, share: int, start: int
) -> None:
    """Add the points of the lines of these chunks, from number `start` on."""
    count = sum(chunk.end_line - max(chunk.first_line, start) for chunk in some)
    total = state.line_count if start else count
    size = sum(chunk.size for chunk in some)
    wanted = max(_MIN_PARSED_LINES, _MAX_PARSED_LINES / share * count / max(total, 1))
    part = min(1, wanted / max(count, 1), _MAX_PARSED_BYTES / share / max(size, 1))
    rare = _rare(state.keys, keys or (), part)
    for number, text in _texts(some, start):
        if number * _GOLDEN_RATIO % 1 < part or number == state.line_count - 1 or _has_rare(text, rare):
            row = lines.load(text)
            if row is not None:
                _add(found, number, row, keys)


def _texts(some: Sequence[RunChunk], start: int) -> Iterator[tuple[int, str]]:
    for chunk in some:
        for number, text in enumerate(chunks.load(chunk), chunk.first_line):
            if number >= start:
                yield number, text


@dataclass(slots=True)
class _Rare:
    """A metric that few lines have: texts that are in all of these, and every how manieth of them is parsed.

    Others may have the texts too, so that no more lines are parsed than twice as many as have the metric.
    """

    texts: list[str]
    every: int
    left: int
    seen: int = 0


def _rare(known: Mapping[str, Mapping[str, Any]], keys: Collection[str], part: float) -> list[_Rare]:
    """Of these metrics, those of which the chosen part of all lines would show next to nothing."""
    rare = []
    for key in keys if part < 1 else ():
        count = known.get(key, {}).get("types", {}).get("number", 0)
        if 0 < count * part < _MIN_VALUES:
            every = ceil(count / _MAX_RARE_VALUES)
            rare.append(_Rare(history_keys.texts_in_lines(key), every, 2 * ceil(count / every)))
    return [one for one in rare if one.texts]


def _has_rare(text: str, rare: Sequence[_Rare]) -> bool:
    is_due = False
    for one in rare:
        if one.left and all(part in text for part in one.texts):
            if one.seen % one.every == 0:
                one.left -= 1
                is_due = True
            one.seen += 1
    return is_due


def _add(found: dict[str, MetricSeries], number: int, row: Row, keys: _Keys) -> None:
    axes: list[float] | None = None
    for key, value in _values(row, keys):
        if value is None or history_keys.type_of(value) != "number":
            continue
        one = found.get(key)
        if one is None:
            if len(found) >= _MAX_KEYS:
                continue
            one = found[key] = MetricSeries()
        axes = axes or [to_number(row.get(name)) for name in AXES]
        one.lines.append(number)
        one.steps.append(axes[0])
        one.runtimes.append(axes[1])
        one.timestamps.append(axes[2])
        one.values.append(to_number(value))


def _values(row: Row, keys: _Keys) -> Iterator[tuple[str, Any]]:
    if keys is None:
        yield from ((key, value) for key, value in history_keys.flatten(row) if not key.startswith("_"))
        return
    values = row if all(key in row or "." not in key for key in keys) else row | dict(history_keys.flatten(row))
    for key in keys:
        yield key, values.get(key)
