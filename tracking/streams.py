"""The verbs of a run's streams: lines arrive in ranges, which replace what was there, and are read from their end.

What arrives is kept in chunks in the database, which are filled up; `compaction` moves them to the object store. All
that is written is written under the lock of the run.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.dispatch import Signal
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from artifacts.models import StoredObject
from core import errors
from projects.models import Run
from tracking import chunks, history_keys, lines
from tracking.errors import HistoryFull, StreamFull
from tracking.lines import Line
from tracking.models import RunChunk, RunStream, Stream
from tracking.models.stream import MAX_CHUNKS, MAX_PLAIN_LINES, SERIES_LAG

# Of a stream.
MAX_LINES = 5_000_000
MAX_BYTES = 2**30
# Of what one call brings.
MAX_APPENDED_BYTES = 32 * 2**20
# Of what is read from the end of a stream, unless one chunk alone has more.
MAX_TAIL_BYTES = 8 * 2**20
# Of what is forgotten in one transaction, unless one chunk alone has more.
MAX_TRUNCATED_BYTES = 16 * 2**20
# A run that sends a line every few seconds fills a chunk up, instead of making one for each.
MAX_CHUNK_LINES = 1000
MAX_CHUNK_BYTES = 2**16

# Sent with `run` in the transaction, where workers have something to do for one of its streams.
grown = Signal()


def append(actor: Actor, run: Run, stream: Stream, offset: int, texts: Sequence[str]) -> None:
    """Put these lines in place of those from number `offset` on; also after the run has ended.

    Lines that are there already change nothing, so that a request can be repeated. A history's lines are rows in JSON;
    what is none is kept, and not read. Raises `TooLarge`, `HistoryFull` or `StreamFull`, `StoreUnavailable`.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    if offset < 0:
        raise errors.Invalid("Lines are numbered from 0.")
    if stream != Stream.CONSOLE:
        lines.require_few_values(texts)
    new = lines.parse(stream, texts)
    if sum(line.size for line in new) > MAX_APPENDED_BYTES:
        raise errors.TooLarge(f"A run takes at most {MAX_APPENDED_BYTES // 2**20} MiB of lines at once.")
    if new:
        _replace(run, stream, offset, offset + len(new), new)


def truncate(actor: Actor, run: Run, stream: Stream, line_count: int) -> None:
    """Forget all lines but the first `line_count`; the last ones first, some MiB in a transaction. Safe to repeat."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    for start in _truncation_turns(run, stream, line_count):
        _replace(run, stream, start, None, [])


def line_count(run: Run, stream: Stream) -> int:
    """The number that the next line will have."""
    found = RunStream.objects.filter(run=run, stream=stream).values_list("line_count", flat=True).first()
    return found or 0


def line_counts(run: Run) -> dict[Stream, int]:
    """The same for each stream, by one query."""
    found = dict(RunStream.objects.filter(run=run).values_list("stream", "line_count"))
    return {stream: found.get(stream, 0) for stream in Stream}


def tail(run: Run, stream: Stream, count: int) -> list[str]:
    """The last lines, oldest first."""
    return [text for _, text in numbered_tail(run, stream, count)]


def numbered_tail(run: Run, stream: Stream, count: int) -> list[tuple[int, str]]:
    """The last lines with their numbers, oldest first; fewer than `count` where these have over `MAX_TAIL_BYTES`."""
    rows = RunChunk.objects.of(run, stream).reverse().values_list("first_line", "end_line", "size")
    newest = list(map(chunks.Range._make, rows[:count]))
    missing, size, start = count, 0, 0
    for one in newest:
        size += one.size
        if size > MAX_TAIL_BYTES and missing < count:
            break
        start = max(one.first_line, one.end_line - missing)
        missing -= one.end_line - start
        if not missing:
            break
    return list(chunks.read(run, stream, start, newest[0].end_line)) if newest else []


def lock(run: Run) -> Run:
    """The run as it is now; until the end of the transaction nobody else writes to its streams."""
    locked = Run.objects.select_for_update(no_key=True).filter(pk=run.pk).first()
    if locked is None:
        raise errors.Missing("The run has been deleted.")
    return locked


def extend(locked: Run, stream: Stream, new: Sequence[Line]) -> None:
    """Put lines behind the last one, in the caller's transaction, which has locked the run."""
    state = _state(locked, stream)
    _rewrite(locked, state, state.line_count, state.line_count + len(new), new, {})


