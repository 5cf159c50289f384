"""Thinned series of the metrics of long histories: what charts are drawn from, whatever the length.

Of each key every `stride`-th number is kept; the stride doubles when there are more than `MAX_POINTS`. Workers extend
the series as the history grows. What was logged since is read from its chunks.
"""

import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import ceil, isnan, nan
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F

from projects.models import Run
from tracking import chunks, history_keys, lines
from tracking.lines import STEP, Row
from tracking.models import RunSeries, RunStream, Stream
from tracking.models.stream import MAX_PLAIN_LINES

MAX_POINTS = 2_000
# Beside the value of each point, as charts have them on their x axis.
AXES = (STEP, "_runtime", "_timestamp")
_LINES_A_TURN = 10_000
_BYTES_A_TURN = 8 * 2**20
_KEYS_A_TURN = 200
_COLUMNS = 5


class Point(NamedTuple):
    """NaN stands for what the row had not."""

    line: float
    step: float
    runtime: float
    timestamp: float
    value: float


@dataclass
class Thinned:
    """Every `stride`-th of `count` numbers, from the first one on, and the newest."""

    count: int = 0
    stride: int = 1
    points: list[Point] = field(default_factory=list)
    newest: Point | None = None

    @classmethod
    def decode(cls, row: RunSeries) -> "Thinned":
        thinned = cls(row.count, row.stride, list(map(Point, *decode(row))))
        thinned.newest = thinned.points[-1]
        del thinned.points[ceil(row.count / row.stride) :]
        return thinned

    @property
    def kept(self) -> list[Point]:
        if self.newest is None or self.newest is self.points[-1]:
            return self.points
        return [*self.points, self.newest]

    def add(self, point: Point) -> None:
        self.newest = point
        if self.count % self.stride == 0:
            self.points.append(point)
            if len(self.points) >= MAX_POINTS:
                self.points = self.points[::2]
                self.stride *= 2
        self.count += 1


def _encode(points: Sequence[Point]) -> bytes:
    """Column by column, which compresses well."""
    columns = zip(*points, strict=True)
    return zlib.compress(b"".join(array("d", column).tobytes() for column in columns))


def decode(row: RunSeries) -> list["array[float]"]:
    """The columns of its points: lines, steps, runtimes, timestamps and values."""
    values = array("d")
    values.frombytes(zlib.decompress(bytes(row.points)))
    length = len(values) // _COLUMNS
    return [values[start * length : (start + 1) * length] for start in range(_COLUMNS)]


def points(run: Run, keys: Sequence[str], samples: int, min_step: int | None, max_step: int | None) -> list[Row] | None:
    """Rows with these keys from their thinned series, up to the last row of the history.

    None where they have to be read from the chunks: the history has no series, or these have fewer rows than there are
    to be, because the steps are few, or because several metrics were not logged in the same rows.
    """
    metrics = [key for key in dict.fromkeys(keys) if key not in AXES] or [STEP]
    state = RunStream.objects.defer("keys").filter(run=run, stream=Stream.HISTORY).first()
    if state is None or not state.series_end or state.line_count <= MAX_PLAIN_LINES:
        return None
    found = {row.key: Thinned.decode(row) for row in RunSeries.objects.filter(run=run, key__in=metrics)}
    if len(found) < len(metrics):
        return None
    for number, text in chunks.read_all(run, Stream.HISTORY, state.series_end):
        for key, point in _points_of(number, text):
            if key in found:
                found[key].add(point)
    kept = {key: {point.line: point for point in found[key].kept} for key in metrics}
    first, *others = kept.values()
    common = [line for line, point in first.items() if all(line in other for other in others)]
    rows = [
        _row(first[line], {key: kept[key][line].value for key in metrics}, keys)
        for line in common
        if _is_between(first[line].step, min_step, max_step)
    ]
    stride = max(thinned.stride for thinned in found.values())
    is_coarse = stride > 1 and len(rows) * stride <= MAX_PLAIN_LINES
    if len(rows) < samples and (is_coarse or any(len(one) > len(common) for one in kept.values())):
        return None
    return [row for row in rows if len(row) == len(set(keys))]


