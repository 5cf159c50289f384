"""How workers move chunks from the database to the object store, many in one object.

The row of an object is there before its bytes, and rows of chunks are switched once the bytes have been read back: what
ends in between leaves an object that garbage collection takes, and never costs a line.
"""

import logging
from collections.abc import Iterator, Sequence
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from artifacts import storage
from artifacts.content import deletions
from artifacts.models import StoredObject
from core import errors
from projects.models import Run, State
from tracking import chunks, lines, series, streams
from tracking.models import RunChunk, RunStream, Stream

# Of an object, unless one chunk alone is larger.
MAX_OBJECT_BYTES = 8 * 2**20
# Of a stream that goes on, the last ones stay: lines at the end of a console are written again and again.
_KEPT_CHUNKS = 16

_log = logging.getLogger(__name__)


def compact(run_id: UUID) -> None:
    """Extend the series of a run, and move chunks of its streams that can go. May run twice, also at once."""
    series.update(run_id)
    for state in RunStream.objects.compactable().filter(run=run_id).select_related("run__project").order_by("stream"):
        _compact(state)


def runs_with_work() -> set[UUID]:
    """The runs of which no message may have told."""
    compactable = RunStream.objects.compactable().values_list("run", flat=True)
    return {*compactable, *RunStream.objects.unsampled().values_list("run", flat=True)}


def _compact(state: RunStream) -> None:
    ended = state.run.finished_at is not None or state.run.state == State.CRASHED
    pending = RunChunk.objects.of(state.run, Stream(state.stream)).filter(object=None)
    found = list(pending.defer("body"))
    for group in _groups(found if ended else found[: -_KEPT_CHUNKS or None]):
        _move(state.run, Stream(state.stream), group)


def _groups(found: Sequence[RunChunk]) -> Iterator[list[RunChunk]]:
    """The chunks that go into one object each: they follow one another without a gap."""
    group: list[RunChunk] = []
    for chunk in found:
        size = sum(one.size for one in group)
        if group and (chunk.first_line != group[-1].end_line or size + chunk.size > MAX_OBJECT_BYTES):
            yield group
            group = []
        group.append(chunk)
    if group:
        yield group


def _move(run: Run, stream: Stream, group: Sequence[RunChunk]) -> bool:
    """Write the lines of these chunks to an object, then switch to it; False where somebody else changed them."""
    rows = list(RunChunk.objects.filter(pk__in=[chunk.pk for chunk in group]).order_by("end_line"))
    if len(rows) != len(group):
        return False
    texts = [text for chunk in rows for text in chunks.load(chunk)]
    body = lines.compress_object(texts)
    key = f"{deletions.ROOT}{run.project_id}/runs/{run.pk}/{stream}/{uuid7()}.jsonl.gz"
    obj = StoredObject.objects.create(project_id=run.project_id, key=key, kind=StoredObject.Kind.RUN, size=len(body))
    storage.upload_file(key, body)
    if b"".join(storage.download_file(key)) != body:
        raise errors.Unavailable(f"The object store has other bytes at {key!r} than were sent to it.")
    return _switch(run, stream, rows, obj)


@transaction.atomic
def _switch(run: Run, stream: Stream, rows: Sequence[RunChunk], obj: StoredObject) -> bool:
    try:
        locked = streams.lock(run)
    except errors.Missing:
        return False
    pks = [chunk.pk for chunk in rows]
    # Where this worker took so long that its object is garbage, or lines were replaced, nothing changes.
    is_there = StoredObject.objects.select_for_update().filter(pk=obj.pk).exists()
    if not is_there or RunChunk.objects.filter(pk__in=pks).count() != len(pks):
        return False
    RunChunk.objects.filter(pk__in=pks).delete()
    steps = [step for chunk in rows for step in (chunk.first_step, chunk.last_step) if step is not None]
    size = sum(chunk.size for chunk in rows)
    RunChunk.objects.create(
        run=locked,
        stream=stream,
        first_line=rows[0].first_line,
        end_line=rows[-1].end_line,
        first_step=min(steps, default=None),
        last_step=max(steps, default=None),
        size=size,
        object=obj,
    )
    StoredObject.objects.filter(pk=obj.pk).update(state=StoredObject.State.UPLOADED)
    state = RunStream.objects.get(run=locked, stream=stream)
    state.chunk_count -= len(rows)
    state.pending_size -= size
    state.save(update_fields=["chunk_count", "pending_size"])
    return True
