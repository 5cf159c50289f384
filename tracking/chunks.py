"""Chunks of lines, read: which there are, and the lines that are in them, wherever these are."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from artifacts import storage
from core import errors
from projects.models import Run
from tracking import lines
from tracking.models import RunChunk, Stream

# What is in memory at once, compressed, unless one chunk alone has more.
_BATCH_BYTES = 4 * 2**20
_BACKWARDS_BATCH_BYTES = 2**20
_RANGES_A_QUERY = 1001


class Range(NamedTuple):
    """Where a chunk begins and ends, and the bytes of its lines."""

    first_line: int
    end_line: int
    size: int


def ranges(
    run: Run, stream: Stream, start: int = 0, *, min_step: int | None = None, max_step: int | None = None
) -> list[Range]:
    """The chunks with lines from number `start` on, up to `_RANGES_A_QUERY`; those that can have such steps only.

    Steps are at least `min_step` and less than `max_step`. One query.
    """
    chunks = RunChunk.objects.of(run, stream).filter(end_line__gt=start)
    if min_step is not None:
        chunks = chunks.filter(last_step__gte=min_step)
    if max_step is not None:
        chunks = chunks.filter(first_step__lt=max_step)
    return list(map(Range._make, chunks.values_list("first_line", "end_line", "size")[:_RANGES_A_QUERY]))


def read(run: Run, stream: Stream, start: int, stop: int) -> Iterator[tuple[int, str]]:
    """The lines from number `start` up to `stop`, each with its number. One query, and an object for each chunk in one.

    Chunks that a worker has put together meanwhile are read as they are now.
    """
    found = RunChunk.objects.of(run, stream).overlapping(start, stop).select_related("object")
    for chunk in found:
        texts = load(chunk)
        first, last = max(start, chunk.first_line), min(stop, chunk.end_line)
        for number in range(first, last):
            yield number, texts[number - chunk.first_line]


def read_all(
    run: Run, stream: Stream, start: int = 0, *, min_step: int | None = None, max_step: int | None = None
) -> Iterator[tuple[int, str]]:
    """All lines from number `start` on, a few MiB at a time, of the chunks that can have such steps."""
    while found := ranges(run, stream, start, min_step=min_step, max_step=max_step):
        for batch in _batches(found, _BATCH_BYTES):
            yield from read(run, stream, max(start, batch[0].first_line), batch[-1].end_line)
        start = found[-1].end_line


def batches(run: Run, stream: Stream, *, min_step: int | None = None, max_step: int | None = None) -> list[list[Range]]:
    """All chunks that can have such steps, in batches of a few MiB. A query for each 1,001 chunks."""
    found = more = ranges(run, stream, min_step=min_step, max_step=max_step)
    while len(more) == _RANGES_A_QUERY:
        more = ranges(run, stream, found[-1].end_line, min_step=min_step, max_step=max_step)
        found += more
    return list(_batches(found, _BATCH_BYTES)) if found else []


def spread(found: Sequence[list[Range]], max_bytes: int) -> list[list[Range]]:
    """As many of the batches as have `max_bytes` together, evenly spread, with the first and the last; at least one."""
    count, kept = len(found), list(found)
    while count > 1 and sum(one.size for batch in kept for one in batch) > max_bytes:
        count -= 1
        kept = [found[number] for number in evenly(len(found), count)]
    return kept


def evenly(count: int, samples: int) -> list[int]:
    """At most `samples` of the numbers below `count`, with the first and the last one."""
    if count <= samples:
        return list(range(count))
    if samples <= 1:
        return [0][:samples]
    return [round(number * (count - 1) / (samples - 1)) for number in range(samples)]


def read_backwards(run: Run, stream: Stream, end: int) -> Iterator[list[tuple[int, str]]]:
    """The lines in front of number `end`, the last ones first: lists of about 1 MiB, each in its own order.

    Chunks in the object store are larger. Who has seen enough asks for no further list, and nothing is read for it.
    """
    while end > 0:
        earlier = RunChunk.objects.of(run, stream).filter(first_line__lt=end).reverse()
        found = list(map(Range._make, earlier.values_list("first_line", "end_line", "size")[:_RANGES_A_QUERY]))
        if not found:
            return
        for batch in _batches(found, _BACKWARDS_BATCH_BYTES):
            yield list(read(run, stream, batch[-1].first_line, min(end, batch[0].end_line)))
        end = found[-1].first_line


def load(chunk: RunChunk) -> list[str]:
    """The lines of a chunk. Raises `StoreUnavailable`, where they are in the object store and it does not respond."""
    if chunk.object is None:
        return lines.decompress(bytes(chunk.body))
    texts = lines.decompress_object(b"".join(storage.download_file(chunk.object.key)))
    if len(texts) != chunk.line_count:
        raise errors.Unavailable(f"The object store has other bytes at {chunk.object.key!r} than were sent to it.")
    return texts


def _batches(found: Sequence[Range], max_bytes: int) -> Iterator[list[Range]]:
    batch: list[Range] = []
    size = 0
    for one in found:
        if batch and size + one.size > max_bytes:
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.size
    yield batch
