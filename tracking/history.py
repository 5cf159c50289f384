"""The history of a run: rows that it logged step by step, in the order in which they arrived."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Min

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from core import errors, long_values
from projects.models import Run
from tracking import chunks, history_keys, lines, series, streams
from tracking.lines import STEP, Row
from tracking.models import HistoryWriter, RunChunk, RunStream, Stream

MAX_CHUNKS_A_PAGE = 1000
# Bytes of lines that are read to choose rows from. Of a longer history, rows of parts of it are chosen.
MAX_SCANNED_BYTES = 32 * 2**20
# Bytes of the rows that are read between two steps at once.
MAX_READ_BYTES = 32 * 2**20


class Page(NamedTuple):
    """Rows, and the number of the row where the next page begins; None after the last page."""

    rows: list[Row]
    next_row: int | None


@transaction.atomic
def append(actor: Actor, run: Run, writer: UUID, offset: int, rows: list[Row]) -> Run:
    """Add the rows that the writer counts from `offset`, each with an integer `_step`; also after the run has ended.

    Those that arrived before are skipped, so that a request can be repeated. Raises `HistoryFull`.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    locked = streams.lock(run)
    # Of who has sent nothing there is no row, so that only rows of the history make more of them.
    progress = HistoryWriter.objects.filter(run=locked, writer=writer).first() or HistoryWriter(
        run=locked, writer=writer
    )
    new = rows[max(progress.row_count - offset, 0) :]
    if new:
        streams.extend(locked, Stream.HISTORY, lines.of_rows(new))
        progress.row_count = offset + len(rows)
        progress.save()
    for column in ("history_row_count", "last_step"):
        setattr(run, column, getattr(locked, column))
    return run


