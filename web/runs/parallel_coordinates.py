"""Parallel coordinates: an axis for each value of runs, and a line for each run through its values.

The geometry alone, in units of an SVG picture, for a template to draw. Pure Python.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from web import tables

MAX_AXES = 8
HEIGHT = 240
AXIS_DISTANCE = 150
_TOP = 44
_LEFT, _RIGHT = 24, 130
# Below the axis, where a run without a value passes it.
_ABSENT_AT = HEIGHT + 26
_STEPS = 4
_MAX_TEXTS = 12
# Numbers that are all positive, and the largest so many times the smallest, are drawn by their logarithms.
_LOGARITHMIC_FROM = 50
_MAX_LABEL_LENGTH = 18


class Tick(NamedTuple):
    y: float
    label: str
    title: str


class Axis(NamedTuple):
    """`name` is `config.lr`; `kind` says what is not to be guessed, such as "log"."""

    name: str
    label: str
    kind: str
    x: int
    ticks: list[Tick]


class Line(NamedTuple):
    """Of one row; `style` are its classes, and `title` has its values in words."""

    style: str
    path: str
    title: str


class ParallelCoordinates(NamedTuple):
    axes: list[Axis]
    lines: list[Line]
    width: int
    height: int
    top: int = _TOP
    bottom: int = _TOP + HEIGHT


class _Scale(NamedTuple):
    kind: str
    ticks: list[tuple[float, str]]
    # From a value to its place, 0 at the top.
    place: Callable[[Any], float]


def draw(
    rows: Sequence[Any], columns: Sequence[tables.Column], labels: Sequence[str], styles: Sequence[str]
) -> ParallelCoordinates:
    """Of rows with long values loaded, each with a label and classes. Columns beyond `MAX_AXES` are left out."""
    axes: list[Axis] = []
    points: list[list[tuple[int, float]]] = [[] for _ in rows]
    words: list[list[str]] = [[label] for label in labels]
    for number, column in enumerate(columns[:MAX_AXES]):
        values = [column.of(row) for row in rows]
        scale = _scale([value for value in values if not _is_absent(value)])
        x = _LEFT + number * AXIS_DISTANCE
        ticks = [Tick(_TOP + round(y, 1), _short(label), label) for y, label in scale.ticks]
        if any(map(_is_absent, values)):
            ticks.append(Tick(_TOP + _ABSENT_AT, "no value", "no value"))
        axes.append(Axis(column.name, _short(column.title), scale.kind, x, ticks))
        for own, text, value in zip(points, words, values, strict=True):
            own.append((x, _TOP + round(_ABSENT_AT if _is_absent(value) else scale.place(value), 1)))
            text.append(f"{column.title}: {'no value' if _is_absent(value) else tables.format_value(value)}")
    lines = [
        Line(style, "M" + "L".join(f"{x} {y}" for x, y in own), "\n".join(text))
        for style, own, text in zip(styles, points, words, strict=True)
    ]
    width = _LEFT + max(len(axes) - 1, 0) * AXIS_DISTANCE + _RIGHT
    return ParallelCoordinates(axes, lines, width, _TOP + _ABSENT_AT + 16)


def _scale(values: list[Any]) -> _Scale:
    if values and all(map(_is_number, values)):
        return _number_scale([float(value) for value in values])
    return _text_scale(values)


def _number_scale(values: list[float]) -> _Scale:
    least, largest = min(values), max(values)
    if least == largest:
        return _Scale("", [(HEIGHT / 2, tables.format_value(least))], lambda value: HEIGHT / 2)
    is_logarithmic = least > 0 and largest / least >= _LOGARITHMIC_FROM
    scaled, unscaled = (math.log10, lambda power: 10**power) if is_logarithmic else (float, float)
    low, high = scaled(least), scaled(largest)
    # Halved, since the difference of the largest numbers is no number.
    span = high / 2 - low / 2

    def place(value: Any) -> float:
        return HEIGHT * (1 - (scaled(float(value)) / 2 - low / 2) / span)

    steps = [low + (high / 2 - low / 2) * 2 * (step / _STEPS) for step in range(1, _STEPS)]
    marks = [least, *(unscaled(step) for step in steps), largest]
    ticks = [(HEIGHT * (1 - number / _STEPS), f"{mark:.4g}") for number, mark in enumerate(marks)]
    return _Scale("log" if is_logarithmic else "", ticks, place)


def _text_scale(values: list[Any]) -> _Scale:
    """Numbers by their size at the bottom, then all else by its text."""
    keys = sorted({_sort_key(value) for value in values})
    step = HEIGHT / max(len(keys) - 1, 1)
    places = {key: HEIGHT - number * step if len(keys) > 1 else HEIGHT / 2 for number, key in enumerate(keys)}
    every = max(1, -(-len(keys) // _MAX_TEXTS))
    ticks = [(places[key], key[2]) for key in keys[::every]]
    return _Scale("", ticks, lambda value: places[_sort_key(value)])


def _sort_key(value: Any) -> tuple[bool, float, str]:
    number = float(value) if _is_number(value) else 0.0
    return (not _is_number(value), number, tables.format_value(value))


def _is_absent(value: Any) -> bool:
    return value is tables.ABSENT or value is tables.OMITTED


def _is_number(value: Any) -> bool:
    """Whether it is one that has a place on an axis."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _short(text: str) -> str:
    return text if len(text) <= _MAX_LABEL_LENGTH else f"{text[: _MAX_LABEL_LENGTH - 1]}…"
