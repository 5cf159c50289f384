"""What a run logs step by step: rows arrive once, and are read in their order."""

from uuid import uuid4

import pytest

from accounts import errors
from accounts.actor import Actor
from core import long_values
from projects import projects, runs
from projects.models import Run, State, Visibility
from tracking import chunks, history, streams
from tracking.errors import HistoryFull
from tracking.models import HistoryWriter, RunChunk


def rows(*steps: int) -> list[dict[str, float]]:
    return [{"_step": step, "loss": 1 / (step + 1)} for step in steps]


def steps(run: Run, **query) -> list[int]:
    return [row["_step"] for row in history.page(run, **query).rows]


def test_rows_arrive_in_order_and_a_repeated_request_adds_none(run, bob):
    writer = uuid4()
    history.append(Actor(bob), run, writer, 0, rows(0, 1))
    history.append(Actor(bob), run, writer, 0, rows(0, 1))
    history.append(Actor(bob), run, writer, 1, rows(1, 2))  # of which the first has arrived
    history.append(Actor(bob), run, writer, 5, rows(5))  # some in between were given up

    assert steps(run) == [0, 1, 2, 5]
    assert (run.history_row_count, run.last_step) == (4, 5)
    assert history.page(run).rows[1] == {"_step": 1, "loss": 0.5}
    assert [row["_step"] for row in history.latest(run, 3)] == [5, 2, 1]


def test_several_writers_count_for_themselves(run, bob):
    for _ in range(2):
        history.append(Actor(bob), run, uuid4(), 0, rows(7, 8))

    assert steps(run) == [7, 8, 7, 8]
    assert RunChunk.objects.filter(run=run).count() == 1


def test_a_writer_without_rows_is_not_stored(run, bob, api):
    for _ in range(3):
        body = {"writer": str(uuid4()), "offset": 7, "rows": []}
        assert api(bob).post(f"/api/v1/runs/{run.pk}/history", body).json()["history_row_count"] == 0
    assert not HistoryWriter.objects.exists()


def test_batches_are_filled_up_and_end(run, bob, monkeypatch):
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 4)
    writer = uuid4()
    for start, end in [(0, 3), (3, 9), (9, 10)]:
        history.append(Actor(bob), run, writer, start, rows(*range(start, end)))

    found = RunChunk.objects.filter(run=run).order_by("end_line")
    assert [(chunk.first_line, chunk.end_line) for chunk in found] == [(0, 4), (4, 8), (8, 10)]
    assert [(chunk.first_step, chunk.last_step, len(chunks.load(chunk))) for chunk in found] == [
        (0, 3, 4),
        (4, 7, 4),
        (8, 9, 2),
    ]
    assert steps(run) == list(range(10))
    assert [row["_step"] for row in history.latest(run, 3)] == [9, 8, 7]


def test_a_large_row_has_a_batch_of_its_own(run, bob):
    large = {"_step": 1, "text": "x" * streams.MAX_CHUNK_BYTES}
    history.append(Actor(bob), run, uuid4(), 0, [*rows(0), large, *rows(2)])

    assert list(RunChunk.objects.order_by("end_line").values_list("first_line", "end_line")) == [(0, 1), (1, 2), (2, 3)]
    assert steps(run) == [0, 1, 2]


def test_reading_by_pages_and_steps(run, bob, monkeypatch):
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 4)
    history.append(Actor(bob), run, uuid4(), 0, rows(*range(10)))

    page = history.page(run, limit=6)
    assert ([row["_step"] for row in page.rows], page.next_row) == ([0, 1, 2, 3, 4, 5], 6)
    rest = history.page(run, start=page.next_row, limit=6)
    assert ([row["_step"] for row in rest.rows], rest.next_row) == ([6, 7, 8, 9], None)
    assert steps(run, min_step=3, max_step=6) == [3, 4, 5]
    assert history.page(run, min_step=20) == ([], None)

    monkeypatch.setattr(long_values, "MAX_PAGE_BYTES", 10)
    assert history.page(run) == (rows(0), 1)
    monkeypatch.undo()
    monkeypatch.setattr(history, "MAX_CHUNKS_A_PAGE", 2)
    assert history.page(run) == (rows(*range(8)), 8)
    assert history.page(run, start=8) == (rows(8, 9), None)


