"""The page of a version: what it holds, and what one can do with it."""

import io
import re
import zipfile
from html import unescape

import pytest

from accounts.actor import Actor, Channel
from artifacts import folder_summaries, versions
from artifacts.aliases import aliases
from artifacts.content import archives
from artifacts.models import AliasChange, ArtifactDownload, ArtifactFile, ArtifactUsage, ArtifactVersion, Blob
from tests.artifacts.client import fill, log
from tests.conftest import HTMX

PAGE = "/acme/demo/artifacts/dataset/data/v1"


@pytest.fixture
def files() -> dict[str, bytes]:
    return {"README.md": b"# Data\n", "data/train.csv": b"a,b\n1,2\n", "data/deep/x.txt": b"x", "z #?&%.txt": b"z"}


@pytest.fixture
def version(bob, artifact, run, files) -> ArtifactVersion:
    logged = log(bob, artifact, files, "production")
    versions.describe(
        Actor(bob), logged, description="Cleaned of *doubles*", notes="See [x](https://e.org)", metadata={"n": 7}
    )
    ArtifactVersion.objects.filter(pk=logged.pk).update(run=run)
    return logged


def unread(version: ArtifactVersion) -> None:
    """As if the store had not vouched for the bytes: workers have yet to read them."""
    Blob.objects.filter(files__version=version).update(state=Blob.State.UPLOADED, md5=None)
    ArtifactVersion.objects.filter(pk=version.pk).update(integrity=ArtifactVersion.Integrity.PENDING)


def many(version: ArtifactVersion, count: int, form: str = "{0:06}.txt") -> None:
    ArtifactFile.objects.bulk_create(
        (
            ArtifactFile(
                version=version,
                path=form.format(number),
                name=form.format(number).rpartition("/")[2],
                size=number,
                mime_type="text/plain",
                blob=version.files.first().blob,
            )
            for number in range(count)
        ),
        batch_size=2000,
    )


def test_it_shows_state_aliases_and_run(browser, vera, version, run, work):
    work()
    page = browser(vera).get(PAGE).content.decode()

    for text in ("Finalized", "Verified", "production", "latest", "4 files", 'href="/users/bob"', run.name):
        assert text in page
    assert re.search(r">(just now|\d+ ?\w+ ago)<", page)
    version.refresh_from_db()
    assert f'data-copy="{version.digest}"' in page
    assert 'data-copy="acme/demo/data:v1"' in page
    assert "<em>doubles</em>" in page
    assert 'href="https://e.org" rel="nofollow noopener"' in page
    assert '<span class="key">n:</span> <span class="int">7</span>' in page


def test_it_shows_its_root_and_leads_into_folders(browser, vera, version):
    page = browser(vera).get(PAGE).content.decode()

    assert f'href="{PAGE}/files/README.md"' in page
    assert f'href="{PAGE}?path=data%2F" hx-get="{PAGE}?path=data%2F"' in page
    assert f'href="{PAGE}/files/z%20%23%3F%26%25.txt"' in page
    assert f'href="{PAGE}/download/README.md"' in page
    assert f"{PAGE}/files/data/train.csv" not in page
    assert version.files.get(path="README.md").blob.sha256 not in page

    folder = browser(vera).get(f"{PAGE}?path=data/").content.decode()
    assert f'href="{PAGE}/files/data/train.csv"' in folder and "deep/" in folder and "README" not in folder
    assert folder.count("<html") == 1

    deep = browser(vera).get(f"{PAGE}?path=data/deep", headers=HTMX).content.decode()
    assert "x.txt" in deep and f'href="{PAGE}?path=data%2F"' in deep and "<html" not in deep
    assert '<span aria-current="page">deep</span>' in deep


def test_a_folder_or_version_that_is_not_there(browser, vera, version):
    client = browser(vera)

    for url in (f"{PAGE}?path=nothing/", PAGE[:-1] + "2", PAGE.replace("/data/", "/none/"), f"{PAGE}/files/none"):
        assert client.get(url).status_code == 404
    # Its type can be changed: the URL of the former one leads on.
    assert client.get(PAGE.replace("dataset", "model"))["Location"] == PAGE
    assert client.get(f"{PAGE}?path=/").status_code == 200
    assert client.get(f"{PAGE}?after=zzz").status_code == 200


