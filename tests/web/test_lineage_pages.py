"""The lineage of artifacts, versions and runs on their pages, and what a change of a version would affect."""

import re
from urllib.parse import urlencode

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor
from artifacts.aliases import aliases, protection
from artifacts.lineage import impact, usages
from artifacts.models import Artifact, ArtifactUsage, ArtifactVersion, VersionSource
from harness import lineage_data
from projects import projects, runs
from projects.models import Project, Run
from tests.conftest import HTMX

DATA = "/acme/demo/artifacts/dataset/data"
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def text(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def boxes(page: str) -> dict[str, str]:
    """The titles of the picture's nodes, with the attributes of each."""
    found = re.findall(r'<(?:a|g)[^>]*?(?:\s)id="n-[^"]*" class="node ([^"]*)"([^>]*)>\s*<title>([^<]*)</title>', page)
    return {title: f"{style}{rest}" for style, rest, title in found}


@pytest.fixture
def trained(bob, run, other, v1, v2) -> ArtifactVersion:
    """data:v2, which the run used as `latest` and logged other:v1 from; `other:v1` is in production."""
    usages.use(Actor(bob), run, "data:latest")
    model = finalized(other, 1, run=run, created_by=bob, total_size=3 * 2**20)
    aliases.move(Actor(bob), other, "production", model)
    return v2


def finalized(artifact: Artifact, number: int, **columns) -> ArtifactVersion:
    return ArtifactVersion.objects.create(
        artifact=artifact, number=number, state="finalized", integrity="verified", digest="0" * 64,
        finalized_at=artifact.created_at, storage_path=f"artifacts/{artifact.pk}/v{number}/", **columns,
    )  # fmt: skip


@pytest.fixture
def hidden(mallory, trained) -> Run:
    """What mallory made of it, in a project of her own."""
    theirs = projects.create(Actor(mallory), mallory.personal_team, "hushhush")
    run = runs.start(Actor(mallory), theirs, name="hushhush-run", job_type="hushhush")
    ArtifactUsage.objects.create(run=run, version=trained, requested_as=["latest"])
    return run


def test_the_picture_of_a_version(browser, vera, trained, hidden, run):
    page = text(browser(vera).get(f"{DATA}/v2/lineage"))
    drawn = boxes(page)
    [root] = [name for name in drawn if name.startswith("data:v2")]
    assert 'aria-current="true"' in drawn[root] and drawn[root].startswith("dataset")
    [model] = [name for name in drawn if name.startswith("other:v1")]
    assert "production" in model and "3.0 MiB" in model and "acme/demo" in model
    assert any(style.startswith(f"run {run.state}") for style in drawn.values())
    assert "hushhush" not in page and drawn["Private: you don&#x27;t have access to it"].startswith("private")
    assert f"<title>{run.title} used data:v2 as latest" in page
    assert 'href="/acme/demo/artifacts/model/other/v1"' in page and f'href="/acme/demo/runs/{run.name}"' in page
    assert 'aria-current="page" data-key="6">Lineage' in " ".join(page.split())
    # The list of the same, for narrow windows.
    assert re.search(rf"Used by</span>\s*<a href=\"/acme/demo/runs/{run.name}\"", page)
    assert not re.search(r"\sstyle=|\son\w+=|<script(?! (src|type))", page)


@pytest.mark.parametrize("url", [DATA, f"{DATA}/v2", "/acme/demo/runs/brisk-otter-1"])
def test_the_tab_leads_there_from_everything_that_has_a_lineage(browser, vera, trained, url):
    client = browser(vera)
    assert f'href="{url}/lineage"' in text(client.get(url))
    assert "<svg viewBox" in text(client.get(f"{url}/lineage"))


def test_switches_are_links_and_keep_one_another(browser, vera, trained, run):
    client = browser(vera)
    page = text(client.get(f"{DATA}/v2/lineage?direction=downstream&depth=1"))
    drawn = "".join(boxes(page))
    assert run.title in drawn and "other:v1" not in drawn
    assert 'href="?direction=upstream&amp;depth=1"' in page and "<option selected>1</option>" in " ".join(page.split())
    assert re.search(r'href="\?direction=downstream&amp;depth=1&amp;from=downstream\.run\.[0-9a-f-]{36}"', page), (
        "cut off"
    )
    [more] = re.findall(r'href="(\?[^"]*from=[^"]*)" hx-get', page)[:1]
    assert "other:v1" in "".join(boxes(text(client.get(f"{DATA}/v2/lineage{more.replace('&amp;', '&')}"))))

    assert "No lineage yet" in text(client.get("/acme/demo/artifacts/model/other/lineage?direction=downstream"))
    folded = boxes(text(client.get(f"{DATA}/v2/lineage?nodes=artifacts")))
    assert any(name.startswith("data ·") and "aria-current" in rest for name, rest in folded.items())
    versions = boxes(text(client.get(f"{DATA}/lineage?nodes=versions")))
    assert any(name.startswith("data:v2") for name in versions)
    wrong = text(client.get(f"{DATA}/v2/lineage?direction=up&depth=51&nodes=x&view=x&open=x&from=y&from=upstream.z"))
    assert "other:v1" in "".join(boxes(wrong))


def test_htmx_gets_the_part_alone_and_the_list_can_be_chosen(browser, vera, trained):
    part = browser(vera).get(f"{DATA}/v2/lineage?view=list", headers=HTMX)
    body = text(part)
    assert "<html" not in body and body.lstrip().startswith('<section id="lineage"') and "HX-Request" in part["Vary"]
    assert "<svg viewBox" not in body and "Used by" in body
    assert "outline" not in text(browser(vera).get(f"{DATA}/v2/lineage?view=picture", headers=HTMX))


def test_many_siblings_are_folded_until_one_opens_them(browser, alice, project):
    middle = lineage_data.fill(Actor(alice), project, generations=2)
    url = f"{middle.get_absolute_url()}/lineage"
    client = browser(alice)
    page = text(client.get(url))
    folds = {name: rest for name, rest in boxes(page).items() if rest.startswith("fold")}
    assert any(name.startswith("36 more runs") for name in folds)
    [key] = re.findall(r'href="\?open=([0-9a-f]{8})" hx-get="[^"]*"\s+id="n-\1"', page)[:1]
    opened = text(client.get(f"{url}?open={key}"))
    assert len(boxes(opened)) > len(boxes(page)) and "Fold again" in opened
    everything = boxes(text(client.get(f"{url}?open=all")))
    assert not any(rest.startswith("fold") for rest in everything.values()) and len(everything) > 90


def test_pages_cost_the_same_whatever_is_on_them(browser, alice, project):
    middle = lineage_data.fill(Actor(alice), project, generations=1)
    client = browser(alice)
    client.get("/")

    def costs() -> dict[str, int]:
        detector, trial = Artifact.objects.get(name="detector"), Run.objects.filter(job_type="train").latest("id")
        version = detector.versions.latest("id")
        urls = [f"{thing.get_absolute_url()}/lineage" for thing in (middle, version, detector, trial)]
        expand = f"from=downstream.run.{trial.pk}&from=downstream.version.{version.pk}"
        urls += [f"{url}?{query}" for url in urls for query in ("nodes=artifacts", "view=list", f"depth=1&{expand}")]
        item = f"item={middle.pk}&item={version.pk}"
        urls += [f"{middle.get_absolute_url()}/impact", f"/artifacts/selected/impact?{item}"]
        return {url.replace(str(version.pk), ""): _cost(client, url) for url in urls}

    before = costs()
    assert max(before.values()) <= 12, before
    lineage_data.fill(Actor(alice), project, base=middle, generations=2, named=lambda name: f"more-{name}")
    after = costs()
    assert {url: after[url] for url in before if url in after} == {url: before[url] for url in before if url in after}
    assert max(after.values()) <= 12, after
    caches["lineage"].clear()
    url = f"{middle.get_absolute_url()}/lineage"
    pictures = {re.search(r"<svg viewBox.*?</svg>\s*</div>", text(client.get(url)), re.S)[0] for _ in range(2)}
    assert len(pictures) == 1


def _cost(client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def test_names_are_text(browser, vera, bob, trained, project, run):
    Run.objects.filter(pk=run.pk).update(display_name=EVIL, job_type=EVIL[:60])
    Project.objects.filter(pk=project.pk).update(description=EVIL)
    ArtifactUsage.objects.update(requested_as=[EVIL])
    client = browser(vera)
    for url in (f"{DATA}/v2/lineage", f"{DATA}/lineage", f"{DATA}/v2/impact", f"/acme/demo/runs/{run.name}/lineage",
                f"{DATA}/v2/lineage?open={EVIL}&from={EVIL}&direction={EVIL}"):  # fmt: skip
        page = text(client.get(url))
        assert "<script>alert" not in page and "<img src=x" not in page and "<svg/onload" not in page


def test_the_lineage_of_a_draft_and_of_what_is_private(browser, bob, vera, mallory, artifact, trained):
    draft = ArtifactVersion.objects.create(artifact=artifact, created_by=bob)
    VersionSource.objects.create(version=draft, source=trained)
    assert "Lineage" in text(browser(bob).get(f"{DATA}/{draft.pk}/lineage"))
    for user, url in ((vera, f"{DATA}/{draft.pk}/lineage"), (mallory, f"{DATA}/v2/lineage"),
                      (mallory, f"{DATA}/v2/impact"), (mallory, f"{DATA}/v2/impact.csv"),
                      (mallory, "/acme/demo/runs/brisk-otter-1/lineage"), (vera, f"{DATA}/v99/lineage")):  # fmt: skip
        assert browser(user).get(url).status_code == 404


def test_impact_is_a_table_with_filters_and_csv(browser, vera, trained, hidden, run):
    client = browser(vera)
    page = " ".join(text(client.get(f"{DATA}/v2/impact")).split())
    assert "1 version" in page and "1 run" in page and "1 item that you don&#x27;t have access to" in page
    assert "other:v1" in page and run.title in page and "hushhush" not in page and "production" in page
    runs_only = text(client.get(f"{DATA}/v2/impact?show=runs", headers=HTMX))
    assert run.title in runs_only and "other:v1" not in runs_only and "<html" not in runs_only
    assert "Nothing matches" in text(client.get(f"{DATA}/v2/impact?show=protected"))
    csv = client.get(f"{DATA}/v2/impact.csv?show=versions")
    lines = b"".join(csv).decode().splitlines()
    assert csv["Content-Type"].startswith("text/csv") and len(lines) == 2 and "other" in lines[1]
    assert "Nothing was made from" in text(client.get("/acme/demo/artifacts/model/other/v1/impact"))
    assert client.get(f"{DATA}/v2/impact?cursor=nonsense").status_code == 400


def test_filters_are_in_the_url_of_the_page(browser, vera, trained):
    client = browser(vera)
    part = text(client.get(f"{DATA}/v2/impact?show=runs", headers=HTMX | current(f"{DATA}/v2/impact")))
    assert 'hx-push-url="true"' in part and "<noscript><button>Filter" in part
    beside = text(client.get(f"{DATA}/v2/impact", headers=HTMX | current(f"{DATA}/v2/lineage")))
    assert "hx-push-url" not in beside and "hx-disable" in beside
    # There the filter leads to the page of its own.
    assert f'action="{DATA}/v2/impact"' in beside and "<noscript>" not in beside


def current(url: str) -> dict[str, str]:
    return {"HX-Current-URL": f"http://testserver{url}"}


def test_more_can_be_looked_at_where_there_is_more(monkeypatch, browser, vera, trained):
    monkeypatch.setattr(impact, "_DEFAULT_LIMITS", (1, None))
    client = browser(vera)
    page = text(client.get(f"{DATA}/v2/impact"))
    assert "at least 1 run" in page and "other:v1" not in page
    [more] = re.findall(rf'href="({DATA}/v2/impact\?all=on)"', page)
    page = text(client.get(more))
    assert "at least 1" not in page and "other:v1" in page and "Look at up to" not in page
    assert "other:v1" in text(client.get(f"{DATA}/v2/impact?show=versions"))


def test_the_impact_of_several(browser, vera, mallory, artifact, other, trained, v1, run):
    client, url = browser(vera), "/artifacts/selected/impact"
    page = " ".join(text(client.get(url, {"item": [v1.pk, trained.pk]})).split())
    assert "would be affected by a change of data:v2 and data:v1" in page and "other:v1" in page
    page = text(client.get(url, {"item": artifact.pk, "show": "runs"}))
    assert "<h1>data</h1>" in page and run.title in page and "other:v1" not in page
    assert (
        f'<input type="hidden" name="item" value="{artifact.pk}">' in page and f"impact.csv?item={artifact.pk}" in page
    )
    lines = b"".join(client.get(f"{url}.csv", {"item": [artifact.pk, trained.pk]})).decode().splitlines()
    assert len(lines) == 3
    assert "Nothing was made from other" in text(client.get(url, {"item": other.pk}))
    for user, item in ((mallory, trained.pk), (mallory, artifact.pk), (vera, "x"), (vera, run.pk), (vera, "")):
        assert browser(user).get(url, {"item": item}).status_code == 404
        assert browser(user).get(f"{url}.csv", {"item": item}).status_code == 404


def test_dialogs_warn_of_what_would_be_affected(browser, alice, artifact, trained, v1):
    client = browser(alice)
    aliases.move(Actor(alice), artifact, "stable", trained)
    expected = "Downstream of data:v2: 1 version and 1 run (1 running) in 1 project of 1 team."
    assert expected in text(client.get(f"{DATA}/v2/delete", headers=HTMX))
    assert f'href="{DATA}/v2/impact"' in text(client.get(f"{DATA}/v2/delete", headers=HTMX))
    assert "Downstream of" not in text(client.get(f"{DATA}/v1/delete", headers=HTMX))
    of_all = expected.replace("data:v2", "data")
    assert of_all in text(client.get(f"{DATA}/delete", headers=HTMX))
    assert f'href="/artifacts/selected/impact?item={artifact.pk}"' in text(client.get(f"{DATA}/delete", headers=HTMX))

    move = f"{DATA}/aliases/stable/move?version=v1"
    assert "Downstream of" not in text(client.get(move, headers=HTMX)), "what is not protected moves every day"
    protection.create(Actor(alice), artifact, "stable")
    for url in (move, f"{DATA}/aliases/stable/delete"):
        assert expected in text(client.get(url, headers=HTMX)).replace("(1 with protected aliases) ", "")


def test_dialogs_about_several_warn_too(browser, alice, artifact, other, trained, v1):
    client = browser(alice)
    versions, artifacts_ = {"item": [trained.pk, v1.pk]}, {"item": [artifact.pk, other.pk]}
    affected = "1 version and 1 run (1 running) in 1 project of 1 team."
    page = text(client.get(f"{DATA}/versions/delete", {"item": v1.pk}))
    assert "Downstream of" not in page
    page = text(client.get(f"{DATA}/versions/delete", versions))
    assert f"Downstream of data:v2 and data:v1: {affected}" in page
    assert f'href="/artifacts/selected/impact?item={trained.pk}&amp;item={v1.pk}"' in page
    page = text(client.get("/artifacts/selected/delete", artifacts_))
    assert "Downstream of data and other: 1 run (1 running) in 1 project of 1 team." in page
    for url, query in ((f"{DATA}/versions/delete", versions), ("/artifacts/selected/delete", artifacts_)):
        assert _cost(client, f"{url}?{urlencode(query, doseq=True)}") <= 12
    # What cannot be deleted is not warned of.
    aliases.move(Actor(alice), artifact, "stable", trained)
    protection.create(Actor(alice), artifact, "stable")
    assert "Downstream of" not in text(client.get(f"{DATA}/versions/delete", versions))


def test_a_swap_that_takes_a_protected_alias_away_warns(browser, alice, bob, artifact, trained, v1):
    aliases.move(Actor(alice), artifact, "stable", trained)
    aliases.move(Actor(alice), artifact, "old", v1)
    client, url = browser(alice), f"{DATA}/aliases/swap"
    swap = {"one": "stable", "other": "old"}
    page = text(client.get(url, swap))
    assert "(1 version older)" in page and "Downstream of" not in page, "what is not protected moves every day"
    protection.create(Actor(alice), artifact, "stable")
    part = text(client.get(url, swap | {"plan": "1"}, headers=HTMX))
    assert "<form" not in part and "Downstream of data:v2: 1 version" in part and f'href="{DATA}/v2/impact"' in part
    assert "Propose each move instead" not in part
    assert "Propose each move instead" in text(browser(bob).get(url, swap))
    # Without script, the button `Preview` asks.
    asked = client.post(url, swap | {"preview": "1"})
    assert asked.status_code == 200 and "Downstream of data:v2" in asked.content.decode()
    assert artifact.alias_set.get(alias="stable").version == trained
    protection.create(Actor(alice), artifact, "old")
    part = text(client.get(url, swap | {"plan": "1"}, headers=HTMX))
    assert "Downstream of data:v2 and data:v1" in part and _cost(client, f"{url}?{urlencode(swap)}") <= 12
    for nothing in ({"one": "stable"}, {"one": "stable", "other": "stable"}, {"one": "stable", "other": "\x01"}):
        assert "plan" not in text(client.get(url, nothing | {"plan": "1"}, headers=HTMX))
