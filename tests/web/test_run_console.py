"""The console of a run: its end first, live while the run runs, searched and downloaded; its text is anybody's."""

import pytest

from accounts.actor import Actor
from projects import runs
from projects.models import Run, State
from tests.conftest import HTMX
from tests.tracking.test_console import stamped
from tracking import console, streams
from tracking.models import Stream
from web.runs.views import console as views

URL = "/acme/demo/runs/brisk-otter-1/console"


@pytest.fixture
def run(bob, project) -> Run:
    return runs.start(Actor(bob), project, name="brisk-otter-1")


@pytest.fixture
def write(run, bob):
    def append(*texts: str, error: bool = False, at: int | None = None) -> None:
        offset = console.line_count(run) if at is None else at
        streams.append(Actor(bob), run, Stream.CONSOLE, offset, [stamped(text, error) for text in texts])

    return append


def items(response) -> list[str]:
    return [part.partition("</li>")[0] for part in response.content.decode().split("<li id=")[1:]]


def test_the_last_lines_come_first_and_lead_to_earlier_ones(browser, write, vera, django_assert_max_num_queries):
    write(*(f"line {number}" for number in range(1_000)))
    client = browser(vera)

    with django_assert_max_num_queries(9):
        page = client.get(URL)
    assert len(items(page)) == 300 and "line 999" in items(page)[-1] and 'value="701"' in items(page)[0]
    assert 'href="?before=700"' in page.content.decode() and "1,000 lines" in page.content.decode()
    earlier = client.get(f"{URL}?before=700", headers=HTMX)
    assert b"<html" not in earlier.content and len(items(earlier)) == 300
    assert "line 699" in items(earlier)[-1] and 'href="?before=400"' in earlier.content.decode()
    first = client.get(f"{URL}?before=100")
    assert len(items(first)) == 100 and b"Earlier lines" not in first.content
    assert b'href="?before=400"' in first.content and b"Later lines" in first.content


def test_it_follows_the_run_until_that_ends(browser, write, run, vera, bob):
    write("10 %")
    client = browser(vera)
    page = client.get(URL).content.decode()
    assert "every 3s" in page
    poll = page.partition(f'hx-get="{URL}')[2].partition('"')[0].replace("&amp;", "&")

    assert client.get(URL + poll, headers=HTMX).status_code == 204
    write("100 %", at=0)
    write("next")
    part = client.get(URL + poll, headers=HTMX)
    assert [text in item for text, item in zip(("100 %", "next"), items(part), strict=True)] == [True, True]
    assert b"every 3s" in part.content
    runs.finish(Actor(bob), run, State.FINISHED)
    part = client.get(URL + poll, headers=HTMX)
    assert len(items(part)) == 2 and b"every 3s" not in part.content


def test_a_page_that_is_open_for_long_begins_anew(browser, write, vera, monkeypatch):
    monkeypatch.setattr(views, "MAX_LIVE_LINES", 350)
    write(*(f"line {number}" for number in range(340)))
    client = browser(vera)

    assert len(items(client.get(f"{URL}?first=0&seen=x", headers=HTMX))) == 340
    write(*(f"line {number}" for number in range(340, 400)))
    part = client.get(f"{URL}?first=0&seen=x", headers=HTMX)
    assert len(items(part)) == 300 and b'href="?before=100"' in part.content


def test_colours_are_classes_and_markup_is_text(browser, write, run, vera, bob):
    write("\x1b[1;31mbad\x1b[0m <script>alert(1)</script>", "\x1b]0;title\x07\u202eevil")
    write('"><img src=x onerror=alert(1)>', error=True)
    streams.append(Actor(bob), run, Stream.CONSOLE, 3, ["2026-05-03T12:00:00.000000 [<b>rank</b>] x", "<i>no form"])

    bad, turned, error, labelled, plain = items(browser(vera).get(URL))
    assert '<span class="bold fg1">bad</span> &lt;script&gt;' in bad and '<time title="2026-05-03T12:00:00' in bad
    assert "title\x07" not in turned and "\\u202eevil" in turned
    assert 'class="error"' in error and "stderr: " in error and "&lt;img" in error
    assert "&lt;b&gt;rank&lt;/b&gt;" in labelled and "&lt;i&gt;no form" in plain


def test_a_page_is_bounded_whatever_the_lines_are(browser, write, vera):
    write("x" * 2**20, *("\x1b[31mx\x1b[0m" * 500 for _ in range(300)))

    page = browser(vera).get(URL)
    assert len(page.content) < 2**21 and max(map(len, items(page))) < 10_000


def test_a_search_shows_lines_with_where_they_are(browser, write, vera):
    write(*(f"line {number}" for number in range(400)), "Loss <b> is NaN", "the end")
    page = browser(vera).get(f"{URL}?q=%3Cb%3E is nan")

    [found] = items(page)
    assert "Loss <mark>&lt;b&gt; is NaN</mark>" in found and f'href="{URL}?before=500#line-401"' in found
    text = page.content.decode()
    assert "1 line with “&lt;b&gt; is nan” in all lines" in " ".join(text.split())
    assert items(browser(vera).get(f"{URL}?q=nowhere")) == []


def test_a_letter_that_is_everywhere_is_marked_a_few_times_a_line(browser, write, vera):
    write("x" * 2_000, "x")
    page = browser(vera).get(f"{URL}?q=x").content.decode()

    assert page.count("<mark>x</mark>") == 21 and "x" * 1_980 in page


def test_a_search_that_stopped_leads_on(browser, write, vera, monkeypatch):
    monkeypatch.setattr(console, "MAX_MATCHES", 2)
    write(*(f"hit {number}" for number in range(5)))

    page = browser(vera).get(f"{URL}?q=hit").content.decode()
    assert "in lines 4 – 5" in " ".join(page.split()) and 'href="?q=hit&amp;before=3"' in page


@pytest.mark.parametrize(
    "query", ["before=-1", "before=0", "before=x", "before=99999999999999", "first=x", f"q={'x' * 300}"]
)
def test_what_does_not_fit_in_a_url_is_as_if_it_were_not_there(browser, write, vera, query):
    write("a line")
    assert len(items(browser(vera).get(f"{URL}?{query}"))) == 1


def test_the_download_is_a_text_file(browser, write, vera):
    write("\x1b[32mgreen\x1b[0m", "<script>alert(1)</script>")
    response = browser(vera).get(f"{URL}/download")

    assert response.streaming and b"".join(response) == b"green\n<script>alert(1)</script>\n"
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="brisk-otter-1.log"'


def test_nothing_was_written(browser, run, vera, bob):
    assert b"every 3s" in browser(vera).get(URL).content
    runs.finish(Actor(bob), run, State.FINISHED)
    assert b"wrote nothing to its console" in browser(vera).get(URL).content
    assert b"".join(browser(vera).get(f"{URL}/download")) == b""
    # Its tab is there only where it has something to show.
    assert b"Console" not in browser(vera).get("/acme/demo/runs/brisk-otter-1").content
