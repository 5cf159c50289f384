"""What `define_metric` says of metrics, and what the summary keeps of them by it. The public class `Metric`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any

from wanllmdb.sdk import errors

SUMMARIES = ("min", "max", "mean", "best", "first", "last", "copy", "none")
GOALS = ("minimize", "maximize")
MAX_NAME_LENGTH = 512


@dataclass(frozen=True)
class Metric:
    """Returned by `define_metric`."""

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] = ()
    goal: str | None = None

    def covers(self, name: str) -> bool:
        """Whether this metric is meant, by its name or by a name with `*` at its end."""
        return name == self.name or (self.name.endswith("*") and name.startswith(self.name[:-1]))

    def to_json(self) -> dict[str, Any]:
        """As the server takes it: what was said."""
        said: dict[str, Any] = {
            "step_metric": self.step_metric,
            "step_sync": self.step_sync,
            "hidden": self.hidden,
            "summary": list(self.summary) or None,
            "goal": self.goal,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass
class _Aggregate:
    """What is known of one metric's numbers so far."""

    count: int = 0
    total: float = 0.0
    first: float | None = None
    smallest: float | None = None
    largest: float | None = None

    def add(self, number: float) -> None:
        if isnan(number):
            return
        self.count += 1
        self.total += number
        self.first = number if self.first is None else self.first
        self.smallest = number if self.smallest is None else min(self.smallest, number)
        self.largest = number if self.largest is None else max(self.largest, number)

    def get(self, name: str, goal: str | None) -> float | None:
        if name == "mean":
            return self.total / self.count if self.count else None
        if name == "first":
            return self.first
        is_largest = name == "max" or (name == "best" and goal == "maximize")
        return self.largest if is_largest else self.smallest


@dataclass
class Metrics:
    """Those that one run defined, in the order of the calls."""

    _defined: dict[str, Metric] = field(default_factory=dict)
    _aggregates: dict[str, _Aggregate] = field(default_factory=dict)
    _last: dict[str, Any] = field(default_factory=dict)
    """The last values of metrics that others have for their x axis."""

    def define(self, metric: Metric, *, overwrite: bool) -> Metric:
        """Add the definition; without `overwrite`, what it leaves open stays as it was said before."""
        before = self._defined.get(metric.name)
        if before is not None and not overwrite:
            metric = Metric(
                metric.name,
                metric.step_metric or before.step_metric,
                before.step_sync if metric.step_sync is None else metric.step_sync,
                before.hidden if metric.hidden is None else metric.hidden,
                metric.summary or before.summary,
                metric.goal or before.goal,
            )
        if metric.step_metric and metric.step_metric not in self._defined:
            self._defined[metric.step_metric] = Metric(metric.step_metric)
        self._defined[metric.name] = metric
        return metric

    def to_json(self) -> dict[str, Any]:
        return {name: metric.to_json() for name, metric in list(self._defined.items())}

    def find(self, name: str) -> Metric | None:
        """The definition of this metric: its own, or of the patterns that cover it the longest."""
        if name in self._defined:
            return self._defined[name]
        covering = [metric for metric in self._defined.values() if metric.covers(name)]
        return max(covering, key=lambda metric: len(metric.name), default=None)

    def complete(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values of a row, with the last one of each x axis that it lacks and that is to be there."""
        if not self._defined:
            return values
        axes = {metric.step_metric for metric in self._defined.values() if metric.step_metric}
        self._last |= {name: values[name] for name in axes if name in values}
        added = {}
        for name in values:
            metric = self.find(name)
            axis = metric.step_metric if metric and metric.step_sync else None
            if axis and axis not in values and axis in self._last:
                added[axis] = self._last[axis]
        return {**values, **added}

    def summarize(self, values: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
        """What the summary has of these values from now on; `summary` is what it has of them so far."""
        if not self._defined:
            return dict(values)
        found = {}
        for name, value in values.items():
            metric = self.find(name)
            wanted = metric.summary if metric else ()
            if "none" in wanted:
                continue
            number = _to_number(value)
            if metric is None or number is None or not wanted or "copy" in wanted:
                found[name] = value
                continue
            aggregate = self._aggregates.get(name)
            if aggregate is None:
                aggregate = self._aggregates[name] = _of_earlier(summary.get(name), metric.goal)
            aggregate.add(number)
            kept = {one: value if one == "last" else aggregate.get(one, metric.goal) for one in wanted}
            found[name] = {one: result for one, result in kept.items() if result is not None}
        return found


def parse(
    name: Any,
    step_metric: Any,
    step_sync: bool | None,
    hidden: bool | None,
    summary: Any,
    goal: str | None,
) -> Metric:
    """The arguments of `define_metric`. Raises `Invalid`."""
    axis = step_metric.name if isinstance(step_metric, Metric) else step_metric
    for label, text in (("name", name), ("step_metric", axis)):
        if label == "step_metric" and text is None:
            continue
        if not isinstance(text, str) or not 0 < len(text) <= MAX_NAME_LENGTH or "\0" in text:
            raise errors.Invalid(f"define_metric: {label} is a text of 1 to {MAX_NAME_LENGTH} characters, not {text!r}")
    if "*" in name[:-1]:
        raise errors.Invalid(f"define_metric: {name!r} can have a * at its end alone")
    if axis is not None and "*" in axis:
        raise errors.Invalid("define_metric: step_metric is one metric, without *")
    if goal is not None and goal not in GOALS:
        raise errors.Invalid(f"define_metric: goal is 'minimize' or 'maximize', not {goal!r}")
    is_synced = axis is not None if step_sync is None else bool(step_sync)
    if is_synced and axis is None:
        raise errors.Invalid("define_metric: step_sync needs a step_metric")
    return Metric(name, axis, is_synced if axis else None, hidden, _to_summaries(summary), goal)


def _to_summaries(summary: Any) -> tuple[str, ...]:
    if summary is None:
        return ()
    if not isinstance(summary, (str, Iterable)):
        raise errors.Invalid(f"define_metric: summary takes some of {', '.join(SUMMARIES)}, not {summary!r}")
    texts = summary.split(",") if isinstance(summary, str) else list(summary)
    wanted = tuple(dict.fromkeys(str(text).strip().lower() for text in texts))
    for text in wanted:
        if text not in SUMMARIES:
            raise errors.Invalid(f"define_metric: summary takes some of {', '.join(SUMMARIES)}, not {text!r}")
    return wanted


def _of_earlier(summary: Any, goal: str | None) -> _Aggregate:
    """Of a run that goes on; its mean begins anew, for nobody knows of how many numbers it was."""
    if not isinstance(summary, Mapping):
        return _Aggregate()
    known = {name: _to_number(summary.get(name)) for name in ("first", "min", "max", "best")}
    bound = "max" if goal == "maximize" else "min"
    known[bound] = known["best"] if known[bound] is None else known[bound]
    return _Aggregate(first=known["first"], smallest=known["min"], largest=known["max"])


def _to_number(value: Any) -> float | None:
    """NaN of the texts that stand for it in JSON."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else None
