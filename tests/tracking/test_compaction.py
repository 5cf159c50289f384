"""Workers move chunks to the object store: whatever happens meanwhile, each line is read once, and no bytes stay."""

import json

import pytest

from accounts.actor import Actor
from artifacts import storage
from artifacts.errors import StoreUnavailable
from artifacts.models import StoredObject
from projects import projects, runs
from projects.models import Run, State
from tracking import chunks, compaction, garbage, history, streams
from tracking.models import RunChunk, RunStream, Stream
from tracking.models.stream import MAX_CHUNKS


def console(bob, run: Run, first: int, count: int) -> None:
    streams.append(
        Actor(bob), run, Stream.CONSOLE, first, [f"{number} " + "x" * 1000 for number in range(first, first + count)]
    )


def numbers(run: Run) -> list[int]:
    found = list(chunks.read_all(run, Stream.CONSOLE))
    assert all(text.startswith(f"{number} x") for number, text in found)
    return [number for number, _ in found]


def test_a_stream_of_many_chunks_is_compacted_while_the_run_goes_on(stored, run, bob, work):
    for first in range(0, 6000, 2000):
        console(bob, run, first, 2000)
    assert RunStream.objects.get().chunk_count > MAX_CHUNKS
    work()

    state, moved = RunStream.objects.get(), RunChunk.objects.exclude(object=None)
    assert state.chunk_count == RunChunk.objects.filter(object=None).count() == 16
    assert state.pending_size == sum(RunChunk.objects.filter(object=None).values_list("size", flat=True))
    assert moved.count() == len(stored()) == 1
    assert numbers(run) == list(range(6000))
    console(bob, run, 6000, 10)
    assert numbers(run) == list(range(6010))
    assert streams.tail(run, Stream.CONSOLE, 6010) == [text for _, text in chunks.read_all(run, Stream.CONSOLE)]
    # Nothing is left to do.
    assert compaction.runs_with_work() == set()


def test_what_a_run_that_ended_streamed_becomes_objects_unless_it_is_little(stored, run, bob, work):
    console(bob, run, 0, 3000)
    streams.append(Actor(bob), run, Stream.HISTORY, 0, ['{"_step": 0}'])
    work()
    assert stored() == []
    runs.finish(Actor(bob), run, State.FINISHED)
    work()

    assert RunChunk.objects.filter(stream=Stream.CONSOLE).get().body is None
    assert RunChunk.objects.filter(stream=Stream.HISTORY).get().object is None
    assert [key.rpartition("/")[0] for key in stored()] == [f"projects/{run.project_id}/runs/{run.pk}/console"]
    assert numbers(run) == list(range(3000))
    obj = StoredObject.objects.get(kind=StoredObject.Kind.RUN)
    assert (obj.state, obj.size) == (StoredObject.State.UPLOADED, storage.get_file_info(obj.key).size)


def test_objects_are_of_a_bounded_size_and_end_at_gaps(stored, run, bob, work, monkeypatch):
    monkeypatch.setattr(compaction, "MAX_OBJECT_BYTES", 150_000)
    console(bob, run, 0, 500)
    console(bob, run, 600, 10)
    runs.finish(Actor(bob), run, State.FINISHED)
    work()

    sizes = list(RunChunk.objects.order_by("end_line").values_list("first_line", "end_line", "size"))
    assert max(size for *_, size in sizes) <= 150_000
    assert sizes[-1][:2] == (600, 610) and len(sizes) == len(stored()) > 3
    assert numbers(run) == [*range(500), *range(600, 610)]