def test_large_folders_come_page_by_page(browser, vera, version):
    many(version, 250, "many/{0:03}.txt")
    client = browser(vera)

    page = client.get(f"{PAGE}?path=many/").content.decode()
    assert "many/099.txt" in page and "many/100.txt" not in page
    assert f'href="{PAGE}?path=many%2F&amp;after=099.txt&amp;offset=100"' in page
    assert f'hx-get="{PAGE}/files?path=many%2F&amp;after=099.txt&amp;offset=100"' in page

    more = client.get(f"{PAGE}/files?path=many/&after=099.txt", headers=HTMX).content.decode()
    assert "many/100.txt" in more and "many/199.txt" in more and "after=199.txt" in more and "<table" not in more
    last = client.get(f"{PAGE}/files?path=many/&after=199.txt", headers=HTMX).content.decode()
    assert "many/249.txt" in last and "Load more" not in last

    without_script = client.get(f"{PAGE}/files?path=many/&after=099.txt", follow=True)
    assert "many/100.txt" in without_script.content.decode() and "Back to the start" in without_script.content.decode()

    folder_summaries.store(version)
    assert "100 of 250" in client.get(f"{PAGE}?path=many/").content.decode()
    assert (
        "200 of 250" in client.get(f"{PAGE}/files?path=many/&after=099.txt&offset=100", headers=HTMX).content.decode()
    )

    rows = client.get(f"{PAGE}?filter=Y/12").content.decode()
    assert "many/120.txt" in rows and "many/119.txt" not in rows and "Load more" not in rows
    assert "10 of 10\n      matches in 254\n      files searched" in rows
    assert "contains “nowhere”" in client.get(f"{PAGE}?path=many&filter=nowhere").content.decode()
    for hostile in ("offset=x", "offset=-1", "offset=9999999999999999999", "filter=" + "x" * 300):
        assert client.get(f"{PAGE}?{hostile}").status_code == 200, hostile


def test_folders_and_ticked_files_are_downloaded_as_a_zip(browser, bob, vera, mallory, artifact, version, files):
    client = browser(vera)
    page = client.get(PAGE).content.decode()
    assert f'action="{PAGE}/selection.zip"' in page and 'name="select" value="data/"' in page
    assert f'href="{PAGE}.zip?path=data%2F"' in page and "2 files</span>" in page

    def names(response):
        body = b"".join(response.streaming_content)
        assert len(body) == int(response["Content-Length"])
        return set(zipfile.ZipFile(io.BytesIO(body)).namelist())

    folder = client.get(f"{PAGE}.zip?path=data/")
    assert 'filename="data-v1-data.zip"' in folder["Content-Disposition"]
    assert names(folder) == {"data/train.csv", "data/deep/x.txt"}
    ticked = {"select": ["README.md", "data/deep/", "data/deep/x.txt", "nowhere"]}
    assert names(client.post(f"{PAGE}/selection.zip", ticked)) == {"README.md", "data/deep/x.txt"}
    assert ArtifactDownload.objects.filter(version=version, user=vera).count() == 2

    nothing = client.post(f"{PAGE}/selection.zip", follow=True)
    assert "Select files or folders" in nothing.content.decode()
    assert client.post(f"{PAGE}/selection.zip", {"select": "nowhere"}).status_code == 404
    assert client.get(f"{PAGE}.zip?path=nowhere").status_code == 404
    many_paths = {"select": [f"{number}" for number in range(archives.MAX_SELECTED + 1)]}
    assert client.post(f"{PAGE}/selection.zip", many_paths, headers=HTMX).status_code == 400
    assert browser(mallory).post(f"{PAGE}/selection.zip", ticked).status_code == 404
    assert ArtifactDownload.objects.filter(version=version).count() == 2


@pytest.mark.parametrize("count", [10, 1_000])
def test_queries_do_not_grow_with_the_files(browser, vera, version, count, django_assert_max_num_queries):
    many(version, count)
    many(version, 300, "folder-{0}/x")
    client = browser(vera)

    with django_assert_max_num_queries(12):
        assert client.get(PAGE).status_code == 200
    with django_assert_max_num_queries(7):
        assert client.get(f"{PAGE}/files?after=000001.txt", headers=HTMX).status_code == 200


