"""The page of one file, its bytes, and all of a version's in one zip."""

import base64
import io
import json
import re
import zipfile
from unittest.mock import Mock
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import OperationalError

import web.urls
from artifacts import natural_order, storage
from artifacts.models import ArtifactDownload, ArtifactFile, Blob
from tests.artifacts.client import HTTP, MIB, log
from tests.conftest import HTMX
from tests.web.references import refer
from tests.web.sample_files import NOTEBOOK, png, safetensors
from tests.web.test_permission_matrix import walk
from web.artifacts.views import files

VERSION = "/acme/demo/artifacts/dataset/data/v1"
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"

FILES = {
    "book.ipynb": json.dumps(NOTEBOOK).encode(),
    "clip.mp4": b"\0\0\0\x20ftypisom" + bytes(90),
    "model.pkl": b"\x80\x04cos\nsystem\n.",
    "paper.pdf": b"%PDF-1.4\n" + bytes(90),
    "rows.csv": b"n\n" + b"".join(b"%d\n" % number for number in range(150)),
    "train.py": b"import os  # <script>\n",
    "README.md": b"# Hello\n\n<img src=x onerror=alert(1)> [x](javascript:alert(1))\n",
    "t.csv": b"name,age\n<b>x</b>,4\n",
    "t.json": b'{"<i>": ["<script>"]}',
    "m.safetensors": safetensors({"w<u>": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}, body=bytes(24)),
    "plots/p.png": png(30, 20),
    "page.html": b"<script>alert(1)</script>",
    "drawing.svg": b"<svg onload=alert(1)>",
    "fake.png": b"<svg onload=alert(1)>",
    "x.bin": b"\0\1\2",
    "empty": b"",
    "100%25 #?&é 日.txt": b"odd",
    "caf%C3%A9 %FF.txt": b"odder",
}


@pytest.fixture
def version(bob, artifact):
    return log(bob, artifact, FILES)


def page_of(client, path: str, part: str = "files") -> str:
    response = client.get(f"{VERSION}/{part}/{quote(path)}")
    assert response.status_code == 200, path
    return response.content.decode().split("<main")[1]


def test_it_shows_the_details(browser, vera, version, work):
    work()
    page = page_of(browser(vera), "plots/p.png")
    blob = version.files.get(path="plots/p.png").blob

    for text in (blob.sha256, blob.md5, "image/png", "Verified", f'href="{VERSION}?path=plots%2F"', 'data-key="d"'):
        assert text in page


def test_every_kind_has_its_preview(browser, vera, version):
    client = browser(vera)

    assert '<span class="k">import</span>' in page_of(client, "train.py")
    assert '<h3 id="card-hello">Hello</h3>' in page_of(client, "README.md")
    assert "<td>&lt;b&gt;x&lt;/b&gt;</td>" in page_of(client, "t.csv")
    assert '<ul class="tree">' in page_of(client, "t.json")
    assert "2 × 3" in page_of(client, "m.safetensors") and "1 tensor, 6 parameters." in page_of(client, "m.safetensors")
    assert f'<img src="{VERSION}/image/plots/p.png" alt="p.png" width="30" height="20">' in page_of(
        client, "plots/p.png"
    )
    assert "No preview for .bin files." in page_of(client, "x.bin")
    assert "This file is empty." in page_of(client, "empty")
    assert "odd" in page_of(client, "100%25 #?&é 日.txt") and "odder" in page_of(client, "caf%C3%A9 %FF.txt")


def test_what_people_keep_has_its_preview(browser, vera, version):
    client = browser(vera)

    notebook = page_of(client, "book.ipynb")
    image = base64.b64encode(png()).decode()
    for text in (
        "<h3>Look</h3>",
        '<span class="a">print</span>',
        f'<img src="data:image/png;base64,{image}"',
        "<td>7</td>",
    ):
        assert text in notebook, text
    assert f'<video controls preload="metadata" src="{VERSION}/raw/clip.mp4"' in page_of(client, "clip.mp4")
    assert f'<iframe class="document" src="{VERSION}/raw/paper.pdf"' in page_of(client, "paper.pdf")
    pickle = page_of(client, "model.pkl")
    assert "<code>os.system</code>" in pickle and "Can run commands" in pickle and "/raw/" not in pickle
    rows = page_of(client, "rows.csv")
    assert (
        '<dt>max</dt><dd title="149">149</dd>' in rows
        and '<rect x="0" y="' in rows
        and "Columns of all 150 rows." in rows
    )
    more = client.get(f"{VERSION}/files/rows.csv{re.search('[?]rows=[0-9-]+', rows)[0]}").content.decode()
    assert '<td class="number muted">101</td>' in more and '<td class="number">100</td>' in more
    assert "Rows 101 – 150" in more and "<dt>max</dt>" not in more


