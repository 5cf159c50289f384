"""The page that uploads, and the draft that it fills. What its script does is for a real browser to test."""

import re

import pytest
from django.conf import settings

from accounts.actor import Actor
from artifacts import draft_files, versions
from artifacts.content import single_upload
from artifacts.draft_files import FileSpec
from artifacts.models import AliasChange, ArtifactVersion
from tests.artifacts.client import log, send, sha256

PAGE = "/acme/demo/artifacts/dataset/data/upload"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def draft(bob, artifact) -> ArtifactVersion:
    return versions.begin(Actor(bob), artifact).version


def add(user, draft, path: str, body: bytes = b"body") -> None:
    """A file as a browser sends it, without a hash."""
    obj = single_upload.begin(Actor(user), draft, FileSpec(path, len(body)))
    send(single_upload.sign_put(obj), body)
    single_upload.register(Actor(user), draft, FileSpec(path, len(body)), obj.key)


def test_the_page_waits_for_the_first_file_to_begin_a_draft(browser, bob, artifact):
    page = browser(bob).get(PAGE).content.decode()

    assert f'data-artifact="{artifact.pk}"' in page and "data-version" not in page
    assert "no files yet" in page and "This action cannot be undone." in page
    assert re.search(r'<button type="submit" class="primary" disabled>', page)
    assert ArtifactVersion.objects.count() == 0


def test_a_draft_goes_on(browser, bob, draft):
    add(bob, draft, "a/x.csv")
    page = browser(bob).get(f"{PAGE}?version=v1").content.decode()

    assert f'data-version="{draft.pk}"' in page and "Finalize v1" in page
    assert "a/x.csv" in page and "1 file, 4 B" in page
    assert not re.search(r'class="primary" disabled', page)


def test_without_script_it_says_how_else(browser, bob, artifact):
    page = browser(bob).get(PAGE).content.decode()

    noscript = re.search(r"<noscript>.*?</noscript>", page, re.S)[0]
    assert "add_dir" in noscript and "wanllmdb artifact put path/to/files --name acme/demo/data" in noscript


def test_this_page_alone_may_speak_to_the_store(browser, bob, artifact):
    client = browser(bob)

    assert f"connect-src 'self' {settings.STORE_ORIGIN}" in client.get(PAGE)["Content-Security-Policy"]
    assert settings.STORE_ORIGIN not in client.get(f"{PAGE}/files")["Content-Security-Policy"]


def test_own_drafts_are_offered(browser, alice, bob, artifact, draft):
    others = versions.begin(Actor(alice), artifact).version
    own = versions.begin(Actor(bob), artifact, numbering="on_finalize").version
    add(bob, own, "x.csv")
    page = browser(bob).get(PAGE).content.decode()

    assert re.search(rf'href="{PAGE}[?]version={own.pk}">\s*Continue draft\s+[(]1 file[)]', page)
    assert re.search(rf'href="{PAGE}[?]version=v1">\s*Continue draft v1\s+[(]0 files[)]', page)
    assert f'href="{own.get_absolute_url()}/delete"' in page and f"version={others.version}" not in page
    page = browser(bob).get(f"{PAGE}?version={own.pk}").content.decode()
    assert "Your other drafts" in page and page.count("Continue draft") == 1 and f'value="{own.pk}"' in page


def test_a_draft_without_a_number_is_v1_in_the_end(browser, bob, vera, artifact):
    discarded, draft = (versions.begin(Actor(bob), artifact, numbering="on_finalize").version for _ in range(2))
    add(bob, draft, "x.csv")
    client, overview = browser(bob), PAGE.removesuffix("/upload")
    versions_tab = f"{overview}/versions"
    for url in (versions_tab, overview):
        page = client.get(url).content.decode()
        assert "visible to editors only" in page and page.count("Continue draft") == 2, url
        assert re.search(r"· by\s+<a [^>]*>\s*bob", page), url
        assert "Continue draft" not in browser(vera).get(url).content.decode(), url

    url = discarded.get_absolute_url()
    assert "number" not in (dialog := client.get(f"{url}/delete").content.decode()) and "Discard data (draft " in dialog
    page = client.post(f"{url}/delete", follow=True).content.decode()
    assert "discarded." in page and page.count("Continue draft") == 1
    assert client.get(url).status_code == 404
    url = draft.get_absolute_url()
    assert url == f"{overview}/{draft.pk}"
    page = client.get(url).content.decode()
    assert f"draft {str(draft.pk)[-8:]}" in page and f'"{PAGE}?version={draft.pk}"' in page and "/compare?" not in page
    assert client.get(f"{url}/files/x.csv").status_code == client.get(f"{url}.zip").status_code == 200
    assert browser(vera).get(url).status_code == 404

    answer = client.post(f"{PAGE}?version={draft.pk}", {"version": str(draft.pk)}, follow=True)
    assert answer.redirect_chain == [(f"{overview}/v1", 302)] and "v1 finalized." in answer.content.decode()
    assert client.get(url)["Location"] == f"{overview}/v1"
    assert "Continue draft" not in client.get(versions_tab).content.decode()


