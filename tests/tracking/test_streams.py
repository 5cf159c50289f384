"""Lines of a run arrive in ranges, replace what was there, and are read back, wherever they are kept."""

import json

import pytest

from accounts import errors
from accounts.actor import Actor
from artifacts import storage
from artifacts.models import StoredObject
from core import long_values
from projects import runs
from projects.models import Run, State
from tracking import chunks, console, history, lines, streams
from tracking.errors import HistoryFull, StreamFull
from tracking.models import RunChunk, RunStream, Stream


def line(step: int, **values) -> str:
    return json.dumps({"_step": step, **values})


def numbered(run: Run, stream: Stream = Stream.HISTORY) -> list[tuple[int, str]]:
    return list(chunks.read_all(run, stream))


def texts(run: Run, stream: Stream = Stream.CONSOLE) -> list[str]:
    return [text for _, text in numbered(run, stream)]


def test_lines_are_appended_and_a_repeated_request_changes_nothing(run, bob):
    for _ in range(2):
        streams.append(Actor(bob), run, Stream.HISTORY, 0, [line(0, loss=1), line(1, loss=0.5)])
    kept = list(RunChunk.objects.values_list("pk", flat=True))
    streams.append(Actor(bob), run, Stream.HISTORY, 1, [line(1, loss=0.5)])

    assert list(RunChunk.objects.values_list("pk", flat=True)) == kept
    assert numbered(run) == [(0, line(0, loss=1)), (1, line(1, loss=0.5))]
    assert streams.line_counts(run) == {Stream.HISTORY: 2, Stream.EVENTS: 0, Stream.CONSOLE: 0}
    assert (run.history_row_count, run.last_step) == (2, 1)


def test_the_streams_of_a_run_are_counted_each_for_itself(run, bob):
    streams.append(Actor(bob), run, Stream.EVENTS, 0, ['{"system.cpu": 3, "_runtime": 1}'])
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, ["2026-05-03T12:00:00.000000 hello", ""])

    assert streams.line_counts(run) == {Stream.HISTORY: 0, Stream.EVENTS: 1, Stream.CONSOLE: 2}
    assert streams.tail(run, Stream.EVENTS, 1) == ['{"system.cpu": 3, "_runtime": 1}']
    assert texts(run) == ["2026-05-03T12:00:00.000000 hello", ""]
    assert (run.history_row_count, run.last_step) == (0, None)


def test_a_range_replaces_what_was_there(run, bob, monkeypatch):
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 4)
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, [f"old {number}" for number in range(12)])
    streams.append(Actor(bob), run, Stream.CONSOLE, 3, [f"new {number}" for number in range(3, 9)])

    assert texts(run) == [f"{'new' if 3 <= number < 9 else 'old'} {number}" for number in range(12)]
    streams.append(Actor(bob), run, Stream.CONSOLE, 11, ["new 11", "new 12"])
    assert texts(run)[10:] == ["old 10", "new 11", "new 12"]
    assert streams.line_count(run, Stream.CONSOLE) == 13
    state = RunStream.objects.get(stream=Stream.CONSOLE)
    assert state.chunk_count == RunChunk.objects.count()
    assert state.size == state.pending_size == sum(map(len, texts(run)))


def test_lines_that_never_came_leave_a_gap_which_late_ones_fill(run, bob):
    streams.append(Actor(bob), run, Stream.CONSOLE, 5, ["five"])
    streams.append(Actor(bob), run, Stream.CONSOLE, 1, ["one", "two"])
    assert numbered(run, Stream.CONSOLE) == [(1, "one"), (2, "two"), (5, "five")]
    assert streams.line_count(run, Stream.CONSOLE) == 6

    streams.append(Actor(bob), run, Stream.CONSOLE, 2, ["two", "three", "four", "FIVE"])
    assert numbered(run, Stream.CONSOLE) == [(1, "one"), (2, "two"), (3, "three"), (4, "four"), (5, "FIVE")]


