"""What a column of a table holds: type, smallest and largest value, how many are missing, how many differ, a histogram.

Columns are summarised some rows at a time, and only what the summary needs is kept of them.
"""

from array import array
from collections.abc import Sequence
from datetime import date
from math import isfinite

from artifacts.previews.results import BAR_HEIGHT, Summary

MAX_DISTINCT = 5_000
MAX_SHOWN = 40
BARS = 12
_NULLS = frozenset(("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "none"))
_TRUTHS = frozenset(("true", "false", "True", "False", "TRUE", "FALSE"))


class ColumnSummary:
    """The summary of the texts that `add` is given; None and what people write for it are nulls."""

    def __init__(self) -> None:
        self.rows = self.nulls = 0
        self._distinct: set[str] = set()
        self._numbers: array[float] | None = array("d")
        self._is_integer = self._is_truth = self._is_date = True
        self._least: str | None = None
        self._greatest: str | None = None

    def add(self, values: Sequence[str | None]) -> None:
        present = [value for value in values if value is not None and value not in _NULLS]
        self.rows += len(values)
        self.nulls += len(values) - len(present)
        if not present:
            return
        if len(self._distinct) <= MAX_DISTINCT:
            self._distinct.update(value[:MAX_SHOWN] for value in present)
        self._add_numbers(present)
        if self._numbers is None:
            self._least = min(present if self._least is None else [*present, self._least])
            self._greatest = max(present if self._greatest is None else [*present, self._greatest])
            self._is_truth = self._is_truth and _TRUTHS.issuperset(present)
            self._is_date = self._is_date and _is_date(present[0]) and _is_date(present[-1])

    @property
    def is_number(self) -> bool:
        return bool(self._numbers)

    @property
    def type(self) -> str:
        """ "" for a column without a value."""
        if self._numbers:
            return "integer" if self._is_integer else "number"
        if self._least is None:
            return ""
        return "boolean" if self._is_truth else "date" if self._is_date else "text"

    def result(self) -> Summary:
        distinct = len(self._distinct)
        count = f"{distinct:,}" if distinct <= MAX_DISTINCT else f"over {MAX_DISTINCT:,}"
        nulls = f"{self.nulls:,}"
        if not self._numbers:
            return Summary(short_text(self._least), short_text(self._greatest), nulls, count)
        least, greatest = min(self._numbers), max(self._numbers)
        return Summary(
            number_text(least), number_text(greatest), nulls, count, histogram(self._numbers, least, greatest)
        )

    def _add_numbers(self, present: list[str]) -> None:
        """Keep them while all of them are numbers; what was taken for one before is a text then too."""
        if self._numbers is None:
            return
        try:
            numbers = [float(value) for value in present]
        except ValueError:
            if self._numbers:
                self._least, self._greatest = min(self._distinct), max(self._distinct)
                self._is_truth = self._is_date = False
            self._numbers = None
            return
        self._is_integer = self._is_integer and all(value.lstrip("+-").isdecimal() for value in present)
        self._numbers.extend(number for number in numbers if isfinite(number))


def histogram(numbers: Sequence[float], least: float, greatest: float) -> list[int]:
    """The heights of `BARS` bars, the highest of `BAR_HEIGHT`; none where all numbers are the same."""
    width = greatest / BARS - least / BARS
    if not width or not isfinite(width):
        return []
    counts = [0] * BARS
    for number in numbers:
        counts[min(BARS - 1, int(number / width - least / width))] += 1
    most = max(counts)
    # A bar that holds anything can be seen.
    return [-(-count * BAR_HEIGHT // most) for count in counts]


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return len(value) >= 10


def short_text(value: str | None) -> str:
    return "" if value is None else value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}…"


def number_text(value: float) -> str:
    return f"{int(value):,}" if abs(value) < 1e15 and value == int(value) else f"{value:.5g}"