def rewind(actor: Actor, run: Run, step: int) -> None:
    """Forget the first row of a later step than this, and all that came after it."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    found = chunks.ranges(run, Stream.HISTORY, min_step=step + 1)
    if not found:
        return
    for number, text in chunks.read(run, Stream.HISTORY, found[0].first_line, found[0].end_line):
        row = lines.load(text)
        row_step = None if row is None else lines.step_of(row)
        if row_step is not None and row_step > step:
            streams.truncate(actor, run, Stream.HISTORY, number)
            return


def page(
    run: Run, *, start: int = 0, limit: int = 1000, min_step: int | None = None, max_step: int | None = None
) -> Page:
    """The rows from number `start` on, whose step is at least `min_step` and less than `max_step`. Two queries.

    There may be fewer than `limit` before the next page: rows have as many bytes as `long_values` lets a page of this
    request have, and those of other steps count too.
    """
    return _measured_page(run, start, limit, min_step, max_step)[0]


def _measured_page(run: Run, start: int, limit: int, min_step: int | None, max_step: int | None) -> tuple[Page, int]:
    """The page, and the bytes of its rows."""
    budget = long_values.page_budget()
    found = chunks.ranges(run, Stream.HISTORY, start, min_step=min_step, max_step=max_step)
    if not found:
        return Page([], None), 0
    first, end, has_more = max(start, found[0].first_line), *_end_of_page(found, start, limit, budget)
    rows: list[Row] = []
    size = 0
    for number, text in chunks.read(run, Stream.HISTORY, first, end):
        row = lines.load(text)
        if row is None or not _is_between(row, min_step, max_step):
            continue
        if len(rows) == limit or (rows and size + len(text) > budget):
            return Page(rows, number), size
        size += len(text)
        rows.append(row)
    return Page(rows, end if has_more else None), size


def _end_of_page(found: Sequence[chunks.Range], start: int, limit: int, budget: int) -> tuple[int, bool]:
    """The number after the last row that is loaded for a page, and whether there are chunks after it."""
    end, size = start, 0
    for count, one in enumerate(found):
        is_full = size + one.size > budget or end - start >= limit or count == MAX_CHUNKS_A_PAGE
        # One is loaded in any case.
        if is_full and count:
            return end, True
        end, size = one.end_line, size + one.size
    return end, False


def read(run: Run, *, min_step: int | None = None, max_step: int | None = None, limit: int) -> list[Row]:
    """At most `limit` rows of steps from `min_step` up to, not including, `max_step`, in their order.

    Raises `TooLarge` where these have more than `MAX_READ_BYTES`.
    """
    rows: list[Row] = []
    size = 0
    start: int | None = 0
    while start is not None and len(rows) < limit:
        found, found_size = _measured_page(run, start, limit - len(rows), min_step, max_step)
        rows, start, size = rows + found.rows, found.next_row, size + found_size
        if size > MAX_READ_BYTES:
            raise _too_many_bytes()
    return rows


def spread(run: Run, samples: int, stream: Stream = Stream.HISTORY) -> list[Row]:
    """At most so many rows of the whole stream, evenly spread, the first and the last one among them.

    Of a stream of more than `MAX_SCANNED_BYTES`, rows of parts that are evenly spread. Fewer rows, where these have
    more bytes than `long_values` lets a page of this request have.
    """
    texts: list[str] = []
    for numbers in _evenly_in(chunks.spread(chunks.batches(run, stream), MAX_SCANNED_BYTES), samples):
        wanted = set(numbers)
        found = chunks.read(run, stream, numbers[0], numbers[-1] + 1)
        texts += [text for number, text in found if number in wanted]
    budget = long_values.page_budget()
    while len(texts) > 1 and sum(map(len, texts)) > budget:
        texts = [texts[number] for number in chunks.evenly(len(texts), len(texts) // 2)]
    return [row for row in map(lines.load, texts) if row is not None]


def _evenly_in(batches: Sequence[Sequence[chunks.Range]], samples: int) -> Iterator[list[int]]:
    """The numbers of lines that are evenly spread over these batches, batch by batch, without those that have none."""
    total = sum(one.end_line - one.first_line for batch in batches for one in batch)
    positions = iter(chunks.evenly(total, samples))
    position = next(positions, None)
    before = 0
    for batch in batches:
        numbers = []
        for one in batch:
            while position is not None and position - before < one.end_line - one.first_line:
                numbers.append(one.first_line + position - before)
                position = next(positions, None)
            before += one.end_line - one.first_line
        if numbers:
            yield numbers


def sample(
    run: Run, keys: Sequence[str], samples: int, min_step: int | None = None, max_step: int | None = None
) -> list[Row]:
    """At most so many rows that have all of these keys, with these alone, evenly spread over their steps.

    Keys of nested objects have dots. Both steps are included. Long histories are read from their thinned series, three
    queries; their lines are read only for metrics of which no row has both, or for values that are no numbers. Then
    rows are chosen from `MAX_SCANNED_BYTES` of them. Where so many rows are asked for as there are steps, and thus all
    of them, it raises `TooLarge` instead.
    """
    rows = series.points(run, keys, samples, min_step, max_step)
    if rows is None:
        wants_all = min_step is not None and max_step is not None and max_step - min_step <= samples
        rows = list(_with_keys(run, keys, min_step, max_step, wants_all=wants_all))
    return [rows[number] for number in chunks.evenly(len(rows), samples)]


def samples(
    run: Run, count: int, keys: Sequence[str] = (), min_step: int | None = None, max_step: int | None = None
) -> list[Row]:
    """At most so many rows of steps from `min_step` up to, not including, `max_step`, evenly spread.

    With keys those rows that have all of them, with these and their steps alone.
    """
    if keys:
        last_step = None if max_step is None else max_step - 1
        return sample(run, list(dict.fromkeys((STEP, *keys))), count, min_step, last_step)
    if min_step is None and max_step is None:
        return spread(run, count)
    rows = map(lines.load, _scan(run, min_step, max_step, wants_all=False))
    found = _thin((row for row in rows if row is not None and _is_between(row, min_step, max_step)), count)
    return [found[number] for number in chunks.evenly(len(found), count)]


def only(rows: Iterable[Row], keys: Sequence[str]) -> list[Row]:
    """The rows that have one of the keys, with these, their steps and times alone. Keys of nested objects have dots."""
    kept = []
    for row in rows:
        values = row if all(key in row for key in keys) else dict(history_keys.flatten(row))
        found = {key: values[key] for key in keys if key in values}
        if found:
            kept.append({name: row[name] for name in (STEP, "_timestamp") if name in row} | found)
    return kept


def _thin(rows: Iterable[Row], count: int) -> list[Row]:
    """Every row, or of many every second, fourth …, so that memory is bounded; and the last one."""
    kept: list[Row] = []
    stride, last = 1, None
    for number, last in enumerate(rows):
        if number % stride == 0:
            kept.append(last)
            if len(kept) > 2 * count:
                kept, stride = kept[::2], 2 * stride
    return kept if last is None or last is kept[-1] else [*kept, last]


def keys(run: Run) -> dict[str, Any] | None:
    """The keys of all rows, with how many values of which type they have; None without a history."""
    state = RunStream.objects.filter(run=run, stream=Stream.HISTORY, line_count__gt=0).first()
    if state is None:
        return None
    return {"keys": history_keys.describe(state.keys), "sets": [], "lastStep": run.last_step}


def first_step(run: Run) -> int | None:
    return RunChunk.objects.of(run, Stream.HISTORY).aggregate(step=Min("first_step"))["step"]


def latest(run: Run, count: int) -> list[Row]:
    """The last rows, newest first."""
    return [row for row in map(lines.load, reversed(streams.tail(run, Stream.HISTORY, count))) if row is not None]


def _with_keys(
    run: Run, keys: Sequence[str], min_step: int | None, max_step: int | None, *, wants_all: bool
) -> Iterator[Row]:
    wanted = dict.fromkeys(keys)
    names = [text for key in wanted for text in history_keys.texts_in_lines(key)]
    end = None if max_step is None else max_step + 1
    for text in _scan(run, min_step, end, wants_all=wants_all):
        if not all(name in text for name in names):
            continue
        row = lines.load(text)
        if row is None or not _is_between(row, min_step, end):
            continue
        values = row if all(key in row for key in wanted) else dict(history_keys.flatten(row))
        if all(key in values for key in wanted):
            yield {key: values[key] for key in wanted}


def _scan(run: Run, min_step: int | None, end: int | None, *, wants_all: bool) -> Iterator[str]:
    """The lines of the chunks with such steps: `MAX_SCANNED_BYTES` of them, or `TooLarge` where all are wanted."""
    found = chunks.batches(run, Stream.HISTORY, min_step=min_step, max_step=end)
    kept = chunks.spread(found, MAX_SCANNED_BYTES)
    if wants_all and len(kept) < len(found):
        raise _too_many_bytes()
    for batch in kept:
        for _, text in chunks.read(run, Stream.HISTORY, batch[0].first_line, batch[-1].end_line):
            yield text


def _too_many_bytes() -> errors.TooLarge:
    message = f"The rows between these steps have more than {MAX_READ_BYTES // 2**20} MiB: ask for fewer steps at once."
    return errors.TooLarge(message)


def _is_between(row: Row, min_step: int | None, max_step: int | None) -> bool:
    if min_step is None and max_step is None:
        return True
    step = lines.step_of(row)
    return step is not None and (min_step is None or step >= min_step) and (max_step is None or step < max_step)


__all__ = [
    "STEP",
    "Page",
    "append",
    "first_step",
    "keys",
    "latest",
    "only",
    "page",
    "read",
    "rewind",
    "sample",
    "samples",
    "spread",
]