def _truncation_turns(run: Run, stream: Stream, line_count: int) -> list[int]:
    """From which line on each turn forgets what is left."""
    rows = RunChunk.objects.of(run, stream).filter(end_line__gt=line_count).reverse()
    starts: list[int] = []
    size, start = 0, line_count
    for first_line, chunk_size in rows.values_list("first_line", "size"):
        if size and size + chunk_size > MAX_TRUNCATED_BYTES:
            starts.append(start)
            size = 0
        size, start = size + chunk_size, first_line
    return [*starts, line_count]


def _replace(run: Run, stream: Stream, start: int, stop: int | None, new: Sequence[Line]) -> None:
    """Put the new lines in place of those from `start` up to `stop`, or to the end.

    Lines that are in the object store are fetched before the transaction. Others may have moved some there until it
    begins, which are fetched then, and it begins again.
    """
    fetched: dict[UUID, list[str]] = {}
    while True:
        with transaction.atomic():
            locked = lock(run)
            state = _state(locked, stream)
            end = max(start, state.line_count) if stop is None else stop
            missing = _rewrite(locked, state, start, end, new, fetched)
        if not missing:
            break
        fetched |= {chunk.pk: chunks.load(chunk) for chunk in missing}
    for column in ("history_row_count", "last_step", "heartbeat_at"):
        setattr(run, column, getattr(locked, column))


def _state(run: Run, stream: Stream) -> RunStream:
    return RunStream.objects.filter(run=run, stream=stream).first() or RunStream(run=run, stream=stream)


class _Cut(NamedTuple):
    """What is left and right of a range in the chunks that it falls in, and what was in it."""

    first_line: int
    left: list[str]
    replaced: list[str]
    right: list[str]


def _rewrite(
    run: Run, state: RunStream, start: int, stop: int, new: Sequence[Line], fetched: dict[UUID, list[str]]
) -> list[RunChunk]:
    """Replace the lines; returns instead the chunks of which the lines have to be fetched first, if there are any."""
    stream = Stream(state.stream)
    if stop > MAX_LINES:
        raise _full(state)
    if not new and start >= state.line_count:
        return []
    # Also the one that ends where they begin: it may have room.
    touched = list(
        RunChunk.objects.of(run, stream).filter(end_line__gte=start, first_line__lt=stop).select_related("object")
    )
    before = touched[0] if touched and touched[0].end_line == start else None
    overlapped = [chunk for chunk in touched if chunk.end_line > start]
    if missing := [chunk for chunk in overlapped if chunk.object_id and chunk.pk not in fetched]:
        return missing
    texts = {chunk.pk: fetched[chunk.pk] if chunk.object_id else chunks.load(chunk) for chunk in overlapped}
    # What is there already is left as it is: of lines that were sent again with new ones, these are all that is new.
    known = _count_known(overlapped, texts, start, new)
    if known:
        return _rewrite(run, state, start + known, stop, new[known:], fetched) if known < len(new) else []
    cut = _cut(overlapped, texts, start, stop)
    builder = _Builder(run, stream, cut.first_line)
    if cut.left:
        builder.add(lines.of_texts(stream, cut.left))
    elif before is not None and new and builder.can_fill(before, new[0]):
        builder.continue_with(before)
        overlapped.append(before)
    builder.add(new)
    builder.add(lines.of_texts(stream, cut.right))
    _delete(overlapped)
    written = RunChunk.objects.bulk_create(builder.finish())
    state.line_count = max(state.line_count, stop) if new else start
    # Lines that fill a gap replace none, but come before others as well.
    if cut.replaced or start < state.series_end:
        state.revision += 1
        state.series_end = 0
    _record(run, state, new, cut.replaced, overlapped, written)
    return []


def _count_known(overlapped: Sequence[RunChunk], texts: dict[UUID, list[str]], start: int, new: Sequence[Line]) -> int:
    """How many of the new lines, from the first one on, are there already."""
    count = 0
    for chunk in overlapped:
        if chunk.first_line > start + count:
            break
        for text in texts[chunk.pk][start + count - chunk.first_line :]:
            if count == len(new) or text != new[count].text:
                return count
            count += 1
    return count


def _cut(overlapped: Sequence[RunChunk], texts: dict[UUID, list[str]], start: int, stop: int) -> _Cut:
    left: list[str] = []
    replaced: list[str] = []
    right: list[str] = []
    for chunk in overlapped:
        found = texts[chunk.pk]
        begin, end = max(0, start - chunk.first_line), max(0, stop - chunk.first_line)
        left += found[:begin]
        replaced += found[begin:end]
        right += found[end:]
    first_line = min(start, overlapped[0].first_line) if overlapped else start
    return _Cut(first_line, left, replaced, right)