def test_names_that_read_as_others_are_shown_as_they_are_and_can_be_downloaded(browser, bob, artifact):
    """New ones are refused; these were logged before."""
    log(bob, artifact, {"a.png": png(), "d/b.txt": b"b", "c.png": png(9)})
    for old, new in {"a.png": "\u202egnp.exe", "d/b.txt": "d\u2066/b\u200f.txt"}.items():
        key = natural_order.sort_key(new)
        ArtifactFile.objects.filter(path=old).update(path=new, name=new.rpartition("/")[2], sort_key=key)
    client = browser(bob)
    folder = client.get(VERSION).content.decode()
    assert "\\u202egnp.exe" in folder and "d\\u2066" in folder
    # But for what the forms send: the path of a file that is ticked.
    assert re.findall(".{7}[\u202e\u2066\u200f]", folder) == ['alue="d\u2066', 'value="\u202e']
    image, text = page_of(client, "\u202egnp.exe"), page_of(client, "d\u2066/b\u200f.txt")
    assert "<h1>\\u202egnp.exe</h1>" in image and "<h1>b\\u200f.txt</h1>" in text and ">d\\u2066</a>" in text
    # Of a path that is copied, every character.
    assert set(re.findall('[a-z-]+="[^"]*[\u202e\u2066\u200f]', image + text)) == {
        'data-copy="\u202e',
        'data-copy="d\u2066/b\u200f',
    }
    for path in ("download/%E2%80%AEgnp.exe", "download/d%E2%81%A6/b%E2%80%8F.txt"):
        assert HTTP.request("GET", client.get(f"{VERSION}/{path}")["Location"]).status == 200
    assert client.get(f"{VERSION}/image/%E2%80%AEgnp.exe").content == png()
    with zipfile.ZipFile(io.BytesIO(b"".join(client.get(f"{VERSION}.zip").streaming_content))) as archive:
        assert archive.namelist() == ["c.png", "d\u2066/b\u200f.txt", "\u202egnp.exe"]


def test_a_page_leads_to_the_files_beside_it_and_names_its_kind(browser, vera, version):
    page = page_of(browser(vera), "m.safetensors")

    assert f'href="{VERSION}/files/fake.png" rel="prev"' in page
    assert f'href="{VERSION}/files/model.pkl" rel="next"' in page
    assert "<strong>Safetensors</strong>" in page
    assert 'rel="prev"' not in page_of(browser(vera), "plots/p.png") and "files/empty" not in page


def test_a_page_may_load_what_it_shows_and_no_more(browser, vera, version):
    policies = {path: browser(vera).get(f"{VERSION}/files/{path}")["Content-Security-Policy"] for path in FILES}

    for path, policy in policies.items():
        assert ("data:" in policy) == (path == "book.ipynb"), path
    for directive in ("img-src", "media-src", "frame-src"):
        assert f"{directive} 'self' {settings.STORE_ORIGIN};" in policies["paper.pdf"] + ";"
    assert "object-src 'none'" in policies["paper.pdf"]


RAW_TYPES = {
    "train.py": "text/plain; charset=utf-8",
    "page.html": "text/plain; charset=utf-8",
    "drawing.svg": "text/plain; charset=utf-8",
    "fake.png": "text/plain; charset=utf-8",
    "book.ipynb": "text/plain; charset=utf-8",
    "plots/p.png": "image/png",
    "clip.mp4": "video/mp4",
    "paper.pdf": "application/pdf",
}


def test_raw_bytes_are_never_a_page(browser, vera, version):
    client = browser(vera)
    for path, type in RAW_TYPES.items():
        response = client.get(f"{VERSION}/raw/{path}")
        assert (response.content, response["Content-Type"]) == (FILES[path], type), path
        assert response["Content-Security-Policy"] == SANDBOX
        assert (response["X-Content-Type-Options"], response["X-Frame-Options"]) == ("nosniff", "SAMEORIGIN")
    for path in ("x.bin", "model.pkl"):
        assert client.get(f"{VERSION}/raw/{path}").status_code == 404
    assert not ArtifactDownload.objects.exists()


