"""Media of a run: the newest of each key, one key step by step, each with the files that it points to."""

import json

import pytest

from accounts.actor import Actor
from projects import runs
from projects.models import Run
from tests.tracking.test_files import save
from tests.tracking.test_media import image
from tests.web.sample_files import png
from tracking import media, streams
from tracking.models import RunFile, Stream
from web.runs import media_grid

URL = "/acme/demo/runs/brisk-otter-1"
EVIL = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def run(bob, project) -> Run:
    return runs.start(Actor(bob), project, name="brisk-otter-1")


@pytest.fixture
def saved(run, bob):
    return lambda name, body: save(bob, run, name, body)


@pytest.fixture
def log(run, bob):
    def append(*rows: dict) -> None:
        start = streams.line_count(run, Stream.HISTORY)
        texts = [json.dumps({"_step": start + index, **row}) for index, row in enumerate(rows)]
        streams.append(Actor(bob), run, Stream.HISTORY, start, texts)

    return append


def test_images_in_tables_are_shown(browser, log, saved, vera, django_assert_max_num_queries):
    saved("media/images/a.png", png())
    saved("media/images/a.svg", b"<svg/>")
    names = ("a.png", "a.svg", "b.png")
    cells = [{"_type": "image-file", "path": f"media/images/{name}", "caption": EVIL} for name in names]
    cells += [{"_type": "image-file", "path": path} for path in ([1], "\ud800", "a\0.png")]
    saved("media/table/t.table.json", json.dumps({"columns": ["seen"], "data": [[cell] for cell in cells]}).encode())
    log({"seen": {"_type": "table-file", "path": "media/table/t.table.json", "nrows": 6, "ncols": 1}})
    client = browser(vera)
    for url in (f"{URL}/media", f"{URL}/files/media/table/t.table.json"):
        with django_assert_max_num_queries(12):
            page = client.get(url).content.decode()
        assert page.count(f'src="{URL}/image/') == 1 and f'src="{URL}/image/media/images/a.png"' in page
        assert EVIL not in page


def test_the_newest_of_each_key_is_shown_by_its_kind(browser, log, saved, vera, django_assert_max_num_queries):
    saved("media/images/a.png", png())
    saved("media/audio/a.wav", b"RIFF")
    saved("media/videos/a.mp4", b"mp4")
    saved("media/videos/a.gif", b"GIF89a")
    saved("media/html/a.html", b"<p>Hi</p>")
    saved("media/plotly/p.plotly.json", b"{}")
    saved("media/table/t.table.json", b'{"columns":["word"],"data":[["first"],["second"]]}')
    log(
        {"sample": image("media/images/old.png")},
        {
            "sample": image("media/images/a.png", caption="A cat"),
            "hum": {"_type": "audio-file", "path": "media/audio/a.wav"},
            "film": {"_type": "video-file", "path": "media/videos/a.mp4"},
            "moving": {"_type": "video-file", "path": "media/videos/a.gif"},
            "page": {"_type": "html-file", "path": "media/html/a.html"},
            "plot": {"_type": "plotly-file", "path": "media/plotly/p.plotly.json"},
            "words": {"_type": "table-file", "path": "media/table/t.table.json", "nrows": 2, "ncols": 1},
            "weights": {"_type": "histogram", "values": [1, 4], "bins": [0, 0.5, 1]},
            "loss": 1,
        },
    )
    client = browser(vera)

    with django_assert_max_num_queries(10):
        page = client.get(f"{URL}/media").content.decode()
    assert f'src="{URL}/image/media/images/a.png"' in page and 'alt="A cat"' in page and "logged 2 times" in page
    assert f'<audio controls preload="none" src="{URL}/raw/media/audio/a.wav"' in page
    assert f'<video controls preload="metadata" src="{URL}/raw/media/videos/a.mp4"' in page
    assert f'src="{URL}/image/media/videos/a.gif"' in page
    assert f'<iframe class="html" sandbox src="{URL}/frame/media/html/a.html"' in page
    assert "first" in page and "second" in page and "2 rows." in page and "Open the table" in page
    assert "Histogram from 0 to 1" in page and page.count("<rect") == 2
    assert f"{URL}/files/media/plotly/p.plotly.json" in page and "old.png" not in page and ">loss<" not in page
    only = client.get(f"{URL}/media?kind=audio").content.decode()
    assert "<audio" in only and "A cat" not in only


