"""Two versions side by side, as a page and as parts of it."""

import re
from html import unescape

import pytest

from accounts.actor import Actor
from artifacts import artifacts, errors, version_diff, versions
from artifacts.models import ArtifactVersion
from artifacts.previews import sandbox
from projects import runs
from projects.models import Run
from tests.artifacts.client import fill, log
from tests.web.sample_files import layer, png, safetensors

PAGE = "/acme/demo/artifacts/dataset/data/compare"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def pair(bob, artifact, work) -> tuple[ArtifactVersion, ArtifactVersion]:
    one = log(bob, artifact, {"a": b"same", "b/old": b"old", "d.txt": b"one\n<b>\n"}, "production")
    two = log(bob, artifact, {"a": b"same", "c/new": b"new!", "d.txt": b"one\n<i>\n"})
    versions.describe(Actor(bob), one, metadata={"rows": 1})
    versions.describe(Actor(bob), two, metadata={"rows": 2})
    work()
    return one, two


def chosen(page: str) -> list[str]:
    return [line.split('"')[1] for line in page.split("<option ") if " selected>" in line]


def test_the_newest_against_the_one_before(browser, vera, pair):
    page = browser(vera).get(PAGE).content.decode()

    assert chosen(page) == ["v1", "v2"]
    for count in ("1 added", "1 removed", "1 changed", "1 unchanged"):
        assert count in page
    for kind, path in (("added", "c/new"), ("removed", "b/old"), ("changed", "d.txt")):
        assert f'data-change="{kind}" data-path="{path}"' in page
    assert 'data-key-change="changed"' in page and "<code>rows</code>" in page
    assert 'href="?base=v2&amp;head=v1" hx-get="?base=v2&amp;head=v1"' in page
    assert "/acme/demo/artifacts/dataset/data/v2/files/c/new" in page
    assert "/acme/demo/artifacts/dataset/data/v1/files/b/old" in page


def test_any_two_by_version_or_alias(browser, vera, bob, artifact, pair):
    log(bob, artifact, {"a": b"third"})
    client = browser(vera)

    assert chosen(client.get(f"{PAGE}?base=production").content.decode()) == ["v1", "v3"]
    assert chosen(client.get(f"{PAGE}?head=v2").content.decode()) == ["v1", "v2"]
    page = client.get(f"{PAGE}?base=latest&head=v1").content.decode()
    assert chosen(page) == ["v3", "v1"]
    assert [page.index(f'<option value="v{number}"') for number in (3, 2, 1)] == sorted(
        page.index(f'<option value="v{number}"') for number in (3, 2, 1)
    )
    assert "v1 · production" in page and "v3 · latest" in page


def test_the_part_is_what_the_page_includes(browser, vera, pair):
    part = browser(vera).get(f"{PAGE}?base=v2&head=v1", headers=HTMX)

    assert part["Vary"] and part.content.decode().startswith('<div id="compare"')
    assert chosen(part.content.decode()) == ["v2", "v1"]


def test_many_changes_come_in_pages(browser, vera, bob, artifact, django_assert_max_num_queries):
    count = version_diff.CHANGES_A_PAGE + 5
    log(bob, artifact, {f"{number:03}": b"1" for number in range(count)})
    log(bob, artifact, {f"{number:03}": b"2" for number in range(count)})
    client = browser(vera)
    with django_assert_max_num_queries(12):
        page = client.get(PAGE).content.decode()
    assert f"{count} changed" in page and 'data-path="099"' in page and 'data-path="100"' not in page
    assert 'hx-get="?after=099" hx-select="#changes > li"' in page
    part = client.get(f"{PAGE}?after=099", headers=HTMX).content.decode()
    assert 'data-path="100"' in part and 'data-path="099"' not in part and 'rel="next"' not in part
    assert "No more changes." in client.get(f"{PAGE}?after=zzz").content.decode()


