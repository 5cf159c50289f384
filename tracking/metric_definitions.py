"""What a script has said of its metrics by `define_metric`, as the official client keeps it in the config of the run.

Each is an object whose keys are the numbers of its fields.
"""

import fnmatch
from collections.abc import Iterator
from typing import Any, NamedTuple

from projects.models import Run

_NAME, _GLOB, _STEP_METRIC, _STEP_INDEX, _OPTIONS = "1", "2", "4", "5", "6"
_HIDDEN = 2


class Definition(NamedTuple):
    """`name` may be a pattern with `*`; `step_metric` is empty where charts are by step."""

    name: str
    step_metric: str
    is_hidden: bool

    def covers(self, key: str) -> bool:
        return key == self.name or ("*" in self.name and fnmatch.fnmatchcase(key, self.name))


def of(run: Run) -> list[Definition]:
    """Those that name a metric before those that are patterns."""
    return sorted(_read(run), key=lambda one: "*" in one.name)


def find(definitions: list[Definition], key: str) -> Definition:
    return next((one for one in definitions if one.covers(key)), Definition(key, "", False))


def _read(run: Run) -> Iterator[Definition]:
    listed = run.wandb.get("m") if isinstance(run.wandb, dict) else None
    records = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    for record in records:
        name = record.get(_NAME) or record.get(_GLOB)
        options = record.get(_OPTIONS)
        if isinstance(name, str) and name:
            yield Definition(name, _step_metric(record, records), isinstance(options, list) and _HIDDEN in options)


def _step_metric(record: dict[str, Any], records: list[dict[str, Any]]) -> str:
    """By its name, or by its place in the list, which is counted from 1."""
    name, index = record.get(_STEP_METRIC), record.get(_STEP_INDEX)
    if isinstance(index, int) and 0 < index <= len(records):
        name = records[index - 1].get(_NAME)
    return name if isinstance(name, str) and name != "_step" else ""