def test_versions_to_compare_with(browser, bob, vera, artifact, version):
    log(bob, artifact, {"two": b"2"})
    third = log(bob, artifact, {"three": b"3"}, "staging")
    page = unescape(browser(vera).get(PAGE.replace("v1", "v3")).content.decode())

    compare = PAGE.replace("v1", "compare")
    assert f'"{compare}?base=v2&head=v3"' in page
    assert f'"{compare}?base=v1&head=v3"' in page
    aliases.move(Actor(bob, Channel.SDK), artifact, "production", third)
    page = unescape(browser(vera).get(PAGE.replace("v1", "v3")).content.decode())
    assert "With production" not in page
    assert "With the previous" not in browser(vera).get(PAGE).content.decode()


def test_runs_that_used_it(browser, vera, version, run):
    assert "Used by" not in browser(vera).get(PAGE).content.decode()
    ArtifactUsage.objects.create(run=run, version=version)

    assert "Used by" in browser(vera).get(PAGE).content.decode()


def test_integrity_settles_by_itself(browser, vera, version, work):
    unread(version)
    client = browser(vera)
    assert f'hx-get="{PAGE}/integrity" hx-trigger="every 3s"' in client.get(PAGE).content.decode()
    assert client.get(f"{PAGE}/integrity", headers=HTMX).status_code == 204

    work()
    settled = client.get(f"{PAGE}/integrity", headers=HTMX).content.decode()
    assert "Verified" in settled and "hx-get" not in settled and 'id="facts" hx-swap-oob="true"' in settled
    assert 'hx-trigger="every 3s"' not in client.get(PAGE).content.decode()
    assert client.get(f"{PAGE}/integrity")["Location"] == PAGE


def test_rows_settle_by_themselves(browser, vera, version, work):
    unread(version)
    client = browser(vera)
    page = unescape(client.get(PAGE).content.decode())

    assert f'hx-get="{PAGE}/files?pending=2" hx-trigger="every 3s"' in page
    assert client.get(f"{PAGE}/files?pending=2", headers=HTMX).status_code == 204
    work()
    rows = client.get(f"{PAGE}/files?pending=2", headers=HTMX)
    assert rows.status_code == 200 and "every 3s" not in rows.content.decode() and "Verified" in rows.content.decode()


def test_a_corrupt_one_says_so(browser, vera, version):
    ArtifactVersion.objects.update(integrity=ArtifactVersion.Integrity.CORRUPT)
    Blob.objects.filter(files__path="README.md").update(state=Blob.State.CORRUPT)

    page = browser(vera).get(PAGE).content.decode()
    assert page.count("Corrupt") >= 2


def test_a_draft_is_for_editors(browser, bob, vera, artifact):
    fill(bob, artifact, {"a.txt": b"a"})

    assert browser(vera).get(PAGE).status_code == 404
    page = browser(bob).get(PAGE).content.decode()
    assert "Draft" in page and "Not uploaded yet" in page and f'href="{PAGE}/finalize"' in page
    assert "every 3s" not in page


def test_an_empty_draft(browser, bob, artifact):
    versions.begin(Actor(bob), artifact)

    assert "This draft is empty" in browser(bob).get(PAGE).content.decode()


def test_who_sees_and_may_do_what(browser, vera, bob, mallory, version):
    assert browser().get(PAGE).status_code == 302
    for part in ("", "/files", "/integrity", "/edit", "/finalize", "/delete", ".zip"):
        assert browser(mallory).get(PAGE + part).status_code == 404, part
    page = browser(vera).get(PAGE).content.decode()
    assert "/edit" not in page and "/delete" not in page and "Say what is new" not in page
    for act in ("edit", "finalize", "delete"):
        assert browser(vera).get(f"{PAGE}/{act}").status_code == 403
        assert browser(vera).post(f"{PAGE}/{act}", {"description": "x", "delete_aliases": "on"}).status_code == 403
    assert f'hx-get="{PAGE}/edit" hx-target="#modal"' in browser(bob).get(PAGE).content.decode()
    assert browser(bob).post(PAGE).status_code == 405


