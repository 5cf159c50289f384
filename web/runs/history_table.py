"""The last rows of a run's history as a table of a bounded size."""

from typing import Any, NamedTuple

from projects.models import Run
from tracking import history

MAX_ROWS = 10
MAX_COLUMNS = 6


class HistoryTable(NamedTuple):
    """The names of the columns, and for each row, newest first, its step and its values."""

    names: list[str]
    rows: list[tuple[int, list[Any]]]


def latest(run: Run) -> HistoryTable | None:
    """None where nothing has been logged."""
    rows = history.latest(run, MAX_ROWS) if run.history_row_count else []
    if not rows:
        return None
    names = dict.fromkeys(name for row in rows for name in row if _is_shown(name, row[name]))
    columns = list(names)[:MAX_COLUMNS]
    return HistoryTable(columns, [(row[history.STEP], [row.get(name, "") for name in columns]) for row in rows])


def _is_shown(name: str, value: Any) -> bool:
    return not name.startswith("_") and not isinstance(value, dict | list)