def test_a_page_loads_no_more_than_it_has(run, bob, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 2)
    history.append(Actor(bob), run, uuid4(), 0, rows(*range(40)))
    loaded: list[int] = []
    from_db = RunChunk.from_db.__func__
    monkeypatch.setattr(
        RunChunk, "from_db", classmethod(lambda *args, **kwargs: loaded.append(1) or from_db(*args, **kwargs))
    )
    with django_assert_num_queries(2):
        page = history.page(run, start=1, limit=3)
    assert ([row["_step"] for row in page.rows], page.next_row, len(loaded)) == ([1, 2, 3], 4, 2)
    with django_assert_num_queries(2):
        assert len(history.page(run).rows) == 40


def test_a_full_history_takes_no_more(run, bob, monkeypatch):
    monkeypatch.setattr(streams, "MAX_LINES", 2)
    with pytest.raises(HistoryFull):
        history.append(Actor(bob), run, uuid4(), 0, rows(0, 1, 2))
    assert steps(run) == []
    monkeypatch.setattr(streams, "MAX_BYTES", 10)
    with pytest.raises(HistoryFull):
        history.append(Actor(bob), run, uuid4(), 0, rows(0))


def test_rows_arrive_also_after_the_end_but_not_after_the_deletion(run, bob):
    runs.finish(Actor(bob), run, State.FINISHED)
    history.append(Actor(bob), run, uuid4(), 0, rows(0))
    assert steps(run) == [0]
    Run.objects.all().delete()
    assert not RunChunk.objects.exists()
    with pytest.raises(errors.Missing):
        history.append(Actor(bob), run, uuid4(), 0, rows(0))


def test_viewers_and_strangers_only_read(project, run, alice, vera, mallory, bob, api):
    url = f"/api/v1/runs/{run.pk}/history"
    body = {"writer": str(uuid4()), "offset": 0, "rows": rows(0)}
    assert api(mallory).get(url).status_code == api(mallory).post(url, body).status_code == 404
    projects.update(Actor(alice), project, visibility=Visibility.INTERNAL)
    for user in (vera, mallory):
        assert api(user).post(url, body).json()["code"] == "Denied"
        assert api(user).get(url).json() == {"items": [], "next_cursor": None}


def test_the_api_pages_by_cursor(run, bob, vera, api):
    url = f"/api/v1/runs/{run.pk}/history"
    body = {"writer": str(uuid4()), "offset": 0, "rows": rows(*range(5))}
    for _ in range(2):
        assert api(bob).post(url, body).json() == {"history_row_count": 5, "last_step": 4, "stop_requested": False}

    page = api(vera).get(f"{url}?limit=3").json()
    assert page["items"] == rows(0, 1, 2)
    page = api(vera).get(f"{url}?limit=3&cursor={page['next_cursor']}").json()
    assert page == {"items": rows(3, 4), "next_cursor": None}
    assert api(vera).get(f"{url}?min_step=1&max_step=3").json()["items"] == rows(1, 2)
    assert api(vera).get(f"/api/v1/runs/{run.pk}").json()["history_row_count"] == 5


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"writer": "me"}, "writer"),
        ({"offset": -1}, "offset"),
        ({"rows": [{"_step": 0}, {"loss": 1}]}, "rows.1"),
        ({"rows": [{"_step": True}]}, "rows.0"),
        ({"rows": [{"_step": 2**63}]}, "rows.0"),
        ({"rows": [{"_step": 0, "x": "x" * 2**20}]}, "rows.0"),
        ({"rows": [{"_step": 0}] * 10_001}, "rows"),
        ({"rows": {}}, "rows"),
    ],
)
def test_what_is_no_row_is_refused(run, bob, api, changes, field):
    answer = api(bob).post(
        f"/api/v1/runs/{run.pk}/history", {"writer": str(uuid4()), "offset": 0, "rows": [], **changes}
    )
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not RunChunk.objects.exists()


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=10001", "cursor=x", "cursor=eA", "min_step=x", f"max_step={2**64}"]
)
def test_queries_without_sense_are_refused(run, bob, api, query):
    assert api(bob).get(f"/api/v1/runs/{run.pk}/history?{query}").status_code == 400


def test_a_page_costs_what_its_batches_cost(run, bob, api, django_assert_num_queries):
    history.append(Actor(bob), run, uuid4(), 0, rows(*range(2500)))
    client = api(bob)
    client.get("/api/v1/me")
    with django_assert_num_queries(4):
        assert len(client.get(f"/api/v1/runs/{run.pk}/history").json()["items"]) == 1000