def test_lines_that_come_while_a_worker_moves_others_win(stored, run, bob, work, monkeypatch):
    console(bob, run, 0, 200)
    runs.finish(Actor(bob), run, State.FINISHED)
    upload = storage.upload_file

    def interrupted(key: str, body: bytes) -> None:
        upload(key, body)
        streams.append(Actor(bob), run, Stream.CONSOLE, 100, ["100 x, but late"])

    monkeypatch.setattr(storage, "upload_file", interrupted)
    work()
    assert RunChunk.objects.exclude(object=None).count() == 0
    assert len(stored()) == 1
    monkeypatch.undo()
    work()
    assert streams.tail(run, Stream.CONSOLE, 100)[0] == "100 x, but late"
    assert numbers(run) == list(range(200))


@pytest.mark.parametrize("step", ["upload_file", "download_file"])
def test_a_worker_that_dies_anywhere_costs_no_line_and_leaves_only_garbage(
    differences, stored, run, bob, work, monkeypatch, step, collect_garbage
):
    class Died(BaseException):
        pass

    def die(*args: object) -> None:
        raise Died

    console(bob, run, 0, 200)
    runs.finish(Actor(bob), run, State.FINISHED)
    monkeypatch.setattr(storage, step, die)
    with pytest.raises(Died):
        work()
    monkeypatch.undo()

    assert numbers(run) == list(range(200))
    assert differences() == ([], [])
    work()
    assert RunChunk.objects.get().body is None
    collect_garbage(hours=3)
    assert StoredObject.objects.count() == len(stored()) == 1
    assert numbers(run) == list(range(200))


def test_a_store_that_is_away_leaves_the_lines_in_the_database(run, bob, work, store):
    console(bob, run, 0, 200)
    runs.finish(Actor(bob), run, State.FINISHED)
    store.stop()
    with pytest.raises(StoreUnavailable):
        work()
    assert numbers(run) == list(range(200))


def test_the_objects_of_deleted_runs_and_projects_go_too(stored, run, bob, alice, project, work, collect_garbage):
    other = runs.start(Actor(bob), project)
    for one in (run, other):
        console(bob, one, 0, 200)
        runs.finish(Actor(bob), one, State.FINISHED)
    work()
    assert len(stored()) == 2
    runs.delete(Actor(bob), run)
    collect_garbage(hours=1)
    assert len(stored()) == 2
    collect_garbage(hours=2)
    assert [chunk.object.key for chunk in RunChunk.objects.all()] == stored()
    assert numbers(other) == list(range(200))

    projects.delete(Actor(alice), project)
    collect_garbage(hours=3)
    assert stored() == [] and not StoredObject.objects.exists()


def test_who_reads_an_object_has_time_although_another_has_replaced_it(stored, run, bob, work, collect_garbage):
    console(bob, run, 0, 200)
    runs.finish(Actor(bob), run, State.FINISHED)
    work()
    former = RunChunk.objects.select_related("object").get()
    collect_garbage(hours=30)
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, ["0 x, but late"])

    garbage.delete_orphans()
    assert len(chunks.load(former)) == 200
    collect_garbage(hours=3)
    assert stored() == []


def test_reconcile_knows_the_objects_of_runs(differences, stored, run, bob, work):
    console(bob, run, 0, 200)
    runs.finish(Actor(bob), run, State.FINISHED)
    work()
    assert differences() == ([], [])

    [key] = stored()
    storage.delete_file(key)
    stray = f"projects/{run.project_id}/runs/{run.pk}/console/stray.jsonl.gz"
    storage.upload_file(stray, b"x")
    assert differences() == ([stray], [key])


def test_a_page_of_a_compacted_history_has_what_fits(run, bob, work, api):
    rows = [{"_step": step, "text": "x" * 100} for step in range(1500)]
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [json.dumps(row) for row in rows])
    runs.finish(Actor(bob), run, State.FINISHED)
    work()
    found, cursor = [], ""
    while cursor is not None:
        page = api(bob).get(f"/api/v1/runs/{run.pk}/history?limit=400{cursor and '&cursor='}{cursor}").json()
        found += page["items"]
        cursor = page["next_cursor"]
    assert found == rows
    assert history.read(run, min_step=700, max_step=702, limit=9) == rows[700:702]
