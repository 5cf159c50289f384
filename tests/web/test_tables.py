"""Tables of versions and runs: sorted by their columns and by values, with columns that are added; all in the URL."""

import re

import pytest

from accounts.actor import Actor
from artifacts import artifacts, versions
from artifacts.models import Artifact
from core import bounded_count
from projects import runs
from tests.conftest import HTMX
from tests.web.test_home_page import logged

VERSIONS = "/acme/demo/artifacts/model/net/versions"
RUNS = "/acme/demo/runs"
HOSTILE = "<img src=x>\"'&"


@pytest.fixture
def net(alice, project) -> Artifact:
    """Four versions: `mAP` rises and falls, one has none; keys and values that are markup."""
    net = artifacts.create(Actor(alice), project, "net", "model")
    for number, metadata in enumerate(
        [{"mAP": 0.5, "eval": {"loss": 1.23456789}}, {"mAP": 0.9, HOSTILE: HOSTILE}, {}, {"mAP": 0.7, "a.b": [1, "x"]}],
        1,
    ):
        version = logged(alice, net, number, total_size=1000 // number)
        versions.describe(Actor(alice), version, metadata=metadata)
    return net


@pytest.fixture
def three_runs(bob, project) -> None:
    for name, lr in (("b", 0.1), ("c", None), ("a", 0.01)):
        runs.start(Actor(bob), project, name=name, job_type=f"job-{name}", config={"lr": lr} if lr else {})


def rows(client, url: str, **query) -> list[str]:
    part = client.get(url, query, headers=HTMX)
    assert part.status_code == 200
    return re.findall(r'data-row[^>]* href="[^"]*/([^/"]+)"', part.content.decode())


def test_versions_are_sorted_by_their_columns(browser, vera, net):
    client = browser(vera)
    for sort, numbers in {
        "": "4321", "number": "1234", "-number": "4321", "size": "4321", "-size": "1234", "created": "1234",
        "metadata.mAP": "1423", "-metadata.mAP": "2413", "metadata.none": "4321", "x": "4321", "password": "4321",
        "-files": "4321", "metadata.": "4321", "config.lr": "4321",
    }.items():  # fmt: skip
        assert rows(client, VERSIONS, sort=sort) == [f"v{number}" for number in numbers], sort
    assert rows(client, VERSIONS, q="metadata.mAP>0.6", sort="-metadata.mAP") == ["v2", "v4"]


def test_runs_are_sorted_by_their_columns(browser, vera, three_runs):
    client = browser(vera)
    for sort, names in {
        "": "acb", "name": "abc", "-name": "cba", "-job_type": "cba", "started": "bca", "state": "bca",
        "config.lr": "abc", "-config.lr": "bac", "summary.x": "acb", "metadata.x": "acb",
    }.items():  # fmt: skip
        assert rows(client, RUNS, sort=sort) == list(names), sort


def test_columns_are_added_and_taken_away(browser, vera, net):
    client = browser(vera)
    names = ["metadata.mAP", "metadata.eval.loss", "metadata.a.b", f"metadata.{HOSTILE}"]
    page = client.get(VERSIONS, {"column": [*names, "created_by.password", "metadata", "\0" * 0], "sort": "-size"})
    text = page.content.decode()
    assert [header.name for header in page.context["headers"]] == names
    assert [row.cells for row in page.context["page"]] == [
        ["0.5", "1.2346", "", ""], ["0.9", "", "", HOSTILE], ["", "", "", ""], ["0.7", "", '[1, "x"]', ""],
    ]  # fmt: skip
    assert "<img src=x" not in text and text.count("&lt;img") >= 2
    first = page.context["headers"][0]
    assert "sort=metadata.mAP" in first.sort_url and "column=metadata.eval.loss" in first.sort_url
    assert "column=metadata.mAP" not in first.remove_url and "sort=-size" in first.remove_url
    assert 'name="column" value="metadata.mAP"' in text and "column=metadata.mAP" in text
    sorted_page = client.get(VERSIONS + first.sort_url)
    assert 'aria-sort="ascending"' in sorted_page.content.decode()
    assert "sort=-metadata.mAP" in sorted_page.context["headers"][0].sort_url
    many = client.get(VERSIONS, {"column": [f"metadata.{number}" for number in range(20)]})
    assert len(many.context["headers"]) == 8


def test_the_picker_offers_the_keys_of_the_newest_rows(browser, vera, mallory, net, three_runs):
    client = browser(vera)
    page = client.get(f"{VERSIONS}/columns", {"column": "metadata.old", "sort": "-size", "q": "net", "page": "2"})
    names = [name for name, _ in page.context["offered"]]
    assert names[0] == "metadata.old" and {"metadata.mAP", "metadata.eval.loss", f"metadata.{HOSTILE}"} <= set(names)
    text = page.content.decode()
    assert f'action="{VERSIONS}"' in text and 'value="metadata.old" checked' in text and "<img src=x" not in text
    assert 'name="sort" value="-size"' in text and 'name="q" value="net"' in text and 'name="page"' not in text
    picker = client.get("/acme/demo/run-columns", headers=HTMX).content.decode()
    assert 'value="config.lr"' in picker and "<html" not in picker
    for url in (f"{VERSIONS}/columns", "/acme/demo/run-columns"):
        assert browser(mallory).get(url).status_code == 404


def test_columns_cost_one_query_and_long_metadata_is_left_out(browser, vera, alice, net, django_assert_max_num_queries):
    client = browser(vera)
    with django_assert_max_num_queries(12):
        client.get(VERSIONS, {"column": "metadata.mAP", "sort": "metadata.mAP", "q": "metadata.mAP>0"})
    for row in net.versions.all():
        versions.describe(Actor(alice), row, metadata={"mAP": 1, "long": "x" * 2**20})
    page = client.get(VERSIONS, {"column": ["metadata.long", "metadata.mAP"]})
    assert len(page.content) < 60_000


def test_many_rows_are_sorted_by_a_value_among_the_newest(browser, vera, net, monkeypatch):
    monkeypatch.setattr(bounded_count, "COUNT_LIMIT", 3)
    page = browser(vera).get(VERSIONS, {"column": "metadata.mAP", "sort": "metadata.mAP"})
    assert [row.number for row in page.context["page"]] == [4, 2, 3]
    assert "Sorted among the newest" in page.content.decode()