def test_hashes_appear_and_then_it_asks_no_more(browser, bob, draft, work):
    add(bob, draft, "x.csv")
    client = browser(bob)
    part = client.get(f"{PAGE}/files?version=v1", headers=HTMX).content.decode()
    assert "<html" not in part
    assert "pending" in part and 'hx-trigger="every 1s"' in part and "polls=1" in part
    later = client.get(f"{PAGE}/files?version=v1&polls=60", headers=HTMX).content.decode()
    assert 'hx-trigger="every 15s"' in later and "polls=61" in later

    work()
    part = client.get(f"{PAGE}/files?version=v1&polls=x", headers=HTMX).content.decode()
    assert sha256(b"body") in part and 'data-integrity="verified"' in part
    assert "hx-trigger" not in part


def test_a_long_draft_is_split_into_pages(browser, bob, draft, django_assert_max_num_queries):
    draft_files.add(Actor(bob), draft, [FileSpec(f"{number:03}", 1, sha256(b"%d" % number)) for number in range(120)])
    client = browser(bob)
    with django_assert_max_num_queries(12):
        first = client.get(f"{PAGE}?version=v1").content.decode()
    assert "049" in first and ">050<" not in first and "after=049" in first
    with django_assert_max_num_queries(12):
        part = client.get(f"{PAGE}/files?version=v1&after=099", headers=HTMX).content.decode()
    assert ">100<" in part and ">119<" in part and 'rel="next"' not in part


def test_taking_a_file_out(browser, bob, draft):
    add(bob, draft, "x.csv")
    add(bob, draft, "y.csv")
    one, two = draft.files.order_by("path")
    client = browser(bob)

    part = client.post(f"{PAGE}/remove?version=v1", {"file": one.pk}, headers=HTMX)
    assert part.status_code == 200 and "x.csv" not in part.content.decode() and "1 file, 4 B" in part.content.decode()
    response = client.post(f"{PAGE}/remove?version=v1", {"file": two.pk})
    assert (response.status_code, response["Location"]) == (302, f"{PAGE}?version=v1")
    assert draft.files.count() == 0
    for odd in (one.pk, "x", ""):
        assert client.post(f"{PAGE}/remove?version=v1", {"file": odd}, headers=HTMX).status_code == 200


def test_a_file_of_another_version_stays(browser, bob, artifact, draft, v2):
    kept = v2.files.get()
    client = browser(bob)

    assert client.post(f"{PAGE}/remove?version=v1", {"file": kept.pk}, headers=HTMX).status_code == 200
    assert client.post(f"{PAGE}/remove?version={v2.version}", {"file": kept.pk}, headers=HTMX).status_code == 409
    assert client.post(f"{PAGE}/remove", {"file": kept.pk}, headers=HTMX).status_code == 404
    assert v2.files.count() == 1


@pytest.mark.parametrize("htmx", [True, False])
def test_finalizing(browser, bob, draft, htmx):
    add(bob, draft, "x.csv")
    fields = {"version": "v1", "aliases": "production, v1.0.0 staging", "description": "From *here*"}
    response = browser(bob).post(PAGE, fields, headers=HTMX if htmx else {})

    there = "/acme/demo/artifacts/dataset/data/v1"
    assert (response.status_code, response["HX-Redirect" if htmx else "Location"]) == (204 if htmx else 302, there)
    draft.refresh_from_db()
    assert (draft.state, draft.description) == ("finalized", "From *here*")
    assert set(draft.aliases.values_list("alias", flat=True)) == {"latest", "production", "v1.0.0", "staging"}
    assert set(AliasChange.objects.values_list("channel", flat=True)) == {"web"}


def test_finalizing_twice_is_once(browser, bob, draft):
    add(bob, draft, "x.csv")
    client = browser(bob)

    assert [client.post(f"{PAGE}?version=v1", {"aliases": "a"}).status_code for _ in range(2)] == [302, 302]
    assert client.get(f"{PAGE}?version=v1")["Location"] == "/acme/demo/artifacts/dataset/data/v1"


def test_what_cannot_be_finalized(browser, bob, draft):
    add(bob, draft, "x.csv")
    client = browser(bob)
    response = client.post(PAGE, {"version": "v1", "aliases": "no!"}, headers=HTMX)
    assert response.status_code == 400 and "not%20an%20alias" in response["X-Refusal"]
    response = client.post(PAGE, {"version": "", "aliases": ""}, headers=HTMX)
    assert response.status_code == 422 and "Upload a file first." in response.content.decode()
    assert client.post(PAGE, {"version": "v9"}, headers=HTMX).status_code == 404
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_who_may_not(browser, vera, mallory, bob, draft):
    add(bob, draft, "x.csv")
    file = draft.files.get()
    for person, status in ((vera, 403), (mallory, 404)):
        client = browser(person)
        assert client.get(PAGE).status_code == client.get(f"{PAGE}/files?version=v1").status_code == status
        assert client.post(PAGE, {"version": "v1"}).status_code == status
        assert client.post(f"{PAGE}/remove?version=v1", {"file": file.pk}).status_code == status
    assert browser().get(PAGE)["Location"].startswith("/login")
    draft.refresh_from_db()
    assert (draft.state, draft.files.count()) == ("draft", 1)


def test_paths_are_escaped(browser, bob, draft):
    add(bob, draft, '"><img src=x onerror=alert(1)>.csv')

    assert "<img src=x" not in browser(bob).get(f"{PAGE}?version=v1").content.decode()


def test_a_version_that_is_not_there(browser, bob, artifact):
    log(bob, artifact, {"x": b"x"})
    for odd in ("v7", "x", "v0", "latest"):
        assert browser(bob).get(f"{PAGE}?version={odd}").status_code == 404
