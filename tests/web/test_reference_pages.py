"""References on the pages of versions and files: what is told of them, and how little a browser may do with them."""

import io
import re
import zipfile
from html import unescape

import pytest

from accounts.actor import Actor
from artifacts import versions
from artifacts.models import ArtifactFile, ArtifactVersion, ReferenceCheck
from artifacts.references import external_stores, references
from artifacts.references.references import ReferenceSpec
from tests.artifacts.client import log
from tests.conftest import HTMX
from tests.web.references import SECRET, SIGNED, URIS, count, refer

OVERVIEW = "/acme/demo/artifacts/dataset/data"
PAGE = f"{OVERVIEW}/v1"
GIB = 2**30


@pytest.fixture
def version(bob, artifact) -> ArtifactVersion:
    """A file that is here, and references of every kind, those too that are refused by now."""
    version = log(bob, artifact, {"README.md": b"# Data\n"})
    etag = {"reference_identity": "etag:5d41402a", "reference_version_id": "L4kqtJlcpXroDTDmpUMLUo"}
    states = {"train.parquet": "changed", "open.csv": "unchanged", "signed.csv": "missing", "run.csv": "denied"}
    for path, uri in URIS.items():
        known = etag | {"size": 3 * GIB} if path == "train.parquet" else {}
        refer(version, path, uri, states.get(path, "unchecked"), **known)
    count(version, "missing")
    version.refresh_from_db()
    return version