def update(run_id: UUID) -> None:
    """Extend the series of a history, if they are far behind, up to its last row. May run twice, also at once."""
    if RunStream.objects.unsampled().filter(run=run_id).exists():
        while _extend(run_id):
            pass


def _extend(run_id: UUID) -> bool:
    """Add some thousand rows; False once there are no more, or another worker was faster."""
    behind = RunStream.objects.filter(run=run_id, stream=Stream.HISTORY, line_count__gt=F("series_end"))
    state = behind.select_related("run").first()
    if state is None:
        return False
    added: dict[str, list[Point]] = {}
    end = state.series_end
    for number, text in _turn(chunks.read_all(state.run, Stream.HISTORY, end)):
        end = number + 1
        for key, point in _points_of(number, text):
            added.setdefault(key, []).append(point)
    return _write(state, added, state.line_count if end == state.series_end else end)


def _turn(found: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    size = 0
    for number, text in islice(found, _LINES_A_TURN):
        yield number, text
        size += len(text)
        if size > _BYTES_A_TURN:
            return


@transaction.atomic
def _write(state: RunStream, added: dict[str, list[Point]], end: int) -> bool:
    Run.objects.select_for_update(no_key=True).filter(pk=state.run_id).first()
    unchanged = RunStream.objects.filter(pk=state.pk, revision=state.revision, series_end=state.series_end)
    if not unchanged.exists():
        return False
    if state.series_end == 0:
        RunSeries.objects.filter(run=state.run).delete()
    waiting = iter(added)
    while some := list(islice(waiting, _KEYS_A_TURN)):
        _write_series(state, {key: added[key] for key in some})
    unchanged.update(series_end=end)
    return True


def _write_series(state: RunStream, added: dict[str, list[Point]]) -> None:
    rows = {row.key: row for row in RunSeries.objects.filter(run=state.run, key__in=added)}
    written = []
    for key, new in added.items():
        row = rows.get(key) or RunSeries(run=state.run, key=key)
        thinned = Thinned.decode(row) if key in rows else Thinned()
        for point in new:
            thinned.add(point)
        row.count, row.stride, row.points = thinned.count, thinned.stride, _encode(thinned.kept)
        written.append(row)
    RunSeries.objects.bulk_create(
        written,
        update_conflicts=True,
        unique_fields=["run", "key"],
        update_fields=["count", "stride", "points"],
    )


def _points_of(number: int, text: str) -> Iterator[tuple[str, Point]]:
    """The numbers of a line, each with its key."""
    row = lines.load(text)
    if row is None:
        return
    axes = [to_number(row.get(name)) for name in AXES]
    for key, value in history_keys.flatten(row):
        if history_keys.type_of(value) == "number" and len(key) <= 512 and "\0" not in key:
            yield key, Point(number, *axes, to_number(value))


def to_number(value: object) -> float:
    """The number that a row has, also one that stands in it as a text; NaN of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return nan


def _row(point: Point, values: dict[str, float], keys: Sequence[str]) -> Row:
    """The row with these keys, without those that it had not."""
    axes = dict(zip(AXES, point[1:4], strict=True))
    row: Row = {}
    for key in keys:
        if key in values:
            row[key] = lines.finite(values[key])
        elif not isnan(axes[key]):
            row[key] = lines.finite(axes[key])
    if isinstance(row.get(STEP), float):
        row[STEP] = int(row[STEP])
    return row


def _is_between(step: float, min_step: int | None, max_step: int | None) -> bool:
    if min_step is None and max_step is None:
        return True
    return not isnan(step) and (min_step is None or step >= min_step) and (max_step is None or step <= max_step)