def _delete(doomed: Sequence[RunChunk]) -> None:
    RunChunk.objects.filter(pk__in=[chunk.pk for chunk in doomed]).delete()
    # Whoever reads such an object has the grace of garbage for it.
    objects = [chunk.object_id for chunk in doomed if chunk.object_id]
    if objects:
        StoredObject.objects.filter(pk__in=objects).update(created_at=timezone.now())


def _record(
    run: Run,
    state: RunStream,
    new: Sequence[Line],
    replaced: Sequence[str],
    deleted: Sequence[RunChunk],
    written: Sequence[RunChunk],
) -> None:
    """Keep the counts of the stream and of its run, and tell workers if there is something to do for them."""
    was_long = state.chunk_count > MAX_CHUNKS
    state.size += sum(chunk.size for chunk in written) - sum(chunk.size for chunk in deleted)
    pending = [chunk for chunk in deleted if chunk.object_id is None]
    state.chunk_count += len(written) - len(pending)
    state.pending_size += sum(chunk.size for chunk in written) - sum(chunk.size for chunk in pending)
    if state.size > MAX_BYTES:
        raise _full(state)
    if state.stream == Stream.HISTORY:
        rows = [line.row for line in new if line.row is not None]
        history_keys.update(state.keys, rows, filter(None, map(lines.load, replaced)))
        _record_on_run(run, state, [line.step for line in new if line.step is not None], bool(replaced))
    state.save()
    if (state.chunk_count > MAX_CHUNKS and not was_long) or _has_fallen_behind(state, len(new)):
        grown.send(RunStream, run=run)


def _has_fallen_behind(state: RunStream, new: int) -> bool:
    """Whether by these new lines the series are a full `SERIES_LAG` behind, once more."""
    lag = state.line_count - state.series_end
    is_long = state.stream == Stream.HISTORY and state.line_count > MAX_PLAIN_LINES
    return is_long and lag // SERIES_LAG > (lag - new) // SERIES_LAG


def _record_on_run(run: Run, state: RunStream, steps: Sequence[int], was_replaced: bool) -> None:
    if was_replaced:
        run.last_step = RunChunk.objects.of(run, Stream.HISTORY).aggregate(step=Max("last_step"))["step"]
    elif steps:
        run.last_step = max(steps) if run.last_step is None else max(run.last_step, *steps)
    run.history_row_count = state.line_count
    run.heartbeat_at = timezone.now() if run.finished_at is None else run.heartbeat_at
    run.save(update_fields=["history_row_count", "last_step", "heartbeat_at"])


def _full(state: RunStream) -> StreamFull:
    if state.stream == Stream.HISTORY:
        return HistoryFull(f"The history of a run has at most {MAX_LINES:,} rows and {MAX_BYTES // 2**30} GiB.")
    name = state.get_stream_display().lower()
    return StreamFull(f"The {name} of a run has at most {MAX_LINES:,} lines and {MAX_BYTES // 2**30} GiB.")


class _Builder:
    """The chunks that lines fill, from number `first_line` on."""

    def __init__(self, run: Run, stream: Stream, first_line: int) -> None:
        self._run = run
        self._stream = stream
        self._first_line = first_line
        self._texts: list[str] = []
        self._size = 0
        self._steps: list[int] = []
        self._chunks: list[RunChunk] = []

    def can_fill(self, chunk: RunChunk, line: Line) -> bool:
        """Whether the chunk has room for the line."""
        has_room = chunk.line_count < MAX_CHUNK_LINES and chunk.size + line.size <= MAX_CHUNK_BYTES
        return has_room and chunk.object_id is None

    def continue_with(self, chunk: RunChunk) -> None:
        """Begin with the lines of a chunk that is not full."""
        self._first_line, self._size, self._texts = chunk.first_line, chunk.size, chunks.load(chunk)
        self._steps = [step for step in (chunk.first_step, chunk.last_step) if step is not None]

    def add(self, new: Iterable[Line]) -> None:
        for line in new:
            is_full = len(self._texts) >= MAX_CHUNK_LINES or self._size + line.size > MAX_CHUNK_BYTES
            if self._texts and is_full:
                self._flush()
            self._texts.append(line.text)
            self._size += line.size
            if line.step is not None:
                self._steps.append(line.step)

    def finish(self) -> list[RunChunk]:
        if self._texts:
            self._flush()
        return self._chunks

    def _flush(self) -> None:
        end = self._first_line + len(self._texts)
        self._chunks.append(
            RunChunk(
                run=self._run,
                stream=self._stream,
                first_line=self._first_line,
                end_line=end,
                first_step=min(self._steps, default=None),
                last_step=max(self._steps, default=None),
                size=self._size,
                body=lines.compress(self._texts),
            )
        )
        self._first_line, self._texts, self._size, self._steps = end, [], 0, []