def test_choosing_costs_the_same_among_many_versions(browser, vera, bob, artifact, pair, django_assert_max_num_queries):
    rows = (
        ArtifactVersion(artifact=artifact, number=number, state="finalized", finalized_at=pair[0].created_at)
        for number in range(3, 400)
    )
    ArtifactVersion.objects.bulk_create(rows)
    client = browser(vera)
    with django_assert_max_num_queries(12):
        page = client.get(f"{PAGE}?base=production").content.decode()
    assert chosen(page) == ["v399", "v1"][::-1]
    assert page.count("<option") == 2 * 201


def test_lines_of_a_file_as_page_and_part(browser, vera, pair, django_assert_max_num_queries):
    client = browser(vera)
    with django_assert_max_num_queries(12):
        page = client.get(f"{PAGE}/file?base=v1&head=v2&path=d.txt").content.decode()
    assert "<html" in page and "1 line added" in page
    part = client.get(f"{PAGE}/file?base=v1&head=v2&path=d.txt", headers=HTMX).content.decode()
    assert "<html" not in part and "&lt;<del>b</del>&gt;" in part and "&lt;<ins>i</ins>&gt;" in part
    assert "The bytes are the same." in client.get(f"{PAGE}/file?path=a", headers=HTMX).content.decode()
    assert client.get(f"{PAGE}/file?path=nowhere").status_code == client.get(f"{PAGE}/file").status_code == 404


def test_a_row_asks_again_a_few_times_where_the_server_is_busy(monkeypatch, browser, vera, bob, artifact):
    log(bob, artifact, {"m.npz": b"1"})
    log(bob, artifact, {"m.npz": b"2"})

    def refuse(*args: object) -> None:
        raise errors.Busy("Busy.")

    monkeypatch.setattr(sandbox, "compare", refuse)
    client, url = browser(vera), f"{PAGE}/file?path=m.npz"
    asked = []
    while len(asked) < 10:
        part = client.get(url, headers=HTMX).content.decode()
        match = re.search(r'hx-get="([^"]+)" hx-trigger="load delay', " ".join(part.split()))
        if match is None:
            break
        asked.append(url := unescape(match[1]))
    assert len(asked) == 3 and all(again.startswith(f"{PAGE}/file?path=m.npz&tries=") for again in asked)
    assert f'href="{PAGE}/file?path=m.npz"' in part and ">Try again<" in part
    # A page does not load itself anew.
    assert "load delay" not in client.get(f"{PAGE}/file?path=m.npz&tries=1").content.decode()


def test_files_are_compared_by_what_they_hold(browser, vera, bob, artifact, django_assert_max_num_queries):
    table, image, tensors = b"id,<b>\n1,2\n", png(3, 2), safetensors({"<i>": layer(0)}, body=bytes(8))
    log(bob, artifact, {"t.csv": table, "p.png": image, "m.safetensors": tensors, "broken.npz": b"1", "r.npz": b"2"})
    changed = {"t.csv": table + b"2,3\n", "p.png": png(5, 4), "broken.npz": b"3", "r.npz": b"2"}
    log(bob, artifact, changed | {"m.safetensors": tensors[:-1] + b"x"})
    client = browser(vera)

    page = client.get(PAGE).content.decode()
    assert page.count("Compare contents") == 4
    with django_assert_max_num_queries(12):
        lines = client.get(f"{PAGE}/file?path=t.csv").content.decode()
    # The lines of a text stay.
    assert "1 row added" in lines and "matched by <code>id</code>" in lines and "1 line added" in lines
    pair = client.get(f"{PAGE}/file?path=p.png", headers=HTMX).content.decode()
    base = PAGE.removesuffix("/compare")
    assert f'src="{base}/v1/image/p.png" width="3"' in " ".join(pair.split())
    assert f'src="{base}/v2/image/p.png" width="5"' in " ".join(pair.split()) and "Not a text file" not in pair
    part = client.get(f"{PAGE}/file?path=m.safetensors", headers=HTMX).content.decode()
    assert "1 with different values" in part and "&lt;i&gt;" in part and "<i>" not in part
    # Where no tensor has changed so, none is counted.
    assert "0 with a different type or shape" in part and "dict_values" not in part
    broken = client.get(f"{PAGE}/file?path=broken.npz", headers=HTMX).content.decode()
    assert "not an archive of arrays" in broken
    assert "The bytes are the same." in client.get(f"{PAGE}/file?path=r.npz", headers=HTMX).content.decode()


