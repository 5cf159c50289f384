"""Axes of charts: the range that one spans, where its round ticks are, and what they are called."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

SPAN = 1000
# Of two of these no difference is infinite.
LARGEST = 8e307
_SMALLEST_SPAN = 1e-300
# Of a step, by which floats miss a round number.
_TOLERANCE = 1e-9
_TICK_COUNT = 6
_PADDING = 0.04
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_ROUND_SECONDS = (
    *(count * unit for unit in (1, _MINUTE) for count in (1, 2, 5, 10, 15, 30)),
    *(count * _HOUR for count in (1, 2, 3, 6, 12)),
)


class Unit(StrEnum):
    """What the numbers of an axis are."""

    NUMBER = "number"
    # In seconds.
    DURATION = "duration"
    # Seconds since 1970, in UTC.
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Tick:
    """Where it is, in thousandths of the axis from its low end, and its label."""

    position: int
    label: str

    @property
    def percent(self) -> str:
        return f"{self.position / 10:g}%"

    @property
    def percent_from_top(self) -> str:
        return f"{(SPAN - self.position) / 10:g}%"

    @property
    def from_top(self) -> int:
        return SPAN - self.position


@dataclass(frozen=True, slots=True)
class Axis:
    low: float
    high: float
    ticks: tuple[Tick, ...]
    is_log: bool = False

    def positions(self, values: Iterable[float]) -> list[int]:
        """Where finite values are, in thousandths of the axis; of a logarithmic one they have to be positive."""
        low, high = self.low, self.high
        if self.is_log:
            low, high, values = math.log10(low), math.log10(high), map(math.log10, values)
        elif not -LARGEST < low < high < LARGEST:
            values = (min(max(value, -LARGEST), LARGEST) for value in values)
        span = high - low
        return [round(min(max((value - low) / span, 0), 1) * SPAN) for value in values]


def fit(values: Iterable[float], unit: Unit = Unit.NUMBER, *, is_log: bool = False, padding: bool = True) -> Axis:
    """The axis on which these finite values, at least one, have room; of a logarithmic one they have to be positive."""
    extremes = [min(max(value, -LARGEST), LARGEST) for value in values]
    low, high = min(extremes), max(extremes)
    if is_log:
        return _fit_log(low, high)
    if low == high:
        room = abs(low) / 10 or 1
        low, high = low - room, high + room
    elif padding:
        room = (high - low) * _PADDING
        low, high = low - room, high + room
    if high - low < _SMALLEST_SPAN:
        low, high = low - _SMALLEST_SPAN, high + _SMALLEST_SPAN
    step = _round_step(high - low) if unit == Unit.NUMBER else _round_seconds(high - low)
    label = _LABELS[unit](step)
    return Axis(low, high, _ticks(Axis(low, high, ()), _multiples(low, high, step), label))


def _fit_log(low: float, high: float) -> Axis:
    bottom, top = (min(max(math.log10(value), -300), 300) for value in (low, high))
    room = (top - bottom) * _PADDING or 0.5
    bottom, top = max(bottom - room, -301), min(top + room, 301)
    low, high = 10.0**bottom, 10.0**top
    if top - bottom < 1:
        step = _round_step(high - low)
        label, found = _number_label(step), _multiples(low, high, step)
    else:
        every = max(1, math.ceil((top - bottom) / (_TICK_COUNT + 1)))
        powers = range(math.ceil(bottom), math.floor(top) + 1)
        found = [10.0**power for power in powers if power % every == 0]
        if len(found) < 3 and every == 1:
            found = [digit * 10.0**power for power in range(math.floor(bottom), math.ceil(top)) for digit in (1, 2, 5)]
        label = _plain
    axis = Axis(low, high, (), is_log=True)
    return Axis(low, high, _ticks(axis, found, label), is_log=True)


def _ticks(axis: Axis, values: Iterable[float], label: Callable[[float], str]) -> tuple[Tick, ...]:
    # Where the numbers have no more digits than the labels can have, two would be called the same.
    found: dict[str, Tick] = {}
    room = (axis.high - axis.low) * _TOLERANCE
    shown = [value for value in values if axis.low - room <= value <= axis.high + room]
    for value, position in zip(shown, axis.positions(shown), strict=True):
        found.setdefault(label(value), Tick(position, label(value)))
    return tuple(found.values())


def _multiples(low: float, high: float, step: float) -> list[float]:
    first = math.ceil(low / step - _TOLERANCE)
    count = min(math.floor(high / step + _TOLERANCE) - first + 1, 3 * _TICK_COUNT)
    return [(first + index) * step for index in range(count)]


def _round_step(span: float) -> float:
    """1, 2 or 5 times a power of ten, so that there are about `_TICK_COUNT` in the span."""
    rough = span / _TICK_COUNT
    power = math.floor(math.log10(rough))
    for digit in (1, 2, 5):
        if digit * 10.0**power >= rough * 0.999:
            return digit * 10.0**power
    return 10.0 ** (power + 1)


def _round_seconds(span: float) -> float:
    rough = span / _TICK_COUNT
    if rough < 1:
        return _round_step(span)
    if rough > _ROUND_SECONDS[-1]:
        return max(1, math.ceil(_round_step(span / _DAY))) * _DAY
    return next(seconds for seconds in _ROUND_SECONDS if seconds >= rough)


def _number_label(step: float) -> Callable[[float], str]:
    return lambda value: _plain(value, step)


def _plain(value: float, step: float | None = None) -> str:
    """`0.25`, `12`, `1.5k`, `2e-05`: as many digits as tell a tick from the next one."""
    size = abs(value)
    if size < 1e-12 * (step or 0) or value == 0:
        return "0"
    digits = 3 if step is None else min(15, max(1, math.floor(math.log10(size)) - math.floor(math.log10(step)) + 2))
    if 1e3 <= size < 1e15:
        unit, suffix = next((unit, suffix) for unit, suffix in _SUFFIXES if size >= unit)
        return f"{_trimmed(value / unit, digits)}{suffix}"
    return _trimmed(value, digits)


def _trimmed(value: float, digits: int) -> str:
    text = f"{value:.{digits}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e4:
        text = f"{float(text):.0f}"
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "\N{MINUS SIGN}")


def _duration_label(step: float) -> Callable[[float], str]:
    unit, name = next((one for one in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")) if step >= one[0]), (1, "s"))
    return lambda value: f"{_plain(value / unit, step / unit)} {name}"


def _time_label(step: float) -> Callable[[float], str]:
    form = (
        "%b %-d"
        if step >= _DAY
        else "%b %-d %H:%M"
        if step >= 6 * _HOUR
        else "%H:%M"
        if step >= _MINUTE
        else "%H:%M:%S"
    )
    return lambda value: format_time(value, form)


def format_time(seconds: float, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return _plain(seconds)


_LABELS = {Unit.NUMBER: _number_label, Unit.DURATION: _duration_label, Unit.TIME: _time_label}