def test_a_key_is_shown_step_by_step(browser, log, saved, vera, monkeypatch):
    monkeypatch.setattr(media, "MAX_RECORDS", 2)
    saved("a.png", png())
    log(*({"val/sample": image("a.png")} for _ in range(5)))
    client = browser(vera)

    page = client.get(f"{URL}/media?key=val/sample").content.decode()
    assert "Step 4" in page and "Step 3" in page and "Step 2" not in page
    assert 'href="?key=val%2Fsample&amp;before=3"' in page
    page = client.get(f"{URL}/media?key=val/sample&before=1").content.decode()
    assert "Step 0" in page and "Earlier steps" not in page and "Newest" in page
    assert client.get(f"{URL}/media?key=loss").status_code == 404


def test_many_images_at_once_are_cut_to_some(browser, log, saved, run, vera, django_assert_max_num_queries):
    file = saved("0.png", png())
    names = [f"{number}.png" for number in range(108)]
    RunFile.objects.bulk_create(
        RunFile(run=run, name=name, mime_type="image/png", size=file.size, object=file.object) for name in names[1:]
    )
    log({"many": {"_type": "images/separated", "filenames": names, "count": 108}})
    client = browser(vera)

    page = client.get(f"{URL}/media").content.decode()
    assert page.count("/image/") == 8 and "100 more" in page
    with django_assert_max_num_queries(10):
        page = client.get(f"{URL}/media?key=many").content.decode()
    assert page.count("/image/") == 108


def test_what_is_not_there_is_said(browser, log, vera, run, bob):
    log({"sent": image("soon.png"), "kept": {"_type": "table-file", "artifact_path": "wandb-client-artifact://x/t"}})

    page = browser(vera).get(f"{URL}/media").content.decode()
    assert "soon.png has not been uploaded yet" in page and "Stored in an artifact" in page
    runs.finish(Actor(bob), run, "finished")
    assert "soon.png is not among the run’s files" in browser(vera).get(f"{URL}/media").content.decode()


def test_hostile_records_are_texts(browser, log, saved, vera):
    saved(f"media/{EVIL[2:-1]}.png", png())
    saved("t.table.json", json.dumps({"columns": [EVIL], "data": [[EVIL], [{"_type": EVIL}]]}).encode())
    saved("halves.table.json", b'{"columns":["\\ud800"],"data":[["\\udc00"]]}')
    log(
        {
            EVIL: image(f"media/{EVIL[2:-1]}.png", caption=EVIL),
            "js": image("javascript:alert(1)", caption="\u202eevil"),
            "up": image("../../../etc/passwd"),
            "zero": image("media/\0.png"),
            "halves": {"_type": "table-file", "path": "halves.table.json"},
            "table": {"_type": "table-file", "path": "t.table.json", "nrows": EVIL},
            "odd": {"_type": "images/separated", "filenames": {"a": 1}, "count": "x"},
            "hist": {"_type": "histogram", "values": [EVIL], "bins": [EVIL, 1]},
            "list": [image("a.png")],
        }
    )
    client = browser(vera)

    for query in ("", "?key=table", f"?key={EVIL}", "?kind=%3Cb%3E", "?page=x", "?key=js&before=x", "?before=-1"):
        response = client.get(f"{URL}/media{query}")
        page = response.content.decode()
        assert response.status_code == 200, query
        assert "<img src=x" not in page and 'href="javascript' not in page and 'src="javascript' not in page, query
    assert "\\u202eevil" in client.get(f"{URL}/media").content.decode()


def test_few_tables_are_read_for_a_page(browser, log, saved, vera, monkeypatch):
    monkeypatch.setattr(media_grid, "MAX_TABLES", 1)
    saved("t.table.json", b'{"columns":["word"],"data":[["first"]]}')
    saved("odd.table.json", b"[1]")
    record = {"_type": "table-file", "path": "t.table.json", "nrows": 1, "ncols": 1}
    log({"a": record, "b": record, "c": {**record, "path": "odd.table.json"}})

    page = browser(vera).get(f"{URL}/media").content.decode()
    assert page.count(">first<") + page.count("first</td>") == 1 and page.count("Open the table") == 3


def test_without_media_there_is_no_tab(browser, log, vera, run):
    log({"loss": 1})
    assert b"No media" in browser(vera).get(f"{URL}/media").content
    assert b"/media" not in browser(vera).get(URL).content
    # Histograms have no files.
    log({"weights": {"_type": "histogram", "values": [1], "bins": [0, 1]}})
    assert b"/media" in browser(vera).get(URL).content