def test_every_answer_of_bytes_has_their_policy_and_none_is_a_page(browser, vera, version, monkeypatch):
    """Browsers replace the headers that they have kept by those of a 304, so that one of pages would free them."""
    views = {page.name for page in walk(web.urls.urlpatterns) if hasattr(page.callback, "is_sandboxed")}
    # Those of runs are tried in `test_run_files`.
    assert views == {"file-image", "file-raw", "run-file-image", "run-file-raw", "run-file-frame"}
    client = browser(vera)
    client.raise_request_exception = False
    for url in (f"{VERSION}/image/plots/p.png", f"{VERSION}/raw/paper.pdf", f"{VERSION}/raw/page.html"):
        whole = client.get(url)
        unchanged = client.get(url, headers={"If-None-Match": whole["ETag"]})
        part = client.get(url, headers={"Range": "bytes=1-4"})
        answers = [
            (200, whole),
            (200, client.head(url)),
            (304, unchanged),
            (206, part),
            (200, client.get(url, headers={"Range": "bytes=900000-"})),
            (404, client.get(f"{url}x")),
            (404, client.get(url.replace("/v1/", "/v9/"))),
            (405, client.post(url)),
        ]
        for state, status in ((Blob.State.CORRUPT, 409), (Blob.State.EXPECTED, 409)):
            Blob.objects.update(state=state)
            answers.append((status, client.get(url)))
        Blob.objects.update(state=Blob.State.VERIFIED)
        for failure, status in ((OperationalError("disk full"), 503), (RuntimeError("ours"), 500)):
            monkeypatch.setattr(files, "get_file", Mock(side_effect=failure))
            answers.append((status, client.get(url)))
            monkeypatch.undo()
        for status, answer in answers:
            assert (answer.status_code, answer["Content-Security-Policy"]) == (status, SANDBOX), url
            if status not in (200, 206, 304, 405):
                assert answer["Content-Type"] == "text/plain; charset=utf-8" and len(answer.content) < 100
        for name in ("Cache-Control", "Cross-Origin-Resource-Policy", "X-Content-Type-Options", "X-Frame-Options"):
            assert unchanged[name] == part[name] == whole[name], name


def test_an_image_that_is_not_there_costs_a_few_bytes(browser, vera, version):
    """What an `<img>` leads to, wherever it is: browsers say that they take images."""
    client = browser(vera)
    for path in ("image/x", "download/x", "image/", "nothing"):
        got = client.get(f"{VERSION}/{path}", headers={"Accept": "image/avif,image/webp,image/*,*/*;q=0.8"})
        assert (got.status_code, got.content) == (404, b"File not found, or you don't have access.\n"), path
    page = client.get(f"{VERSION}/download/x", headers={"Accept": "text/html,image/avif,*/*;q=0.8"})
    assert page.status_code == 404 and b"<main" in page.content


def test_a_player_may_ask_for_a_part(browser, vera, version):
    client, url = browser(vera), f"{VERSION}/raw/clip.mp4"
    part = client.get(url, headers={"Range": "bytes=4-7"})

    assert (part.status_code, part.content, part["Content-Range"]) == (206, b"ftyp", "bytes 4-7/102")
    assert client.get(url, headers={"Range": "bytes=100-"}).content == bytes(2)
    for range in ("bytes=102-", "bytes=7-4", "bytes=-5", "bytes=0-1,4-5", "lines=1-2", "bytes=" + "9" * 30 + "-"):
        assert client.get(url, headers={"Range": range}).status_code == 200, range


def test_what_is_large_comes_from_the_store_as_of_its_own_type(browser, bob, artifact):
    log(bob, artifact, {"large.pdf": b"%PDF-1.4\n" + bytes(2 * MIB), "large.txt": b"<script>\n" * 300_000})
    for path, type in (("large.pdf", "application/pdf"), ("large.txt", "text/plain; charset=utf-8")):
        url = browser(bob).get(f"{VERSION}/raw/{path}")["Location"]
        got = HTTP.request("GET", url, headers={"Range": "bytes=0-3"})
        assert (got.status, got.headers["Content-Type"], got.headers["Content-Disposition"]) == (206, type, "inline")


def test_nothing_in_a_file_becomes_markup(browser, vera, version):
    client = browser(vera)

    for path in FILES:
        page = page_of(client, path)
        for evil in ("<script", "<svg onload", "<img src=x", 'href="javascript', "<b>", "<i>", "<u>"):
            assert evil not in page, (path, evil)
    for path in ("page.html", "drawing.svg", "fake.png"):
        assert '<pre class="source"' in page_of(client, path)


def test_what_is_too_large(browser, bob, artifact):
    log(bob, artifact, {"large.json": b"[" + b"1," * MIB + b"1]"})

    assert "Too large to preview: 2.0 MiB. Download it instead." in page_of(browser(bob), "large.json")


@pytest.mark.parametrize(
    ("state", "message"),
    [(Blob.State.CORRUPT, "are corrupt"), (Blob.State.EXPECTED, "have not been uploaded yet")],
)
def test_bytes_that_are_not_as_they_should(browser, vera, version, state, message):
    Blob.objects.update(state=state)

    assert message in page_of(browser(vera), "t.csv")
    response = browser(vera).get(f"{VERSION}/download/t.csv")
    assert response.status_code == 409 and message in response.content.decode()
    assert browser(vera).get(f"{VERSION}.zip").status_code == 409


