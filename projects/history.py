"""The verbs of a run's history: append rows, read them."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts import errors, permissions
from accounts.actor import Actor
from accounts.models import Role
from core import long_values
from projects.errors import HistoryFull
from projects.models import HistoryBatch, HistoryWriter, Run

STEP = "_step"
MAX_ROWS = 5_000_000
MAX_BYTES = 2**30
# A run that sends a row every few seconds fills a batch up, instead of making one for each.
MAX_BATCH_ROWS = 1000
MAX_BATCH_BYTES = 2**16
MAX_BATCHES_A_PAGE = 1000


class Page(NamedTuple):
    """Rows, and the number of the row where the next page begins; None after the last page."""

    rows: list[dict[str, Any]]
    next_row: int | None


@transaction.atomic
def append(actor: Actor, run: Run, writer: UUID, offset: int, rows: list[dict[str, Any]]) -> Run:
    """Add the rows that the writer counts from `offset`, each with an integer `_step`; also after the run has ended.

    Those that arrived before are skipped, so that a request can be repeated. Raises `HistoryFull`.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    locked = Run.objects.select_for_update(no_key=True).filter(pk=run.pk).first()
    if locked is None:
        raise errors.Missing("The run has been deleted.")
    # Of who has sent nothing there is no row, so that only rows of the history make more of them.
    progress = HistoryWriter.objects.filter(run=locked, writer=writer).first() or HistoryWriter(
        run=locked, writer=writer
    )
    new = rows[max(progress.row_count - offset, 0) :]
    if new:
        _store(locked, new)
        progress.row_count = offset + len(rows)
        progress.save()
    for column in ("history_row_count", "history_size", "last_step"):
        setattr(run, column, getattr(locked, column))
    return run


def read(
    run: Run, *, start: int = 0, limit: int = 1000, min_step: int | None = None, max_step: int | None = None
) -> Page:
    """The rows from number `start` on, whose step is at least `min_step` and less than `max_step`. Two queries.

    There may be fewer than `limit` before the next page: rows have as many bytes as `long_values` lets a page of this
    request have, and those of other steps count too.
    """
    batches = HistoryBatch.objects.filter(run=run, end_row__gt=start).order_by("end_row")
    if min_step is not None:
        batches = batches.filter(last_step__gte=min_step)
    if max_step is not None:
        batches = batches.filter(first_step__lt=max_step)
    end, has_more = _end_of_page(batches, start, limit)
    rows: list[dict[str, Any]] = []
    for batch in batches.filter(end_row__lte=end):
        for number, row in enumerate(batch.rows, batch.first_row):
            if number < start or not _is_between(row[STEP], min_step, max_step):
                continue
            if len(rows) == limit:
                return Page(rows, number)
            rows.append(row)
    return Page(rows, end if has_more else None)


def _end_of_page(batches: QuerySet[HistoryBatch], start: int, limit: int) -> tuple[int, bool]:
    """The number after the last row that is loaded for a page, and whether there are batches after it."""
    most_bytes = long_values.page_budget()
    end, size = start, 0
    sizes = batches.values_list("end_row", "size")[: MAX_BATCHES_A_PAGE + 1]
    for count, (end_row, batch_size) in enumerate(sizes):
        is_full = size + batch_size > most_bytes or end - start >= limit or count == MAX_BATCHES_A_PAGE
        # One is loaded in any case.
        if is_full and count:
            return end, True
        end, size = end_row, size + batch_size
    return end, False


def latest(run: Run, count: int) -> list[dict[str, Any]]:
    """The last rows, newest first."""
    rows: list[dict[str, Any]] = []
    for batch in HistoryBatch.objects.filter(run=run).order_by("-end_row")[:count]:
        rows += reversed(batch.rows)
        if len(rows) >= count:
            break
    return rows[:count]


def _is_between(step: int, min_step: int | None, max_step: int | None) -> bool:
    return (min_step is None or step >= min_step) and (max_step is None or step < max_step)


def _store(run: Run, rows: list[dict[str, Any]]) -> None:
    sizes = [len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()) for row in rows]
    if run.history_row_count + len(rows) > MAX_ROWS or run.history_size + sum(sizes) > MAX_BYTES:
        raise HistoryFull(f"The history of a run has at most {MAX_ROWS:,} rows and {MAX_BYTES // 2**30} GiB.")
    last = HistoryBatch.objects.filter(run=run).order_by("-end_row").first()
    for batch in _batches(last, run, list(zip(rows, sizes, strict=True))):
        batch.save()
    steps = [row[STEP] for row in rows]
    run.history_row_count += len(rows)
    run.history_size += sum(sizes)
    run.last_step = max(steps) if run.last_step is None else max(run.last_step, *steps)
    run.heartbeat_at = timezone.now() if run.finished_at is None else run.heartbeat_at
    run.save(update_fields=["history_row_count", "history_size", "last_step", "heartbeat_at"])


def _batches(batch: HistoryBatch | None, run: Run, rows: list[tuple[dict[str, Any], int]]) -> Iterator[HistoryBatch]:
    """The batches that the rows fill, beginning with the last one there is, if that has room for the first row."""
    changed = False
    for row, size in rows:
        step = row[STEP]
        if batch is None or batch.row_count == MAX_BATCH_ROWS or batch.size + size > MAX_BATCH_BYTES:
            if batch is not None and changed:
                yield batch
            end = run.history_row_count if batch is None else batch.end_row
            batch = HistoryBatch(run=run, end_row=end, row_count=0, first_step=step, last_step=step, size=0, rows=[])
        batch.rows.append(row)
        batch.end_row += 1
        batch.row_count += 1
        batch.size += size
        batch.first_step, batch.last_step = min(batch.first_step, step), max(batch.last_step, step)
        changed = True
    if batch is not None and changed:
        yield batch
