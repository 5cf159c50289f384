"""Whatever is appended, replaced, cut and moved in whatever order: each line reads as it was sent last."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.actor import Actor
from projects import runs
from projects.models import Run, State
from tracking import chunks, compaction, streams
from tracking.models import RunChunk, RunStream, Stream, stream

TEXTS = st.text(st.characters(blacklist_characters="\n", blacklist_categories=["Cs"]), max_size=5)
APPENDS = st.tuples(st.just("append"), st.integers(0, 25), st.lists(TEXTS, min_size=1, max_size=8))
RESENDS = st.tuples(st.just("resend"), st.integers(0, 25), st.integers(1, 10))
CUTS = st.tuples(st.just("cut"), st.integers(0, 25))
STEPS = st.lists(st.one_of(APPENDS, APPENDS, RESENDS, CUTS, st.just(("compact",))), max_size=12)


@pytest.fixture
def small_chunks(monkeypatch) -> None:
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 3)
    monkeypatch.setattr(stream, "MIN_OBJECT_BYTES", 1)
    monkeypatch.setattr(compaction, "MAX_OBJECT_BYTES", 20)


def apply(bob, run: Run, known: dict[int, str], step: tuple[Any, ...]) -> int:
    """Do the step, also to what is `known`; returns how many lines the stream has after it."""
    name, *args = step
    count = streams.line_count(run, Stream.CONSOLE)
    if name == "append":
        offset, texts = args
        streams.append(Actor(bob), run, Stream.CONSOLE, offset, texts)
        known.update(enumerate(texts, offset))
        return max(count, offset + len(texts))
    if name == "resend":
        offset, length = args
        texts = [known.get(number, "") for number in range(offset, offset + length)]
        return apply(bob, run, known, ("append", offset, texts))
    if name == "cut":
        streams.truncate(Actor(bob), run, Stream.CONSOLE, args[0])
        for number in [number for number in known if number >= args[0]]:
            del known[number]
        return min(count, args[0])
    compaction.compact(run.pk)
    return count


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_lines_read_as_they_were_sent_last(project, bob, small_chunks, steps):
    run = runs.start(Actor(bob), project)
    # Workers take it for one that ended, so that they move whatever there is.
    Run.objects.filter(pk=run.pk).update(state=State.CRASHED)
    known: dict[int, str] = {}
    for step in steps:
        count = apply(bob, run, known, step)

        assert list(chunks.read_all(run, Stream.CONSOLE)) == sorted(known.items())
        assert streams.line_count(run, Stream.CONSOLE) == count
        assert streams.numbered_tail(run, Stream.CONSOLE, 4) == sorted(known.items())[-4:]
        found = RunChunk.objects.of(run, Stream.CONSOLE)
        ranges = list(found.values_list("first_line", "end_line"))
        assert all(end <= first for (_, end), (first, _) in pairwise(ranges))
        pending = found.filter(object=None)
        for state in RunStream.objects.filter(run=run):
            assert state.chunk_count == pending.count()
            assert state.pending_size == sum(pending.values_list("size", flat=True))
            assert state.size == sum(len(text.encode()) for text in known.values())
