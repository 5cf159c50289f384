"""Lists in pages with a total, which stops where counting would hold the page up."""

import pytest

from artifacts import search_index
from projects.models import Run
from web import numbers, rendering

RUNS = "/acme/demo/runs"


@pytest.fixture
def runs(project, bob) -> None:
    Run.objects.bulk_create(Run(project=project, name=f"run-{number:05}", created_by=bob) for number in range(10_001))


def test_more_than_are_counted(browser, vera, runs):
    page = browser(vera).get(RUNS).content.decode()

    assert "1–50 of 10,000+ runs" in page and "Page 1 of 200" in page
    assert '<td class="number medium">10,000+</td>' in browser(vera).get("/").content.decode()


def test_behind_the_last_page_lies_what_a_filter_finds(browser, vera, runs):
    client = browser(vera)

    last = client.get(f"{RUNS}?page=201").content.decode()
    assert "9951–10000 of 10,000+ runs" in last and "run-00000" not in last
    assert "run-00000" in client.get(f"{RUNS}?q=run-00000").content.decode()


@pytest.mark.parametrize("url", [f"{RUNS}?q=run-0", f"{RUNS}?state=running", "/search?q=run-0&only=runs"])
def test_of_filtered_rows_fewer_are_counted(browser, vera, runs, url):
    search_index.rebuild()
    page = browser(vera).get(url).content.decode()
    assert "1–50 of 1,000+ " in page and "Page 1 of 20<" in page


def test_one_row_is_no_plural(browser, vera, project, bob):
    Run.objects.create(project=project, name="run", created_by=bob)

    assert "1–1 of 1 run<" in browser(vera).get(RUNS).content.decode()
    assert [numbers.numbered(noun, 1) for noun in ("aliases", "watches", "artifacts")] == ["alias", "watch", "artifact"]


def test_as_many_as_are_counted(browser, vera, runs):
    Run.objects.get(name="run-00000").delete()

    assert "of 10,000 runs" in browser(vera).get(RUNS).content.decode()
    assert rendering.total(Run.objects.all()) == "10,000"
