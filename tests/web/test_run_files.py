"""The files of a run: listed, previewed, sent to browsers as harmless types, and deleted by editors."""

import json
from urllib.parse import quote

import pytest

from accounts.actor import Actor
from projects import runs
from projects.models import Run
from tests.conftest import HTMX
from tests.tracking.test_files import save
from tests.web.sample_files import png
from tracking.models import RunFile

URL = "/acme/demo/runs/brisk-otter-1"
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
HTML = b"<!doctype html><style>p{color:red}</style><p>Hi</p><script>alert(1)</script>"


@pytest.fixture
def run(bob, project) -> Run:
    return runs.start(Actor(bob), project, name="brisk-otter-1")


@pytest.fixture
def saved(run, bob):
    """`saved("a.txt", b"…")`: the run has saved it."""
    return lambda name, body: save(bob, run, name, body)


@pytest.fixture
def many(run, saved) -> RunFile:
    """A hundred files that share the bytes of one."""
    file = saved("media/images/a.png", png())
    about = {"run": run, "mime_type": "image/png", "object": file.object}
    rows = [RunFile(name=f"media/images/{number:03}.png", size=number, **about) for number in range(99)]
    RunFile.objects.bulk_create(rows)
    return file


def test_the_list_is_paged_sorted_and_filtered(browser, many, saved, vera, django_assert_max_num_queries):
    saved("config.yaml", b"a: 1\n")
    client = browser(vera)

    with django_assert_max_num_queries(10):
        page = client.get(f"{URL}/files").content.decode()
    assert "1–50 of 101 files" in page and "config.yaml" in page and 'href="?q=media%2Fimages%2F"' in page
    largest = client.get(f"{URL}/files?sort=-size", headers=HTMX)
    assert [file.base_name for file in largest.context["page"].object_list][1:3] == ["097.png", "096.png"]
    assert len(client.get(f"{URL}/files?q=/01").context["page"].object_list) == 10
    assert b"No files match this filter" in client.get(f"{URL}/files?q=%3Cb%3E").content
    # Who may not delete has nothing to tick.
    assert b"checkbox" not in largest.content


def test_without_files_the_page_says_how_there_come_to_be_some(browser, run, vera):
    assert b"No files yet" in browser(vera).get(f"{URL}/files").content
    assert b"Files" not in browser(vera).get(URL).content.partition(b'aria-label="Run"')[2].partition(b"</nav>")[0]


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("notes.txt", b"<script>alert(1)</script>\n", "&lt;script&gt;"),
        ("metrics.json", b'{"<b>loss": [1]}', "&lt;b&gt;loss"),
        ("rows.csv", b"a,b\n1,<i>x\n", "&lt;i&gt;x"),
        ("README.md", b"# Title\n<script>alert(1)</script>", ">Title</h"),
        ("media/table/t_0_ab.table.json", b'{"columns":["<b>n"],"data":[[1],["<i>"]]}', "&lt;b&gt;n"),
        ("media/images/x.png", png(), f"{URL}/image/media/images/x.png"),
        ("media/html/x.html", HTML, f"{URL}/frame/media/html/x.html"),
        ("drawing.svg", b"<svg onload='alert(1)'/>", "&lt;svg"),
        ("empty", b"", "This file is empty."),
    ],
)
def test_a_file_has_the_preview_of_files_of_versions(browser, saved, vera, name, body, expected):
    saved(name, body)
    page = browser(vera).get(f"{URL}/files/{name}").content.decode()

    assert expected in page and f"{URL}/download/{name}" in page
    assert "<script>alert" not in page and "<svg onload" not in page


def test_a_table_has_pages(browser, saved, vera):
    rows = [[number, f"row {number}"] for number in range(1, 251)]
    saved("t.table.json", json.dumps({"columns": ["n", "text"], "data": rows}).encode())
    client = browser(vera)

    page = client.get(f"{URL}/files/t.table.json").content.decode()
    assert "250 rows." in page and "row 100<" in page and "row 101<" not in page and 'href="?rows=101"' in page
    page = client.get(f"{URL}/files/t.table.json?rows=201").content.decode()
    assert "row 201<" in page and "row 250<" in page and 'href="?rows=101" rel="prev"' in page


