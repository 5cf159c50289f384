"""Line charts as SVG: the paths of lines in a box of 1,000 by 1,000 units, which a template stretches, and their axes.

A line is thinned to what its chart can show: of each few points the smallest and the largest value stay, so that a peak
is seen whatever the length.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from web.runs import chart_axis
from web.runs.chart_axis import SPAN, Axis, Unit

HEIGHT = 200
# Of all lines of a chart together, and of each at least.
MAX_POINTS = 240
_MIN_POINTS = 60
# Strokes differ in colour; beyond the first four, which are far apart for everybody, also in their dashes.
COLOURS = 8
_COLOURS_A_DASH = 4
_DASHES = 4


class Line(NamedTuple):
    """A line of a chart. A point whose value is not finite is a gap; one without a finite x is left out.

    A faint line stands behind one that is drawn from it, such as a smoothed one, and is not named.
    """

    label: str
    colour_index: int
    points: Sequence[tuple[float, float]]
    is_faint: bool = False


@dataclass(frozen=True, slots=True)
class Path:
    """A line as drawn: `d` of the path, the numbers of its points for a script, and what it says in words."""

    label: str
    colour: int
    dash: int
    is_faint: bool
    d: str
    xs: str
    ys: str
    count: int
    minimum: float | None
    maximum: float | None
    last: float | None


@dataclass(frozen=True, slots=True)
class LineChart:
    title: str
    paths: list[Path]
    x_axis: Axis | None
    y_axis: Axis | None
    x_label: str
    x_unit: Unit
    y_unit: str
    height: int
    is_log: bool
    hidden_count: int
    # Whether more was logged than it was made of.
    is_thinned: bool = False

    @property
    def named_paths(self) -> list[Path]:
        """Those that stand in the legend and in the table of values."""
        return [path for path in self.paths if not path.is_faint]

    @property
    def is_empty(self) -> bool:
        """Whether no line has a point."""
        return self.y_axis is None


def draw(
    title: str,
    lines: Sequence[Line],
    *,
    x_label: str = "step",
    log_scale: bool = False,
    height: int = HEIGHT,
    x_unit: Unit = Unit.NUMBER,
    y_unit: str = "",
    max_points: int = MAX_POINTS,
) -> LineChart:
    """The chart of some lines, at whose points x does not fall; `max_points` are drawn of all of them together.

    On a logarithmic axis only positive values have a place; `hidden_count` says how many others there were.
    """
    share = max(_MIN_POINTS, max_points // max(1, len(lines)))
    placed = [_placed(line.points, log_scale) for line in lines]
    shown = [thin(points, share) for points in placed]
    finite = [(x, y) for points in shown for x, y in points if math.isfinite(y)]
    x_axis = chart_axis.fit((x for x, _ in finite), x_unit, padding=False) if finite else None
    y_axis = chart_axis.fit((y for _, y in finite), is_log=log_scale) if finite else None
    paths = [
        _path(line, all_points, points, x_axis, y_axis)
        for line, all_points, points in zip(lines, placed, shown, strict=True)
    ]
    hidden = sum(
        math.isfinite(y) and y <= 0 for line in lines if log_scale and not line.is_faint for _, y in line.points
    )
    return LineChart(title, paths, x_axis, y_axis, x_label, x_unit, y_unit, height, log_scale, hidden)


def thin(points: Sequence[tuple[float, float]], count: int) -> Sequence[tuple[float, float]]:
    """About `count` of the points: the first, the last, and of each few the smallest, the largest and one gap."""
    if len(points) <= count:
        return points
    chunk = math.ceil(2 * len(points) / count)
    values = [y for _, y in points]
    is_whole = all(map(math.isfinite, values))
    kept = [0]
    for start in range(1, len(points) - 1, chunk):
        some = values[start : min(start + chunk, len(points) - 1)]
        finite = some if is_whole else [y for y in some if math.isfinite(y)]
        chosen = {some.index(min(finite)), some.index(max(finite))} if finite else set()
        if len(finite) < len(some):
            chosen.add(next(index for index, y in enumerate(some) if not math.isfinite(y)))
        kept += [start + index for index in sorted(chosen)]
    return [points[index] for index in (*kept, len(points) - 1)]


def smooth(points: Sequence[tuple[float, float]], weight: float) -> list[tuple[float, float]]:
    """The exponential moving average, `weight` from 0 to less than 1, without the bias towards 0 that its start has.

    A value that is not finite stays a gap, and leaves the average as it is.
    """
    smoothed, average, left = [], 0.0, 1.0
    for x, y in points:
        if math.isfinite(y):
            average = average * weight + y * (1 - weight)
            left *= weight
            y = average / (1 - left)
        smoothed.append((x, y))
    return smoothed


def _placed(points: Sequence[tuple[float, float]], log_scale: bool) -> Sequence[tuple[float, float]]:
    """The points that have an x; those without a place on the y axis as gaps."""
    found = [point for point in points if math.isfinite(point[0])]
    return [(x, y if y > 0 else math.nan) for x, y in found] if log_scale else found


def _path(
    line: Line,
    all_points: Sequence[tuple[float, float]],
    points: Sequence[tuple[float, float]],
    x_axis: Axis | None,
    y_axis: Axis | None,
) -> Path:
    finite = [y for _, y in all_points if math.isfinite(y)]
    is_drawn = x_axis is not None and y_axis is not None
    return Path(
        label=line.label,
        colour=line.colour_index % COLOURS,
        dash=line.colour_index // _COLOURS_A_DASH % _DASHES,
        is_faint=line.is_faint,
        d="".join(_commands(points, x_axis, y_axis)) if is_drawn else "",
        xs=_short((x for x, _ in points), 12),
        ys=_short((y for _, y in points), 5),
        count=len(finite),
        minimum=min(finite, default=None),
        maximum=max(finite, default=None),
        last=finite[-1] if finite else None,
    )


def _commands(points: Sequence[tuple[float, float]], x_axis: Axis, y_axis: Axis) -> Iterator[str]:
    """Moves and lines in whole units, relative to the point before, which is what compresses best."""
    xs = x_axis.positions(x for x, _ in points)
    ys = iter(y_axis.positions(y for _, y in points if math.isfinite(y)))
    is_open = False
    at_x = at_y = 0
    for index, (to_x, (_, y)) in enumerate(zip(xs, points, strict=True)):
        if not math.isfinite(y):
            is_open = False
            continue
        to_y = SPAN - next(ys)
        if is_open:
            yield f"l{to_x - at_x} {to_y - at_y}"
        else:
            yield f"M{to_x} {to_y}"
            following = points[index + 1][1] if index + 1 < len(points) else math.nan
            # Between two gaps a point is a dot, which round ends make of a line of no length.
            if not math.isfinite(following):
                yield "h0"
        is_open, at_x, at_y = True, to_x, to_y


def _short(values: Iterable[float], digits: int) -> str:
    """The numbers for a script, with a mark for each gap."""
    return " ".join([f"{value:.{digits}g}" if math.isfinite(value) else "-" for value in values])


def style(colour_index: int) -> str:
    """The classes of a line with this colour, for what stands beside charts."""
    return f"c{colour_index % COLOURS} d{colour_index // _COLOURS_A_DASH % _DASHES}"
