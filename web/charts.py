"""Charts that the server draws: the geometry of bars and of the labels at their axes, for a template to place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

HEIGHT = 100
# A bar of `_BAR` units and a gap.
_STEP = 10
_BAR = 8


@dataclass(frozen=True, slots=True)
class Bar:
    x: int
    y: float
    height: float
    day: date
    count: int


@dataclass(frozen=True, slots=True)
class DailyChart:
    """Bars in a box of `width` by `HEIGHT` units, `ticks` for its y axis from the top down, and three of its days."""

    bars: list[Bar]
    ticks: list[int]
    days: list[date]
    total: int
    width: int
    bar_width: int = _BAR
    height: int = HEIGHT


def daily(counts: Sequence[tuple[date, int]]) -> DailyChart:
    """The chart of how many there were on each of these days, the oldest first."""
    top = _round_up(max(count for _, count in counts))
    bars = []
    for index, (day, count) in enumerate(counts):
        height = round(HEIGHT * count / top, 1)
        bars.append(Bar(_STEP * index, HEIGHT - height, height, day, count))
    days = [counts[index][0] for index in (0, len(counts) // 2, -1)]
    return DailyChart(bars, [top, top // 2, 0], days, sum(count for _, count in counts), _STEP * len(counts))


def _round_up(highest: int) -> int:
    """The next even number of one or two digits and zeros, so that its half is as plain: 2, 4, 10, 46, 1,300."""
    unit = max(2, 10 ** (len(str(highest)) - 2))
    return max(unit, -(-highest // unit) * unit)