def test_bytes_are_sent_by_what_they_are_and_never_as_a_page(browser, saved, vera):
    saved("a.html", HTML)
    saved("a.png", png())
    saved("fake.png", HTML)
    client = browser(vera)

    raw = client.get(f"{URL}/raw/a.html")
    assert raw["Content-Type"] == "text/plain; charset=utf-8" and raw.content == HTML
    image = client.get(f"{URL}/image/a.png")
    assert image["Content-Type"] == "image/png" and image.content == png()
    assert client.get(f"{URL}/image/fake.png").status_code == 404
    assert client.get(f"{URL}/image/a.html").status_code == 404
    assert client.get(f"{URL}/raw/a.png", headers={"Range": "bytes=0-3"}).content == png()[:4]
    for response in (raw, image):
        assert response["Content-Security-Policy"] == SANDBOX and response["Cache-Control"] == "private, no-cache"
        assert response["X-Content-Type-Options"] == "nosniff"
    again = client.get(f"{URL}/image/a.png", headers={"If-None-Match": image["ETag"]})
    assert again.status_code == 304 and again["Content-Security-Policy"] == SANDBOX
    for kind in ("image", "raw", "frame"):
        missing, refused = client.get(f"{URL}/{kind}/missing.html"), client.post(f"{URL}/{kind}/a.html")
        assert (missing.status_code, missing["Content-Security-Policy"]) == (404, SANDBOX), kind
        assert (refused.status_code, refused["Content-Security-Policy"]) == (405, SANDBOX), kind


def test_html_is_a_page_only_in_a_frame_without_scripts(browser, saved, vera):
    saved("a.html", HTML)
    saved("image.html", png())
    saved("a.txt", HTML)
    client = browser(vera)

    page = client.get(f"{URL}/files/a.html").content.decode()
    assert f'<iframe class="html" sandbox src="{URL}/frame/a.html"' in page
    frame = client.get(f"{URL}/frame/a.html", headers={"Sec-Fetch-Dest": "iframe"})
    assert frame["Content-Type"] == "text/html; charset=utf-8" and frame["Content-Security-Policy"] == SANDBOX
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    opened = client.get(f"{URL}/frame/a.html", headers={"Sec-Fetch-Dest": "document"})
    assert opened["Location"] == f"{URL}/raw/a.html"
    for name in ("image.html", "a.txt", "missing.html"):
        assert client.get(f"{URL}/frame/{name}").status_code == 404, name


def test_a_download_leads_to_the_store(browser, saved, vera):
    saved("media/a b%.bin", b"\0\1")
    response = browser(vera).get(f"{URL}/download/{quote('media/a b%.bin')}")

    assert response.status_code == 302 and "response-content-disposition=attachment" in response["Location"]
    page = browser(vera).get(f"{URL}/files/{quote('media/a b%.bin')}").content.decode()
    assert "No preview" in page and f"{URL}/download/media/a%20b%25.bin" in page


def test_an_editor_deletes_files(browser, saved, run, bob, vera):
    kept, gone = saved("kept.txt", b"1"), saved("gone.txt", b"2")
    client = browser(bob)
    url = f"{URL}/file-deletion"

    assert b"checkbox" in client.get(f"{URL}/files").content
    question = client.get(f"{url}?item={gone.pk}").content.decode()
    assert "Delete 1 file of" in question and "gone.txt" in question and "kept.txt" not in question
    assert browser(vera).post(url, {"item": gone.pk}).status_code == 403
    done = client.post(url, {"item": gone.pk})
    assert done["Location"] == f"{URL}/files" and list(run.files.all()) == [kept]
    assert client.get(f"{URL}/files/gone.txt").status_code == 404
    # A second time there is nothing to delete.
    assert client.post(url, {"item": gone.pk}).status_code == 302


def test_files_of_another_run_are_not_deleted_here(browser, saved, run, bob, project):
    other = runs.start(Actor(bob), project, name="other")
    file = save(bob, other, "a.txt", b"1")

    browser(bob).post(f"{URL}/file-deletion", {"item": file.pk})
    assert other.files.exists()
