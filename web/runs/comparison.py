"""Runs side by side: what their columns, config and summary hold, and what of it differs."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from projects.models import Run
from tracking import history_keys
from web import tables
from web.templatetags.web import duration

# A line of each is drawn, and their colours have to be told apart.
MAX_COMPARED = 10
# Of each object; those that differ come first to be shown.
MAX_ROWS = 200
_MAX_TITLE_LENGTH = 500


class Cell(NamedTuple):
    """`text` is short and rounded, `title` what it stands for; both are empty where the run has no value."""

    text: str
    title: str


class Row(NamedTuple):
    name: str
    cells: list[Cell]
    differs: bool


class Values(NamedTuple):
    """The rows that are shown, in the order of their names, and how many there are in all."""

    title: str
    rows: list[Row]
    total: int
    # Among all keys, those too that are not asked for.
    known: int
    differing: int
    # Runs whose object is too long for a page.
    omitted: list[Run]

    @property
    def left_out(self) -> int:
        return self.total - len(self.rows)


_FACTS: tuple[tuple[str, Callable[[Run], str]], ...] = (
    ("State", lambda run: run.get_state_display()),
    ("Started", lambda run: f"{run.started_at:%Y-%m-%d %H:%M:%S}"),
    ("Duration", lambda run: duration(run.duration)),
    ("Job type", lambda run: run.job_type),
    ("Group", lambda run: run.group),
    ("Tags", lambda run: ", ".join(sorted(run.tags))),
    ("Created by", lambda run: run.created_by.username),
    ("Host", lambda run: run.host),
    ("Git commit", lambda run: run.git_commit),
)


def facts(runs: Sequence[Run], *, differing_only: bool) -> Values:
    """What is known of every run, without what none of them has."""
    by_run = [{name: text for name, of in _FACTS if (text := of(run))} for run in runs]
    names = [name for name, _ in _FACTS if any(name in own for own in by_run)]
    return _values("About", runs, by_run, names, (), differing_only)


def values(runs: Sequence[Run], field: str, *, differing_only: bool) -> Values:
    """`config` or `summary`, nested keys joined by dots. Keys that begin with `_` are of clients."""
    by_run = [
        {key: value for key, value in history_keys.flatten(getattr(run, field) or {}) if not key.startswith("_")}
        for run in runs
    ]
    names = sorted({key for own in by_run for key in own}, key=lambda key: (key.casefold(), key))
    return _values(field.capitalize(), runs, by_run, names, (field,), differing_only)


def differing_keys(runs: Sequence[Run], field: str) -> list[str]:
    """The keys whose values differ, by name."""
    return [row.name for row in values(runs, field, differing_only=True).rows]


def _values(
    title: str,
    runs: Sequence[Run],
    by_run: list[dict[str, Any]],
    names: Iterable[str],
    fields: Sequence[str],
    differing_only: bool,
) -> Values:
    omitted = [run for run in runs if set(fields) & set(getattr(run, "omitted", ()))]
    known = [own for own, run in zip(by_run, runs, strict=True) if run not in omitted]
    differing, same = [], []
    for name in names:
        found = [own.get(name, tables.ABSENT) for own in known]
        (differing if any(not _is_same(found[0], other) for other in found[1:]) else same).append(name)
    chosen = [*differing, *([] if differing_only else same)]
    shown = set(chosen[:MAX_ROWS])
    is_differing = set(differing)
    rows = [
        Row(name, [_cell(own.get(name, tables.ABSENT)) for own in by_run], name in is_differing)
        for name in names
        if name in shown
    ]
    return Values(title, rows, len(chosen), len(differing) + len(same), len(differing), omitted)


def _is_same(value: Any, other: Any) -> bool:
    """As JSON has it: 1 is 1.0, and not true."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(_is_same, value, other))
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(_is_same(value[key], other[key]) for key in value)
    return bool(value == other)


def _cell(value: Any) -> Cell:
    if value is tables.ABSENT:
        return Cell("", "")
    title = tables.as_text(value)
    return Cell(tables.format_value(value), title[:_MAX_TITLE_LENGTH])