def test_editing(browser, bob, version):
    client = browser(bob)
    dialog = client.get(f"{PAGE}/edit", headers=HTMX).content.decode()
    assert "<html" not in dialog and "Cleaned of *doubles*" in dialog and "&quot;n&quot;: 7" in dialog

    response = client.post(f"{PAGE}/edit", {"description": "New", "notes": "", "metadata": '{"n": 8}'})
    assert (response.status_code, response["Location"]) == (302, PAGE)
    version.refresh_from_db()
    assert (version.description, version.notes, version.metadata) == ("New", "", {"n": 8})
    response = client.post(f"{PAGE}/edit", {"description": "Newer"}, headers=HTMX)
    assert (response.status_code, response["HX-Redirect"]) == (204, PAGE)


def test_finalizing(browser, bob, artifact, version):
    draft = versions.begin(Actor(bob), artifact).version
    client = browser(bob)
    page = f"{PAGE[:-1]}{draft.number}"

    assert "This action cannot be undone." in client.get(f"{page}/finalize", headers=HTMX).content.decode()
    response = client.post(f"{page}/finalize", {"aliases": "staging, v1.2.0", "description": "Second"}, follow=True)
    assert "v2 finalized." in response.content.decode()
    draft.refresh_from_db()
    assert (draft.is_finalized, draft.description) == (True, "Second")
    assert {row.alias for row in draft.aliases.all()} == {"latest", "staging", "v1.2.0"}
    change = AliasChange.objects.get(alias="staging")
    assert (change.channel, change.changed_by) == (Channel.WEB, bob)


def test_finalizing_an_incomplete_draft_is_refused_on_the_page(browser, bob, artifact):
    fill_nothing = versions.begin(Actor(bob), artifact).version
    many_missing = Blob.objects.create(project=artifact.project, size=1, sha256="0" * 64, created_by=bob)
    ArtifactFile.objects.create(
        version=fill_nothing, path="a", name="a", size=1, mime_type="text/plain", blob=many_missing
    )

    response = browser(bob).post(f"{PAGE}/finalize", {"description": "new"}, headers=HTMX)
    assert response.status_code == 409 and "uploaded" in response["X-Refusal"]
    response = browser(bob).post(f"{PAGE}/finalize", {"aliases": "a b!", "description": "new"}, headers=HTMX)
    assert response.status_code == 400
    fill_nothing.refresh_from_db()
    assert fill_nothing.description == ""


def test_deleting_asks_for_the_aliases(browser, bob, artifact, version):
    client = browser(bob)
    dialog = client.get(f"{PAGE}/delete", headers=HTMX).content.decode()
    assert "Also delete its aliases: production" in dialog and "cannot be undone" in dialog

    refused = client.post(f"{PAGE}/delete", {}, headers=HTMX)
    assert refused.status_code == 409 and "production" in refused["X-Refusal"]
    assert client.get(PAGE).status_code == 200

    response = client.post(f"{PAGE}/delete", {"delete_aliases": "on"}, follow=True)
    assert "data:v1 deleted." in response.content.decode()
    assert response.redirect_chain[0][0] == PAGE.replace("v1", "versions")
    assert client.get(PAGE).status_code == 404


def test_deleting_one_that_only_latest_follows(browser, bob, artifact, version):
    log(bob, artifact, {"two": b"2"})
    client = browser(bob)
    page = PAGE.replace("v1", "v2")

    assert "aliases too" not in client.get(f"{page}/delete", headers=HTMX).content.decode()
    assert client.post(f"{page}/delete", {}, headers=HTMX).status_code == 204
    assert [row.alias for row in version.aliases.all()] == ["production", "latest"]


def test_names_and_texts_are_escaped(browser, bob, artifact):
    files = {"<img src=x onerror=alert(1)>.txt": b"1", "<b>/x": b"2", "'\"><script>.svg": b"3"}
    logged = log(bob, artifact, files)
    versions.describe(Actor(bob), logged, description="<script>alert(1)</script>", metadata={"<i>": "</ul><script>"})

    page = browser(bob).get(PAGE).content.decode().split("<main")[1]
    assert not any(tag in page for tag in ("<img src=x", "<b>", "<script", "<i>"))
    assert f'href="{PAGE}?path=%3Cb%3E%2F"' in page and f'href="{PAGE}/files/%27%22%3E%3Cscript%3E.svg"' in page
    folder = browser(bob).get(f"{PAGE}?path=%3Cb%3E%2F").content.decode()
    assert "<b>" not in folder and f'href="{PAGE}/files/%3Cb%3E/x"' in folder
