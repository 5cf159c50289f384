"""Several processes write to one run at once, and workers move what they wrote: nothing is lost or there twice."""

import json
from uuid import uuid4

import pytest

from accounts.actor import Actor
from projects.models import Run, State
from tests.artifacts.client import at_once
from tracking import chunks, compaction, history, streams
from tracking.models import RunChunk, RunStream, Stream, stream

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch) -> None:
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 3)
    monkeypatch.setattr(stream, "MIN_OBJECT_BYTES", 1)


def test_writers_at_once_lose_nothing(run, bob):
    def write(name: str):
        def act() -> None:
            writer = uuid4()
            for number in range(10):
                history.append(Actor(bob), run, writer, number, [{"_step": number, "writer": name}])

        return act

    assert at_once(write("a"), write("b"), write("c")) == [None] * 3
    rows = history.read(run, limit=100)
    for name in "abc":
        assert [row["_step"] for row in rows if row["writer"] == name] == list(range(10))
    assert len(rows) == streams.line_count(run, Stream.HISTORY) == 30
    assert history.keys(run)["keys"]["writer"]["typeCounts"] == [{"type": "string", "count": 30}]


def test_lines_that_come_while_workers_move_others_are_all_there(run, bob):
    Run.objects.filter(pk=run.pk).update(state=State.CRASHED)

    def write() -> None:
        for number in range(15):
            streams.append(Actor(bob), run, Stream.CONSOLE, number, [f"line {number}", "progress"])

    def move() -> None:
        for _ in range(5):
            compaction.compact(run.pk)

    def read() -> None:
        for _ in range(10):
            found = list(chunks.read_all(run, Stream.CONSOLE))
            assert [number for number, _ in found] == list(range(len(found)))

    assert at_once(write, move, move, read) == [None] * 4
    compaction.compact(run.pk)
    assert [text for _, text in chunks.read_all(run, Stream.CONSOLE)] == [*(f"line {n}" for n in range(15)), "progress"]
    state = RunStream.objects.get()
    assert (state.chunk_count, state.pending_size) == (0, 0)
    assert not RunChunk.objects.filter(object=None).exists()


def test_the_same_lines_sent_twice_at_once_are_there_once(run, bob):
    rows = [json.dumps({"_step": step, "loss": 1}) for step in range(20)]

    def write() -> None:
        streams.append(Actor(bob), run, Stream.HISTORY, 0, rows)

    assert at_once(write, write, write) == [None] * 3
    assert streams.tail(run, Stream.HISTORY, 100) == rows
    assert history.keys(run)["keys"]["loss"]["typeCounts"] == [{"type": "number", "count": 20}]
