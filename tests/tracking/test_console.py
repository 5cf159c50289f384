"""A console is read page by page from its end, searched within bounds, and downloaded whole."""

import pytest

from accounts.actor import Actor
from projects.models import Run
from tracking import console, streams
from tracking.models import Stream


def stamped(text: str, error: bool = False) -> str:
    return f"{'ERROR ' * error}2026-05-03T12:00:00.000000 {text}"


@pytest.fixture
def write(run, bob):
    """`write("a", "b")` appends lines to the console; they are in small chunks."""

    def append(*texts: str) -> Run:
        streams.append(Actor(bob), run, Stream.CONSOLE, console.line_count(run), [stamped(text) for text in texts])
        return run

    return append


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(streams, "MAX_CHUNK_LINES", 4)


def shown(lines: list[console.ConsoleLine]) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in lines]


def test_pages_go_from_the_end_to_the_beginning(write):
    run = write(*(f"line {number}" for number in range(25)))

    assert shown(console.page(run, 25, 10, 100)) == [(number, f"line {number}") for number in range(15, 25)]
    assert shown(console.page(run, 15, 10, 100)) == [(number, f"line {number}") for number in range(5, 15)]
    assert [line.number for line in console.page(run, 5, 10, 100)] == [0, 1, 2, 3, 4]
    assert console.page(run, 0, 10, 100) == []


def test_a_page_has_bounded_bytes_whatever_its_lines_are(write, monkeypatch):
    monkeypatch.setattr(console, "MAX_PAGE_BYTES", 100)
    run = write("x" * 1_000, "y" * 60, "z" * 60)

    assert shown(console.page(run, 3, 10, 2_000)) == [(2, "z" * 60)]
    # A line alone is there, cut to the length that is asked for.
    assert shown(console.page(run, 1, 10, 50)) == [(0, "x" * 50 + "…")]


def test_progress_changes_with_any_line(write, run, bob):
    assert console.progress(run) == (0, "0")
    write("10 %", "b")
    first = console.progress(run)
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, [stamped("20 %")])
    assert console.progress(run).line_count == first.line_count == 2
    assert console.progress(run) != first


def test_a_search_finds_lines_whatever_their_case_and_colours(write):
    run = write("Epoch 1", "loss", "\x1b[1mEPO\x1b[0mCH 2", "done", "epoch 3")

    found = console.search(run, "epoch", 5, 100)
    assert shown(found.lines) == [(0, "Epoch 1"), (2, "EPOCH 2"), (4, "epoch 3")]
    assert (found.start, found.end) == (0, 5)
    assert shown(console.search(run, "epoch", 4, 100).lines) == [(0, "Epoch 1"), (2, "EPOCH 2")]


def test_a_search_does_not_find_what_the_line_format_says(write, run, bob):
    write("fine")
    streams.append(Actor(bob), run, Stream.CONSOLE, 1, [stamped("a traceback", error=True)])

    assert console.search(run, "ERROR", 2, 100).lines == []
    assert console.search(run, "2026", 2, 100).lines == []
    [line] = console.search(run, "trace", 2, 100).lines
    assert line.level == "error"


def test_a_search_ends_at_so_many_lines_and_goes_on_from_there(write, monkeypatch):
    monkeypatch.setattr(console, "MAX_MATCHES", 3)
    run = write(*(f"hit {number}" for number in range(8)))

    found = console.search(run, "hit", 8, 100)
    assert [line.number for line in found.lines] == [5, 6, 7] and found.start == 5
    found = console.search(run, "hit", found.start, 100)
    assert [line.number for line in found.lines] == [2, 3, 4]
    found = console.search(run, "hit", found.start, 100)
    assert [line.number for line in found.lines] == [0, 1] and found.start == 0


@pytest.mark.parametrize("limit", ["MAX_SEARCHED_BYTES", "MAX_SEARCH_SECONDS"])
def test_a_search_stops_once_it_has_cost_enough(write, monkeypatch, limit):
    monkeypatch.setattr("tracking.chunks._BACKWARDS_BATCH_BYTES", 1)
    monkeypatch.setattr(console, limit, 0)
    run = write("needle", *("hay" for _ in range(11)))

    found = console.search(run, "needle", 12, 100)
    # One chunk of four lines has been looked at.
    assert (found.lines, found.start, found.end) == ([], 8, 12)
    found = console.search(run, "needle", console.search(run, "needle", 8, 100).start, 100)
    assert shown(found.lines) == [(0, "needle")]


def test_a_long_line_is_cut_to_where_the_text_is(write):
    run = write("x" * 5_000 + "needle" + "y" * 5_000)

    [line] = console.search(run, "needle", 1, 100).lines
    assert "needle" in line.text and len(line.text) == 102


def test_a_download_has_the_text_of_all_lines(write, run, bob, monkeypatch):
    monkeypatch.setattr(console, "_DOWNLOAD_BYTES", 10)
    write(*("\x1b[32mä\x1b[0m" * 3, "", "10 %\r100 %", "\x1b]52;c;eA==\x07b"))
    streams.append(Actor(bob), run, Stream.CONSOLE, 4, ["no form", stamped("to stderr", error=True)])

    parts = list(console.content(run))
    assert b"".join(parts).decode() == "äää\n\n100 %\nb\nno form\nto stderr\n"
    assert len(parts) > 1
