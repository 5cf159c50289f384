"""The table of runs as CSV: all rows that the filters let through, in their order, with the columns that are shown."""

import json
from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from core import csv_lines, long_values
from projects.models import Run
from web import tables
from web.runs import run_groups
from web.runs.run_table import RunTable
from web.tables import Column

_COLUMNS = ("Name", "ID", "State", "Job type", "Group", "Tags", "Duration in seconds", "Started", "Created by")
_FIELDS = (
    "name", "display_name", "state", "job_type", "group", "tags", "started_at", "heartbeat_at", "finished_at",
    "created_by__username",
)  # fmt: skip
_RUNS_A_QUERY = 500
_BYTES_A_CHUNK = 2**16
_ID_BYTES = 16


def chunks(table: RunTable) -> Iterator[bytes]:
    """The file, in pieces that are worth sending. What the database refuses, it refuses before the first one."""
    if table.group_by:
        rows: Iterable[Iterable[object]] = _groups(table)
    else:
        rows = _runs(table, _ids(table))
    return _joined(csv_lines.lines(rows))


def _ids(table: RunTable) -> bytes:
    """Of all rows in their order. Packed: there may be a million."""
    rows = table.sorted(among_newest=False).values_list("pk", flat=True)
    return b"".join(pk.bytes for pk in rows.iterator(chunk_size=10_000))


def _runs(table: RunTable, ids: bytes) -> Iterator[Iterable[object]]:
    columns = table.view.columns
    fields = sorted({column.name.partition(".")[0] for column in columns})
    yield (*_COLUMNS, *(column.name for column in columns))
    step = _ID_BYTES * _RUNS_A_QUERY
    for start in range(0, len(ids), step):
        packed = ids[start : start + step]
        pks = [UUID(bytes=packed[place : place + _ID_BYTES]) for place in range(0, len(packed), _ID_BYTES)]
        rows = Run.objects.filter(pk__in=pks).select_related("created_by").only(*_FIELDS).in_bulk()
        # Others were deleted since.
        found = [rows[pk] for pk in pks if pk in rows]
        for row in long_values.each_loaded(found, fields):
            yield _cells(row, columns)


def _cells(run: Run, columns: Iterable[Column]) -> list[object]:
    own = [run.title, run.name, run.state, run.job_type, run.group, ", ".join(run.tags)]
    times = [round(run.duration.total_seconds(), 3), run.started_at.isoformat(), run.created_by.username]
    return [*own, *times, *(_plain(column.of(run)) for column in columns)]


def _plain(value: Any) -> object:
    """Numbers with all their digits; lists and objects as JSON."""
    if value is tables.ABSENT or value is None:
        return ""
    is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def _groups(table: RunTable) -> list[list[object]]:
    columns = table.view.columns
    grouping = run_groups.group(table.rows, table.group_by)
    sort = run_groups.view(table.query).sort
    found = run_groups.statistics(grouping, table.project, run_groups.with_sorting(columns, sort))
    header = [run_groups.title(table.group_by), "Runs"]
    header += [f"{kind} {column.name}" for column in columns for kind in ("mean", "min", "max")]
    lines: list[list[object]] = [header]
    values = run_groups.order(grouping, sort, found)
    for start in range(0, len(values), _RUNS_A_QUERY):
        for group in run_groups.fill(grouping, values[start : start + _RUNS_A_QUERY], columns, found):
            numbers = [part for one in group.statistics for part in (one.mean, one.least, one.largest)]
            lines.append([group.label, group.count, *("" if number is None else number for number in numbers)])
    return lines


def _joined(lines: Iterator[str]) -> Iterator[bytes]:
    waiting, size = [], 0
    for line in lines:
        waiting.append(line)
        size += len(line)
        if size >= _BYTES_A_CHUNK:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting).encode()
