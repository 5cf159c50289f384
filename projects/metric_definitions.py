"""What a program says about its metrics: which one is their x axis, and what the summary keeps of them.

They are kept as the official client keeps them, in `Run.wandb["m"]`: a list of objects whose keys are numbers of
fields, so that both clients, and whoever draws charts, read the same.
"""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from projects.models import Run

MAX_DEFINITIONS = 1_000
SUMMARIES = ("min", "max", "mean", "best", "last", "none", "copy", "first")
GOALS = ("minimize", "maximize")

_NAME, _PATTERN, _STEP_METRIC, _STEP_INDEX, _OPTIONS, _SUMMARY, _GOAL = "1", "2", "4", "5", "6", "7", "8"
_STEP_SYNC, _HIDDEN, _DEFINED = 1, 2, 3


class MetricDefinition(NamedTuple):
    """`name` ends in `*` where it stands for all metrics that begin with what is before it.

    `step_metric` is empty where the x axis is the step.
    """

    name: str
    step_metric: str = ""
    is_step_synced: bool = False
    is_hidden: bool = False
    summary: tuple[str, ...] = ()
    goal: str = ""


class Definitions(dict[str, MetricDefinition]):
    """By name, in the order in which they were made."""

    @cached_property
    def patterns(self) -> list[tuple[int, dict[str, MetricDefinition]]]:
        """What metrics begin with, by its length, the longest first: a thousand patterns have few lengths."""
        found: dict[int, dict[str, MetricDefinition]] = {}
        for name, definition in self.items():
            if name.endswith("*"):
                found.setdefault(len(name) - 1, {})[name[:-1]] = definition
        return sorted(found.items(), reverse=True)


def of_run(run: Run) -> Definitions:
    """The definitions by name, in the order in which they were made. What no client writes is left out."""
    rows = run.wandb.get("m") if isinstance(run.wandb, dict) else None
    rows = [row if isinstance(row, dict) else {} for row in rows] if isinstance(rows, list) else []
    names = [str(row.get(_NAME) or row.get(_PATTERN) or "") for row in rows[:MAX_DEFINITIONS]]
    return Definitions((name, _read(name, row, names)) for name, row in zip(names, rows, strict=False) if name)


def find(definitions: Definitions, metric: str) -> MetricDefinition:
    """The one that holds for a metric: its own, or else of the patterns that cover it the longest, or else a blank."""
    if metric in definitions:
        return definitions[metric]
    covering = (by_beginning.get(metric[:length]) for length, by_beginning in definitions.patterns)
    return next(filter(None, covering), MetricDefinition(metric))


def to_rows(definitions: Iterable[MetricDefinition]) -> list[dict[str, Any]]:
    """As they are kept."""
    known = list(definitions)
    index = {definition.name: number for number, definition in enumerate(known, 1)}
    return [_row(definition, index) for definition in known]


def _read(name: str, row: Mapping[str, Any], names: list[str]) -> MetricDefinition:
    step_metric, number = row.get(_STEP_METRIC), row.get(_STEP_INDEX)
    if isinstance(number, int) and 0 < number <= len(names):
        step_metric = names[number - 1]
    options, goal = _numbers(row.get(_OPTIONS)), row.get(_GOAL)
    return MetricDefinition(
        name,
        step_metric if isinstance(step_metric, str) and step_metric != "_step" else "",
        _STEP_SYNC in options,
        _HIDDEN in options,
        tuple(SUMMARIES[field - 1] for field in _numbers(row.get(_SUMMARY)) if 0 < field <= len(SUMMARIES)),
        GOALS[goal - 1] if isinstance(goal, int) and 0 < goal <= len(GOALS) else "",
    )


def _row(definition: MetricDefinition, index: Mapping[str, int]) -> dict[str, Any]:
    row: dict[str, Any] = {_PATTERN if definition.name.endswith("*") else _NAME: definition.name}
    if definition.step_metric in index:
        row[_STEP_INDEX] = index[definition.step_metric]
    elif definition.step_metric:
        row[_STEP_METRIC] = definition.step_metric
    is_set = {_STEP_SYNC: definition.is_step_synced, _HIDDEN: definition.is_hidden, _DEFINED: True}
    row[_OPTIONS] = [number for number, value in is_set.items() if value]
    if definition.summary:
        row[_SUMMARY] = [SUMMARIES.index(name) + 1 for name in definition.summary]
    if definition.goal:
        row[_GOAL] = GOALS.index(definition.goal) + 1
    return row


def _numbers(value: object) -> list[int]:
    return [one for one in value if isinstance(one, int)] if isinstance(value, list) else []