def test_numbers_have_their_difference_and_runs_their_config(
    browser, vera, bob, pair, project, django_assert_max_num_queries
):
    one, two = pair
    versions.describe(Actor(bob), one, metadata={"rows": 1000, "mAP": 0.8, "zero": 0, "on": True, "huge": 10**400})
    versions.describe(Actor(bob), two, metadata={"rows": 2234, "mAP": 0.75, "zero": 2, "on": False, "huge": 1.5})
    for number, version in enumerate(pair):
        run = runs.start(Actor(bob), project, config={"lr": 0.1 * (number + 1), "seed": 1})
        Run.objects.filter(pk=run.pk).update(summary={"loss": 0.5 - number * 0.25})
        ArtifactVersion.objects.filter(pk=version.pk).update(run=run)
    client = browser(vera)

    with django_assert_max_num_queries(12):
        page = client.get(PAGE).content.decode()
    for delta in ("+1,234 (+123.4%)", "-0.05 (-6.3%)", "+2<", "+0.1 (+100.0%)", "-0.25 (-50.0%)"):
        assert delta in page, delta
    assert page.count("(+") + page.count("(-") == 4
    assert "Run config" in page and "Run summary" in page and "<code>seed</code>" not in page


def test_two_ticked_versions_are_compared(browser, vera, bob, artifact, pair):
    client = browser(vera)
    page = client.get(PAGE.replace("compare", "versions")).content.decode()

    url = PAGE.replace("compare", "versions/compare")
    assert page.count('name="item"') == 2 and f'formaction="{url}"' in page
    one, two = (version.pk for version in pair)
    assert client.get(f"{url}?item={two}&item={one}")["Location"] == f"{PAGE}?base=v1&head=v2"
    for ticked in (f"item={one}", f"item={one}&item={one}", f"item={artifact.pk}&item={one}"):
        response = client.get(f"{url}?{ticked}", follow=True)
        assert "Select two versions to compare." in response.content.decode()


def test_one_version_or_none(browser, alice, bob, vera, project, artifact):
    client = browser(vera)
    fill(bob, artifact, {"x": b"x"})
    assert "No versions yet" in client.get(PAGE).content.decode()
    assert client.get(f"{PAGE}/file?path=x").status_code == 404
    log(bob, artifact, {"x": b"x"})
    page = client.get(PAGE).content.decode()
    assert "is the first version" in page and "data-counts" not in page
    assert "Both are v1." in client.get(f"{PAGE}?base=v1&head=v1").content.decode()
    artifacts.create(Actor(alice), project, "empty", "file")
    assert client.get("/acme/demo/artifacts/file/empty/compare").status_code == 200


def test_what_is_not_there(browser, vera, mallory, pair):
    for query in ("base=v9", "head=nope", "base=%00", "base=a/b"):
        assert browser(vera).get(f"{PAGE}?{query}").status_code in (400, 404)
    for url in (PAGE, f"{PAGE}/file?path=d.txt"):
        assert browser(mallory).get(url).status_code == 404
        assert browser().get(url)["Location"].startswith("/login")
        assert browser(vera).post(url).status_code in (403, 405)


def test_nothing_of_theirs_is_markup(browser, vera, bob, artifact):
    evil = "<img src=x onerror=alert(1)>"
    for number in (1, 2):
        version = log(bob, artifact, {f"{evil}.txt": f"{evil}{number}".encode()})
        versions.describe(Actor(bob), version, metadata={evil: f"{evil}{number}"})
    client = browser(vera)

    assert "<img src=x" not in client.get(PAGE).content.decode()
    page = client.get(f"{PAGE}/file", {"path": f"{evil}.txt"}).content.decode()
    assert "<img src=x" not in page and "1 line added" in page