def test_the_first_lines_remain_when_a_stream_is_cut(run, bob):
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [line(step, loss=step) for step in range(10)])
    history.rewind(Actor(bob), run, 5)

    assert streams.line_count(run, Stream.HISTORY) == 6
    assert (run.history_row_count, run.last_step) == (6, 5)
    assert history.keys(run)["keys"]["loss"]["typeCounts"] == [{"type": "number", "count": 6}]
    history.rewind(Actor(bob), run, 5)
    streams.truncate(Actor(bob), run, Stream.HISTORY, 60)
    assert streams.line_count(run, Stream.HISTORY) == 6


def test_what_json_has_not_is_kept_as_texts(run, bob):
    sent = [
        '{"_step": 0, "loss": NaN, "deep": {"list": [Infinity, -Infinity]}}',
        '{"_step": 1, "loss": 1e999}',
        '{"_step": 2, "half": "\\ud83d", "NUL": "\\u0000"}',
        '{"_step": 3,\n"loss": 1}',
    ]
    streams.append(Actor(bob), run, Stream.HISTORY, 0, sent)
    assert history.read(run, limit=10) == [
        {"_step": 0, "loss": "NaN", "deep": {"list": ["Infinity", "-Infinity"]}},
        {"_step": 1, "loss": "Infinity"},
        {"_step": 2, "half": "?", "NUL": "\0"},
        {"_step": 3, "loss": 1},
    ]
    assert "NaN" not in json.dumps([json.loads(text) for text in texts(run, Stream.HISTORY)]).replace('"NaN"', "")
    streams.append(Actor(bob), run, Stream.HISTORY, 0, sent)
    assert RunStream.objects.get().revision == 0


def test_what_is_no_row_is_kept_and_not_read(run, bob):
    strange = ["", "[]", '"text"', "{", "[" * 100_000, '{"a":' * 70 + "1" + "}" * 70, "1" * 5000]
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [*strange, line(7), '{"_step": true}', '{"_step": 2.0}'])

    assert streams.line_count(run, Stream.HISTORY) == 10
    assert history.read(run, limit=10) == [{"_step": 7}, {"_step": True}, {"_step": 2.0}]
    assert history.read(run, min_step=2, limit=10) == [{"_step": 7}, {"_step": 2.0}]
    assert history.latest(run, 5) == [{"_step": 2.0}, {"_step": True}, {"_step": 7}]
    assert history.spread(run, 10) == [{"_step": 7}, {"_step": True}, {"_step": 2.0}]
    kept = texts(run, Stream.HISTORY)
    streams.append(Actor(bob), run, Stream.HISTORY, 3, [line(3)])
    assert texts(run, Stream.HISTORY) == [*kept[:3], line(3), *kept[4:]]


def test_who_may_not_edit_appends_nothing(run, vera, mallory):
    for user in (vera, mallory):
        with pytest.raises(errors.Denied):
            streams.append(Actor(user), run, Stream.HISTORY, 0, [line(0)])
        with pytest.raises(errors.Denied):
            streams.truncate(Actor(user), run, Stream.HISTORY, 0)
        with pytest.raises(errors.Denied):
            history.rewind(Actor(user), run, 0)
    assert not RunStream.objects.exists()


def test_a_stream_has_bounds_each_with_a_sentence(run, bob, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 100)
    with pytest.raises(errors.TooLarge, match="A line of a run has at most"):
        streams.append(Actor(bob), run, Stream.CONSOLE, 0, ["x" * 101])
    monkeypatch.setattr(streams, "MAX_APPENDED_BYTES", 150)
    with pytest.raises(errors.TooLarge, match="lines at once"):
        streams.append(Actor(bob), run, Stream.CONSOLE, 0, ["x" * 100, "y" * 100])
    monkeypatch.setattr(streams, "MAX_BYTES", 120)
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, ["x" * 100])
    with pytest.raises(StreamFull, match="The console of a run has at most"):
        streams.append(Actor(bob), run, Stream.CONSOLE, 1, ["x" * 100])
    with pytest.raises(HistoryFull, match="5,000,000 rows"):
        streams.append(Actor(bob), run, Stream.HISTORY, 5_000_000, [line(0)])
    with pytest.raises(StreamFull, match="5,000,000 lines"):
        streams.append(Actor(bob), run, Stream.EVENTS, 2**70, ["{}"])
    with pytest.raises(errors.Invalid):
        streams.append(Actor(bob), run, Stream.CONSOLE, -1, ["x"])
    assert texts(run) == ["x" * 100]
    assert streams.line_counts(run) == {Stream.HISTORY: 0, Stream.EVENTS: 0, Stream.CONSOLE: 1}