def test_bytes_that_the_store_lost(browser, vera, version):
    storage.delete_file(version.files.get(path="t.csv").blob.object.key)

    assert "The object does not exist in the object store." in page_of(browser(vera), "t.csv")


def test_a_store_that_is_away(browser, vera, version, store):
    store.stop()
    try:
        page = page_of(browser(vera), "t.csv")
    finally:
        store.start()
    assert "The object store does not respond." in page


def test_a_reference(browser, vera, version):
    refer(version, "ref", "s3://bucket/<x>", size=9)
    page = page_of(browser(vera), "ref")

    assert "s3://bucket/&lt;x&gt;" in page and "no external store of the team covers it" in page
    assert "/download/" not in page


def test_downloading_leads_to_the_bytes_and_is_counted(browser, vera, version):
    response = browser(vera).get(f"{VERSION}/download/t.csv", HTTP_USER_AGENT="a browser")

    assert response.status_code == 302 and "no-store" in response["Cache-Control"]
    got = HTTP.request("GET", response["Location"])
    assert got.data == FILES["t.csv"] and "attachment" in got.headers["Content-Disposition"]
    [row] = ArtifactDownload.objects.all()
    assert (row.user, row.file.path, row.user_agent) == (vera, "t.csv", "a browser")


def test_an_image_is_sent_as_what_it_is(browser, vera, version):
    response = browser(vera).get(f"{VERSION}/image/plots/p.png")

    assert response.content == FILES["plots/p.png"]
    assert response["Content-Type"] == "image/png"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == SANDBOX
    assert not ArtifactDownload.objects.exists()


def test_an_image_is_requested_anew_and_not_sent_again(browser, vera, version):
    client = browser(vera)
    etag = client.get(f"{VERSION}/image/plots/p.png")["ETag"]
    again = client.get(f"{VERSION}/image/plots/p.png", headers={"If-None-Match": etag})

    assert (again.status_code, again.content) == (304, b"")
    client.post("/logout")
    assert client.get(f"{VERSION}/image/plots/p.png", headers={"If-None-Match": etag}).status_code == 302


@pytest.mark.parametrize("path", ["page.html", "drawing.svg", "fake.png", "t.csv", "x.bin", "empty"])
def test_nothing_else_is_sent_as_an_image(browser, vera, version, path):
    assert browser(vera).get(f"{VERSION}/image/{path}").status_code == 404


def test_the_zip(browser, vera, version):
    response = browser(vera).get(f"{VERSION}.zip")

    assert response["Content-Type"] == "application/zip"
    assert response["Content-Disposition"] == 'attachment; filename="data-v1.zip"'
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
    [row] = ArtifactDownload.objects.all()
    assert (row.user, row.file) == (vera, None)


def test_integrity_settles_by_itself(browser, vera, version, work):
    Blob.objects.update(state=Blob.State.UPLOADED, md5=None)
    client = browser(vera)
    facts = f"{VERSION}/facts/t.csv"

    assert f'hx-get="{facts}" hx-trigger="every 3s"' in page_of(client, "t.csv")
    assert client.get(facts, headers=HTMX).status_code == 204
    assert client.get(facts)["Location"] == f"{VERSION}/files/t.csv"
    work()
    settled = client.get(facts, headers=HTMX).content.decode()
    assert "Verified" in settled and "every 3s" not in settled and "<html" not in settled


def test_page_and_part(browser, vera, version):
    part = browser(vera).get(f"{VERSION}/files/t.csv", headers=HTMX).content.decode()
    assert "<html" not in part and "<table" in part


@pytest.mark.parametrize("part", ["files", "facts", "download", "image", "raw"])
def test_a_stranger_sees_nothing(browser, mallory, version, part):
    assert browser(mallory).get(f"{VERSION}/{part}/plots/p.png").status_code == 404
    assert browser().get(f"{VERSION}/{part}/plots/p.png").status_code == 302
    assert browser(mallory).post(f"{VERSION}/{part}/plots/p.png").status_code == 405


@pytest.mark.parametrize("path", ["../v1", "nothing", "plots", "plots/", "%2e%2e/x", "x\n", "T.CSV"])
def test_paths_that_lead_nowhere(browser, vera, version, path):
    assert browser(vera).get(f"{VERSION}/files/{quote(path)}").status_code in (400, 404)


def test_queries(browser, vera, version, django_assert_max_num_queries):
    client = browser(vera)
    for url in (f"{VERSION}/files/t.csv", f"{VERSION}/download/t.csv", f"{VERSION}/facts/t.csv"):
        with django_assert_max_num_queries(8):
            client.get(url, headers=HTMX)
