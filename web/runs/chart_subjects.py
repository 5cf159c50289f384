"""What charts are about: metrics, in sections, in the order in which people count."""

import re
from typing import NamedTuple

# A number of more digits is no longer one that people count with.
_DIGITS = re.compile(r"(\d{1,9})")


class Metric(NamedTuple):
    """The metric of a line, and what the line is called where a chart has several of a run."""

    key: str
    label: str = ""


class Subject(NamedTuple):
    """What a chart is about: `key` names it in URLs."""

    key: str
    title: str
    metrics: tuple[Metric, ...]
    unit: str = ""


class Section(NamedTuple):
    name: str
    subjects: list[Subject]


def in_natural_order(key: str) -> list[tuple[int, str]]:
    """`layer2` before `layer10`."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _DIGITS.split(key)]