def test_what_is_read_of_a_long_stream_is_bounded_in_bytes(run, bob, monkeypatch):
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 5)
    monkeypatch.setattr(chunks, "_BATCH_BYTES", 500)
    monkeypatch.setattr(history, "MAX_SCANNED_BYTES", 2_000)
    rows = [line(number, text=f"{number:0100}") for number in range(100)]
    streams.append(Actor(bob), run, Stream.HISTORY, 0, rows)

    kept = chunks.spread(chunks.batches(run, Stream.HISTORY), 2_000)
    assert 1_000 < sum(one.size for batch in kept for one in batch) <= 2_000
    found = [row["_step"] for row in history.spread(run, 10)]
    assert len(found) == 10 and found == sorted(found) and (found[0], found[-1]) == (0, 99)
    assert [row["_step"] for row in history.spread(run, 1)] == [0]

    found = [row["_step"] for row in history.sample(run, ["_step", "text"], 10)]
    assert len(found) == 10 and (found[0], found[-1]) == (0, 99)
    assert len(history.sample(run, ["_step", "text"], 10, 20, 29)) == 10
    with pytest.raises(errors.TooLarge, match="fewer steps"):
        history.sample(run, ["_step", "text"], 100, 0, 99)
    monkeypatch.setattr(history, "MAX_READ_BYTES", 2_000)
    assert len(history.read(run, min_step=20, max_step=30, limit=100)) == 10
    with pytest.raises(errors.TooLarge, match="fewer steps"):
        history.read(run, min_step=0, max_step=100, limit=100)


def test_fewer_rows_are_chosen_where_they_are_large(run, bob, monkeypatch):
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [line(number, text="x" * 100) for number in range(100)])
    monkeypatch.setattr(long_values, "MAX_PAGE_BYTES", 3_000)
    found = history.spread(run, 100)
    assert 10 < len(found) < 30
    assert found[0]["_step"] == 0


def test_the_end_of_a_console_is_bounded_in_bytes(run, bob, monkeypatch):
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 5)
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, [f"{number:0100}" for number in range(100)])
    monkeypatch.setattr(streams, "MAX_TAIL_BYTES", 1_600)
    monkeypatch.setattr(console, "MAX_BYTES", 1_600)
    assert [one.number for one in console.read(run, last=50)] == list(range(85, 100))
    assert [one.number for one in console.read(run, last=3)] == [97, 98, 99]
    assert [one.number for one in console.read(run, first=50, after=9)] == list(range(10, 26))


def test_a_long_stream_is_cut_in_turns(run, bob, monkeypatch):
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 5)
    monkeypatch.setattr(streams, "MAX_TRUNCATED_BYTES", 400)
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [line(number, loss=number) for number in range(100)])
    assert len(streams._truncation_turns(run, Stream.HISTORY, 12)) > 3
    history.rewind(Actor(bob), run, 11)
    assert numbered(run) == [(number, line(number, loss=number)) for number in range(12)]
    run.refresh_from_db()
    assert (run.history_row_count, run.last_step) == (12, 11)
    assert history.keys(run)["keys"]["loss"]["typeCounts"] == [{"type": "number", "count": 12}]


def test_json_with_many_values_is_refused_before_it_is_built(run, bob, monkeypatch):
    monkeypatch.setattr(lines, "MAX_CONTAINERS", 50)
    monkeypatch.setattr(lines, "MAX_VALUES", 200)
    texts = [line(0, text="[" * 1_000), line(1, values=[0] * 100)]
    streams.append(Actor(bob), run, Stream.HISTORY, 0, texts)
    for values in ([[]] * 60, [0] * 300):
        with pytest.raises(errors.TooLarge, match="lists and objects"):
            streams.append(Actor(bob), run, Stream.HISTORY, 2, [line(2, values=values)])
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, ["[" * 1_000])


