"""The search of every page: artifacts, versions by alias, projects, runs."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import teams
from accounts.actor import Actor
from accounts.models import FormerName
from artifacts import artifacts, versions
from artifacts.aliases import aliases
from artifacts.models import Artifact, ArtifactVersion, SearchDocument
from projects import projects, runs
from tests.conftest import HTMX
from tests.web.test_home_page import logged


@pytest.fixture
def ranker(alice, project) -> Artifact:
    return artifacts.create(Actor(alice), project, "ranker", "model", description="Two-tower", tags=["baseline"])


@pytest.fixture
def production(alice, ranker) -> ArtifactVersion:
    logged(alice, ranker, 1)
    version = logged(alice, ranker, 2)
    aliases.move(Actor(alice), ranker, "production", version)
    return version


def search_hits(client, query: str) -> dict[str, list]:
    response = client.get("/search", {"q": query}, headers=HTMX)
    assert response.status_code == 200
    return {group.kind: group.hits for group in response.context["groups"]}


@pytest.mark.parametrize("query", ["rank", "RANKER", "two-tower", "baseline", "acme/demo/ranker"])
def test_artifacts_match(browser, vera, ranker, query):
    assert search_hits(browser(vera), query)["artifacts"] == [ranker]


@pytest.mark.parametrize("query", ["production", "prod", "PROD", "ranker:production", "rank:prod", ":production"])
def test_versions_match_by_their_aliases(browser, vera, production, query):
    [alias] = search_hits(browser(vera), query)["versions"]
    assert (alias.alias, alias.version) == ("production", production)


def test_what_was_renamed_is_found_by_its_former_names(browser, api, alice, vera, mallory, acme, project, production):
    ranker = production.artifact
    artifacts.update(Actor(alice), ranker, name="sorter")
    projects.update(Actor(alice), project, name="trial")
    teams.update(Actor(alice), acme, name="umbrella")
    queries = {
        "artifacts": ["rank", "RANKER", "acme/demo/ranker", "umbrella/trial/sorter", "acme/trial/ranker"],
        "versions": ["ranker:v2", "acme/demo/ranker:v2", "rank:production", "acme/demo/sorter:production"],
        "projects": ["demo", "DEM", "acme/", "acme/demo", "acme/trial"],
    }
    lists = ["artifacts?name=ranker", "artifacts?search=rank", "artifacts?project=acme/demo&name=ranker"]
    lists += ["projects?name=demo", "projects?search=dem", "projects?team=acme&search=demo"]

    def found(user) -> tuple[list, list]:
        hits = [search_hits(browser(user), query).get(kind) for kind in queries for query in queries[kind]]
        return hits, [api(user).get(f"/api/v1/{url}").json().get("items") for url in lists]

    hits, listed = found(vera)
    assert hits[:5] == [[ranker]] * 5 and hits[-5:] == [[project]] * 5
    assert [getattr(hit, "version", None) in ("v2", production) for [hit] in hits[5:9]] == [True] * 4
    assert [row["name"] for [row] in listed] == ["sorter"] * 3 + ["trial"] * 3
    assert browser(vera).get("/search?q=acme/demo/ranker:v2")["Location"].startswith("/umbrella/trial/")
    # For whoever sees what it leads to alone; a project that one does not see is not there.
    hits, listed = found(mallory)
    assert hits == [None] * 14
    assert [rows or [] for rows in listed] == [[]] * 6

    FormerName.objects.update(freed_at=timezone.now() - timedelta(days=91))
    hits, listed = found(vera)
    assert hits == [None] * 3 + [[ranker]] + [None] * 10
    assert [rows or [] for rows in listed] == [[]] * 6


def test_terms_that_all_match_find_versions_artifacts_and_runs(browser, vera, alice, bob, project, production):
    versions.describe(Actor(alice), production, metadata={"mAP": 0.8})
    run = runs.start(Actor(bob), project, name="brisk-otter-1", config={"lr": 0.01})
    client = browser(vera)

    both = {"versions": [production], "artifacts": [production.artifact]}
    assert search_hits(client, "metadata.mAP>0.7") == both
    assert search_hits(client, "rank tag:baseline type:model metadata.mAP>0.7 by:alice") == both
    assert search_hits(client, "tag:baseline metadata.mAP>0.9") == {}
    assert search_hits(client, "config.lr<0.1") == {"runs": [run]}
    assert search_hits(client, "by:bob") == {"runs": [run]}
    refused = client.get("/search", {"q": "metadata.mAP>x"}, headers=HTMX)
    assert (refused.status_code, "not a finite number" in refused.content.decode()) == (422, True)
    assert client.get("/search", {"q": "config.lr<0.1", "only": "runs"}).context["page"].object_list


def test_versions_match_by_their_numbers(browser, vera, production):
    assert search_hits(browser(vera), "ranker:v2") == {"versions": [production]}


def test_an_exact_alias_wins(browser, vera, alice, ranker, production):
    aliases.move(Actor(alice), ranker, "production-eu", production)

    assert len(search_hits(browser(vera), "productio")["versions"]) == 2
    assert [alias.alias for alias in search_hits(browser(vera), "production")["versions"]] == ["production"]


@pytest.mark.parametrize("query", ["other:production", "ranker:v9", "other/demo/ranker:production", "acme/x/ranker:v2"])
def test_versions_of_other_names_are_not(browser, vera, production, query):
    assert "versions" not in search_hits(browser(vera), query)


def test_a_full_name_finds_the_version(browser, vera, production):
    hits = search_hits(browser(vera), "acme/demo/ranker:production")
    assert [alias.version for alias in hits["versions"]] == [production]
    assert len(hits) == 1


@pytest.mark.parametrize("query", ["dem", "acme/demo", "acme/"])
def test_projects_match(browser, vera, project, query):
    assert search_hits(browser(vera), query)["projects"] == [project]


def test_runs_match(browser, vera, bob, project):
    run = runs.start(Actor(bob), project, name="brisk-otter-1", notes="with dropout")

    assert search_hits(browser(vera), "otter") == search_hits(browser(vera), "dropout") == {"runs": [run]}
    assert 'href="/users/bob"' in browser(vera).get("/search", {"q": "otter"}, headers=HTMX).content.decode()


def test_the_page_says_where_not_all_texts_were_searched(
    browser, vera, alice, project, ranker, production, monkeypatch
):
    client = browser(vera)
    pages = (
        "/search",
        "/artifacts",
        "/acme/demo/artifacts",
        "/acme/demo/runs",
        "/",
        f"{ranker.get_absolute_url()}/versions",
    )
    monkeypatch.setattr("artifacts.search.MAX_SCANNED", 1)
    versions.describe(Actor(alice), production, notes="q7")
    for number in range(2):
        runs.start(Actor(alice), project, name=f"run-{number}")
    for url in pages:
        assert "was looked for in the newest" not in client.get(url, {"q": "ranker"}).content.decode(), url
        page = client.get(url, {"q": "q7"})
        is_limited = SearchDocument.objects.filter(artifact=ranker).count() > 1 or url[-8:] != "versions"
        assert ("“q7” was looked for in the newest" in page.content.decode()) == is_limited, url


@pytest.mark.parametrize("query", ["", "  ", "%", "_", "nothing", ":", "/", "a:b:c", "'; --", "x" * 300, "\u202e"])
def test_odd_queries_find_nothing_and_break_nothing(browser, mallory, production, query):
    assert search_hits(browser(mallory), query) == {}
    assert browser(mallory).get("/search", {"q": query}).status_code == 200


def test_strangers_find_nothing(browser, mallory, production, bob, project):
    runs.start(Actor(bob), project, name="ranker-run")

    for query in ("ranker", "production", "demo", "ranker:v1", "acme/demo"):
        assert search_hits(browser(mallory), query) == {}


def test_the_only_hit_is_gone_to(browser, vera, production):
    response = browser(vera).get("/search", {"q": "ranker:production"})

    assert response["Location"] == "/acme/demo/artifacts/model/ranker/v2"


def test_more_than_a_few_are_behind_a_link(browser, vera, alice, project, bob):
    for number in range(8):
        artifacts.create(Actor(alice), project, f"thing-{number}", "file")
        runs.start(Actor(bob), project, name=f"thing-{number}")
    client = browser(vera)
    page = client.get("/search?q=thing").content.decode()

    assert page.count("/acme/demo/artifacts/file/thing-") == 6
    assert "/artifacts?q=thing" in page
    assert "/search?q=thing&amp;only=runs" in page
    every = client.get("/search?q=thing&only=runs").content.decode()
    assert every.count('href="/acme/demo/runs/thing-') == 8
    assert "1–8 of 8 runs" in every


def test_what_was_typed_and_what_matched_is_escaped(browser, alice, acme):
    projects.create(Actor(alice), acme, "one", description="<script>alert(1)</script> same")
    projects.create(Actor(alice), acme, "two", description="<img src=x> same")
    client = browser(alice)

    for query in ("same", '<script>alert(1)</script>"', "<img"):
        page = client.get("/search", {"q": query}, follow=True).content.decode()
        assert "<script>alert" not in page and "<img src=x" not in page


def test_it_costs_the_same_with_many(browser, vera, alice, bob, project, django_assert_max_num_queries):
    for number in range(20):
        artifact = artifacts.create(Actor(alice), project, f"thing-{number}", "file", tags=["thing"])
        aliases.move(Actor(alice), artifact, "thing", logged(alice, artifact))
        runs.start(Actor(bob), project, name=f"thing-{number}")
        projects.create(Actor(alice), project.team, f"thing-{number}")
    client = browser(vera)

    with django_assert_max_num_queries(12):
        assert len(search_hits(client, "thing")) == 4


def test_visitors_sign_in_first(browser, db):
    assert browser().get("/search?q=x")["Location"] == "/login?next=/search%3Fq%3Dx"