def text_of(page: str) -> str:
    """What a page says, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page.partition("<main")[2] or page)).split())


def test_the_file_table_tells_references_from_files(browser, vera, version):
    page = browser(vera).get(PAGE).content.decode()
    text = text_of(page)

    for sentence in (
        "1 file here (7 B), 6 elsewhere (3.0 GiB)",
        "External · s3://acme-data",
        "External · data.example.org",
        "References: missing",
        "Zip files have what is stored here, and a list of the references.",
        "Download files here",
    ):
        assert sentence in text, sentence
    for state in ("Changed since it was logged", "The same as when it was logged", "Not there any more"):
        assert f'title="{state}"' in page, state
    assert f'href="{PAGE}/download/README.md"' in page and f"{PAGE}/download/train.parquet" not in page
    rows = dict(re.findall(r'data-row href="[^"]*/files/([^"]+)">(.*?)</tr>', page, re.S))
    assert "3.0 GiB" in rows["train.parquet"] and ">–</td>" in rows["open.csv"]


def test_a_browser_is_led_to_the_web_alone(browser, vera, version):
    client = browser(vera)
    pages = {path: client.get(f"{PAGE}/files/{path}").content.decode() for path in URIS}
    pages["/"] = client.get(PAGE).content.decode()

    outside = {path: re.findall(r'<a [^>]*href="(?!/|[?#])[^"]*"[^>]*>', page) for path, page in pages.items()}
    assert {path for path, links in outside.items() if links} == {"open.csv", "/"}
    for link in outside["open.csv"] + outside["/"]:
        assert f'href="{URIS["open.csv"]}"' in link and 'rel="noopener noreferrer"' in link
    for path, page in pages.items():
        assert "<img src=x" not in page and "<script>alert" not in page, path
        assert not re.search(r'(href|src|hx-get)="\s*(javascript|data):', page), path


def test_what_grants_access_is_on_no_page(browser, bob, version, artifact):
    second = log(bob, artifact, {"README.md": b"# More\n"})
    refer(second, "signed.csv", SIGNED.replace("signed.csv", "other.csv"))
    count(second)
    draft = versions.begin(Actor(bob), artifact).version
    refer(draft, "signed.csv", SIGNED)
    count(draft)
    client = browser(bob)

    shown = 'https://data.example.org/signed.csv?page=2"'
    page = client.get(f"{PAGE}/files/signed.csv").content.decode()
    assert f'data-copy="{shown}' in page and "Without its access parameters" in page and "Open link" not in page
    for url in ("/files/signed.csv", "", "?filter=signed", "/delete", "/download/signed.csv"):
        assert SECRET not in client.get(f"{PAGE}{url}", follow=True).content.decode(), url
    for url in ("", "/versions", "/history", "/compare?base=v1&head=v2", f"/upload?version={draft.version}"):
        page = client.get(f"{OVERVIEW}{url}").content.decode()
        assert SECRET not in page and ("other.csv" in page) == ("compare" in url), url


def test_the_page_of_a_reference(browser, vera, version):
    client = browser(vera)
    page = client.get(f"{PAGE}/files/train.parquet").content.decode()
    file = version.files.get(path="train.parquet")

    for copied in (URIS["train.parquet"], "etag:5d41402a", "L4kqtJlcpXroDTDmpUMLUo"):
        assert f'data-copy="{copied}"' in page, copied
    text = text_of(page)
    assert "3.0 GiB" in text and re.search(r"State Changed checked just now", text)
    assert "/raw/" not in page and f"{PAGE}/download" not in page and "SHA-256" not in text
    assert "pip install 'wanllmdb[references]'" in text and 'get_entry("train.parquet").download()' in text
    assert "curl" not in text and "--path-prefix=train.parquet" in text
    assert f"curl -fsSL -o ./open.csv \\ {URIS['open.csv']}" in text_of(
        client.get(f"{PAGE}/files/open.csv").content.decode()
    )
    for part in ("raw", "image", "download"):
        assert client.get(f"{PAGE}/{part}/train.parquet").status_code in (404, 409), part
    assert client.get(f"{PAGE}/facts/train.parquet", headers=HTMX).status_code == 200
    assert file.blob_id is None


def test_zips_hold_what_is_here(browser, vera, version):
    client = browser(vera)

    packed = b"".join(client.get(f"{PAGE}.zip").streaming_content)
    assert zipfile.ZipFile(io.BytesIO(packed)).namelist() == ["README.md", "REFERENCES.txt"]
    assert SECRET.encode() not in packed
    text = text_of(client.get(f"{OVERVIEW}/versions/download?item={version.pk}").content.decode())
    assert "1 file here (7 B), 6 elsewhere (3.0 GiB) · of those elsewhere, the zip has a list" in text
    version.files.filter(path="README.md").delete()
    count(version)
    page = client.get(PAGE).content.decode()
    assert "6 files elsewhere (3.0 GiB)" in text_of(page) and f"{PAGE}.zip" not in page


def test_what_is_here_and_what_is_elsewhere_are_two_numbers(browser, bob, version, artifact):
    log(bob, artifact, {"README.md": b"# Other\n"})
    client = browser(bob)

    assert "7 B + 3.0 GiB elsewhere" in text_of(client.get(f"{OVERVIEW}/versions").content.decode())
    text = text_of(client.get(f"{OVERVIEW}/compare?base=v1&head=v2").content.decode())
    assert "7 7 B here, 3.0 GiB elsewhere 1 8 B" in text and "6 removed" in text
    text = text_of(client.get(f"{PAGE}/delete").content.decode())
    assert "Deletes 1 file and 6 references (what they refer to is kept)." in text
    text = text_of(client.get(f"{OVERVIEW}/versions/delete?item={version.pk}").content.decode())
    assert "1 file and 6 references (what they refer to is kept)" in text
    ArtifactVersion.objects.filter(number=2).update(reference_count=1, referenced_size=3, file_count=2, total_size=11)
    assert "8 B + 3 B elsewhere" in text_of(client.get("/artifacts").content.decode())


def test_a_check_turns_red_without_a_reload_and_is_asked_for_no_more(browser, bob, vera, version):
    ArtifactVersion.objects.filter(pk=version.pk).update(reference_state="unchecked", references_checked_at=None)
    client = browser(bob)
    page = client.get(PAGE).content.decode()
    assert f'hx-post="{PAGE}/check"' in page and "References: not checked" in text_of(page) and "/drift" not in page
    assert "Check now" not in browser(vera).get(PAGE).content.decode()

    part = client.post(f"{PAGE}/check", headers=HTMX).content.decode()
    assert f'hx-get="{PAGE}/drift?seen=0" hx-trigger="every 2s"' in part and "Checking: 0 of 6…" in part
    assert "<html" not in part and "Check now" not in part
    # Whoever opens the page meanwhile waits as well.
    assert f"{PAGE}/drift?seen=0" in browser(vera).get(PAGE).content.decode()
    assert client.get(f"{PAGE}/drift?seen=0", headers=HTMX).status_code == 204
    ReferenceCheck.objects.update(checked_count=4)
    assert "Checking: 4 of 6…" in client.get(f"{PAGE}/drift?seen=0", headers=HTMX).content.decode()

    ReferenceCheck.objects.all().delete()
    count(version, "changed")
    answer = client.get(f"{PAGE}/drift?seen=4", headers=HTMX)
    part = answer.content.decode()
    assert 'class="badge bad"' in part and "References: changed" in text_of(part) and "Check now" in part
    assert "hx-trigger" not in part and "references-checked" in answer["HX-Trigger"]
    assert 'hx-trigger="references-checked from:body"' in page
    assert client.get(f"{PAGE}/drift").status_code == 302


def test_a_check_without_script_and_by_whom(browser, bob, vera, mallory, version):
    answer = browser(bob).post(f"{PAGE}/check", follow=True)

    assert answer.redirect_chain == [(PAGE, 302)] and "The references are being checked." in answer.content.decode()
    assert [browser(person).post(f"{PAGE}/check").status_code for person in (vera, mallory)] == [403, 404]
    assert [browser(person).get(f"{PAGE}/drift", headers=HTMX).status_code for person in (vera, mallory)] == [200, 404]


def test_a_long_list_of_references_takes_no_more_queries(
    browser, alice, acme, vera, version, django_assert_max_num_queries
):
    """With an external store, and folders that no summary is stored of, as in versions from before there were any."""
    external_stores.create(Actor(alice), acme, name="Our data", prefix="s3://acme-data", reads_as="nobody")
    row = version.files.get(path="open.csv")
    for number in range(150):
        row.pk = ArtifactFile().pk
        row.path = row.name = f"many/{number:03}.csv"
        row.save(force_insert=True)
    version.folders.all().delete()
    count(version)
    client = browser(vera)

    urls = (PAGE, f"{PAGE}?path=many/", f"{PAGE}?filter=csv", f"{PAGE}?sort=-size", f"{PAGE}/files/many/007.csv")
    for url in urls:
        with django_assert_max_num_queries(12):
            assert client.get(url).status_code == 200
    assert "External · Our data" in text_of(client.get(PAGE).content.decode())


def test_a_version_of_references_alone_is_not_said_to_be_verified(browser, bob, artifact):
    draft = versions.begin(Actor(bob), artifact).version
    references.add(Actor(bob), draft, [ReferenceSpec("open.csv", URIS["open.csv"])])
    alone = versions.finalize(Actor(bob), draft).version
    texts = [
        text_of(browser(bob).get(url).content.decode()) for url in (alone.get_absolute_url(), f"{OVERVIEW}/versions")
    ]
    assert all("Verified" not in text and "External" in text for text in texts)
    assert "Elsewhere 1, of unknown size" in texts[0]