def test_lines_arrive_also_after_the_end_but_not_after_the_deletion(run, bob):
    runs.finish(Actor(bob), run, State.FINISHED)
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, ["late"])
    assert texts(run) == ["late"]
    runs.delete(Actor(bob), run)
    assert not RunChunk.objects.exists() and not RunStream.objects.exists()
    run.pk = run.id = Run(project=run.project).pk
    with pytest.raises(errors.Missing):
        streams.append(Actor(bob), run, Stream.CONSOLE, 1, ["later"])


def test_an_append_costs_the_same_number_of_queries_however_long_the_stream_is(run, bob, django_assert_num_queries):
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [line(step, text="x" * 200) for step in range(2000)])
    with django_assert_num_queries(10):
        streams.append(Actor(bob), run, Stream.HISTORY, 2000, [line(2000)])


def test_late_lines_bring_a_range_back_from_the_object_store(run, bob, work):
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [line(step, text="x" * 200) for step in range(1000)])
    runs.finish(Actor(bob), run, State.FINISHED)
    work()
    assert list(RunChunk.objects.values_list("body", flat=True)) == [None]

    streams.append(Actor(bob), run, Stream.HISTORY, 500, [line(500, late=True)])
    assert RunChunk.objects.filter(object=None).count() == RunChunk.objects.count() > 1
    assert [row["_step"] for row in history.read(run, limit=2000)] == list(range(1000))
    assert history.read(run, min_step=500, max_step=501, limit=2) == [{"_step": 500, "late": True}]
    work()
    assert list(RunChunk.objects.values_list("body", flat=True)) == [None]
    assert history.read(run, min_step=500, max_step=501, limit=2) == [{"_step": 500, "late": True}]
    # What was sent again as it is brings nothing back.
    streams.append(Actor(bob), run, Stream.HISTORY, 999, [line(999, text="x" * 200), line(1000)])
    assert RunChunk.objects.filter(object=None).get().first_line == 1000
    assert StoredObject.objects.filter(kind=StoredObject.Kind.RUN).count() == 2
    assert len(list(storage.list_files(f"projects/{run.project_id}/runs/{run.pk}/history/"))) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-03T12:00:00.000000 hello  world ", ("2026-05-03T12:00:00.000000", "info", "", "hello  world ")),
        ("ERROR 2026-05-03T12:00:00.000000 oh", ("2026-05-03T12:00:00.000000", "error", "", "oh")),
        ("2026-05-03T12:00:00.000000 [node-1] hello", ("2026-05-03T12:00:00.000000", "info", "node-1", "hello")),
        ("2026-05-03T12:00:00.000000 ", ("2026-05-03T12:00:00.000000", "info", "", "")),
        ("2026-05-03T12:00:00.000000", ("2026-05-03T12:00:00.000000", "info", "", "")),
        ("no form at all", ("", "info", "", "no form at all")),
    ],
)
def test_console_lines_say_when_and_whether_they_are_errors(text, expected):
    assert console.parse(3, text) == (3, *expected)


def test_a_console_is_read_from_both_ends(run, bob, monkeypatch):
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 4)
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, [f"line {number}" for number in range(10)])

    assert [(one.number, one.text) for one in console.read(run, first=2)] == [(0, "line 0"), (1, "line 1")]
    assert [one.number for one in console.read(run, first=3, after=4)] == [5, 6, 7]
    assert [one.number for one in console.read(run, last=6)] == [4, 5, 6, 7, 8, 9]
    assert [one.number for one in console.read(run)] == list(range(10))
    monkeypatch.setattr(console, "MAX_LINES", 3)
    assert [one.number for one in console.read(run, first=9)] == [0, 1, 2]
    assert [one.number for one in console.read(run, last=9)] == [7, 8, 9]
    assert console.read(run, first=3, after=20) == []
