"""The table of runs: order by values of several types, groups with their numbers, and all of it as CSV."""

import csv
import io
import re

import pytest
from django.utils.http import urlencode

from accounts.actor import Actor
from core import bounded_count
from projects import runs
from tests.conftest import HTMX

RUNS = "/acme/demo/runs"
CSV = "/acme/demo/runs.csv"


@pytest.fixture
def sweep(bob, project) -> None:
    """Six runs, the last of them without anything."""
    for name, group, config, summary in (
        ("a", "first", {"lr": 0.1, "net": {"kind": "CNN"}, "layers": [2, 3]}, {"acc": 0.5, "note": "=1+1"}),
        ("b", "first", {"lr": 0.1, "net": {"kind": "CNN"}, "layers": [3, 2]}, {"acc": 0.7}),
        ("c", "second", {"lr": 0.01, "net": {"kind": "MLP"}, "layers": 4}, {"acc": "NaN"}),
        ("d", "second", {"lr": "auto", "net": {"kind": "1"}}, {"acc": -3, "note": "-1"}),
        ("e", "", {"lr": None, "net": {"kind": 1}}, {"acc": [1, 2]}),
        ("f", "", {}, {}),
    ):
        run = runs.start(Actor(bob), project, name=name, group=group, config=config)
        runs.update(Actor(bob), run, summary=summary)


def names(page) -> str:
    return "".join(re.findall(r'data-row[^>]* href="[^"]*/runs/([^/"?]+)"', page.content.decode()))


def groups(page) -> dict[str, int]:
    return {group.label: group.count for group in page.context["page"]}


def lines(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(response).decode(), newline="")))


def test_numbers_come_before_texts_and_runs_without_the_value_last(browser, vera, sweep):
    client = browser(vera)
    rising = client.get(RUNS, {"sort": "config.lr", "column": "config.lr"})
    assert names(rising) == "cbadef"
    assert [run.cells for run in rising.context["page"]] == [["0.01"], ["0.1"], ["0.1"], ["auto"], ["null"], [""]]
    assert "config.lr has numbers and texts: numbers come first." in rising.content.decode()
    assert names(client.get(RUNS, {"sort": "-config.lr"})) == "bacedf"
    assert "has numbers and texts" not in client.get(RUNS, {"sort": "config.net.kind2"}).content.decode()


def test_what_the_search_does_not_know_is_said_where_it_sorts(browser, bob, vera, project, sweep):
    many = runs.start(Actor(bob), project, name="many", config={f"key{n:03}": n for n in range(300)})
    query = {"sort": "config.key250", "column": "config.key250"}
    page = browser(vera).get(RUNS, query)
    assert "values beyond the first 200 of a run" in page.content.decode()
    assert many in page.context["page"] and ["250"] in [run.cells for run in page.context["page"]]
    assert (
        "beyond the first" not in browser(vera).get(RUNS, {"sort": "config.lr", "column": "config.lr"}).content.decode()
    )


def test_runs_are_grouped_by_a_column_or_by_a_key_of_their_config(browser, vera, sweep):
    client = browser(vera)
    assert groups(client.get(RUNS, {"group_by": "group"})) == {"first": 2, "second": 2, "": 2}
    assert groups(client.get(RUNS, {"group_by": "state"})) == {"Running": 6}
    assert groups(client.get(RUNS, {"group_by": "config.lr"})) == {"0.1": 2, "0.01": 1, "auto": 1, "null": 1, "": 1}
    by_kind = client.get(RUNS, {"group_by": "config.net.kind"})
    assert sorted((group.label, group.value, group.count) for group in by_kind.context["page"]) == [
        ("", "", 1), ("1", "#1.0", 1), ("1", "'1", 1), ("CNN", "'cnn", 2), ("MLP", "'mlp", 1),
    ]  # fmt: skip
    assert groups(client.get(RUNS, {"group_by": "config.layers"})) == {"[3, 2]": 2, "4": 1, "": 3}
    assert groups(client.get(RUNS, {"group_by": "config.lr", "other_key": "config.layers"})).keys() == {
        "[3, 2]",
        "4",
        "",
    }
    for key in ("summary.acc", "password", "config", "created_by__password", "config.\x01"):
        assert "grouping" not in client.get(RUNS, {"group_by": key}).context, key
    assert client.get(RUNS, {"group_by": "group", "q": "state:crashed"}).status_code == 200


def test_a_group_has_the_numbers_of_the_columns_that_are_shown(browser, vera, sweep):
    query = {"group_by": "group", "column": ["summary.acc", "config.lr"]}
    page = browser(vera).get(RUNS, query, headers=HTMX)
    found = {group.label: group.statistics for group in page.context["page"]}
    acc, lr = found["first"]
    assert (acc.count, acc.mean, acc.least, acc.largest) == (2, pytest.approx(0.6), 0.5, 0.7)
    assert (lr.count, lr.mean) == (2, pytest.approx(0.1))
    # One is no number, of the other groups one is a text, and one a list.
    assert (found["second"][0].count, found["second"][0].mean) == (1, -3)
    assert (found["second"][1].count, found[""][0].has_lists, found[""][1].count) == (1, True, 0)
    text = page.content.decode()
    assert "1 of 2" in text and ">lists<" in text and "0.5 – 0.7" in re.sub(r"\s+", " ", text)


def test_groups_are_sorted_by_value_size_and_mean(browser, bob, vera, project, sweep):
    runs.start(Actor(bob), project, name="g", group="second")
    client = browser(vera)
    for sort, expected in {
        "": ["second", "first", ""], "runs": ["first", "", "second"], "value": ["first", "second", ""],
        "-value": ["second", "first", ""], "summary.acc": ["second", "first", ""],
        "-summary.acc": ["first", "second", ""], "config.layers": ["second", "first", ""],
        "password": ["second", "first", ""],
    }.items():  # fmt: skip
        page = client.get(RUNS, {"group_by": "group", "group_sort": sort})
        assert [group.label for group in page.context["page"]] == expected, sort
    by_lr = client.get(RUNS, {"group_by": "config.lr", "group_sort": "value"})
    assert [group.label for group in by_lr.context["page"]] == ["0.01", "0.1", "auto", "null", ""]


def test_a_group_leads_to_its_runs(browser, vera, sweep):
    client = browser(vera)
    for key, expected in {
        "group": {"ab", "cd", "ef"}, "config.lr": {"ab", "c", "d", "e", "f"}, "config.layers": {"ab", "c", "def"},
        "config.net.kind": {"ab", "c", "d", "e", "f"},
    }.items():  # fmt: skip
        page = client.get(RUNS, {"group_by": key, "column": "summary.acc", "q": "state:running"})
        links = re.findall(r'href="(\?[^"]*key=[^"]*)"', page.content.decode())
        lists = [client.get(RUNS + link.replace("&amp;", "&")) for link in links]
        assert {"".join(sorted(names(one))) for one in lists} == expected, key
        assert all("column=summary.acc" in link and "q=state" in link for link in links)
    chosen = client.get(RUNS, {"key": "config.lr", "value": "'auto", "sort": "name"})
    text = chosen.content.decode()
    assert names(chosen) == "d" and "config.lr: auto" in text and 'name="key" value="config.lr"' in text
    assert names(client.get(RUNS, {"key": "config.lr", "value": "%"})) == ""


def test_a_text_of_several_lines_is_a_group_and_any_value_in_a_url_is_a_text(browser, bob, vera, project):
    runs.start(Actor(bob), project, name="a", config={"prompt": "Hello\n# Title"})
    client = browser(vera)

    assert groups(client.get(RUNS, {"group_by": "config.prompt"})) == {"Hello\n# Title": 1}
    assert len(lines(client.get(CSV, {"group_by": "config.prompt"}))) == 2
    page = client.get(RUNS, {"key": "config.prompt", "value": "'hello\n# title"})
    assert names(page) == "a" and "hello, # title" in page.content.decode()
    for value in ("#abc", "#", "#nan", "#1e999", "'", "x", "\n#"):
        assert client.get(RUNS, {"key": "config.prompt", "value": value}).status_code == 200, value


def test_many_runs_are_grouped_among_the_newest(browser, vera, sweep, monkeypatch):
    monkeypatch.setattr(bounded_count, "COUNT_LIMIT", 3)
    page = browser(vera).get(RUNS, {"group_by": "group"})
    assert groups(page) == {"second": 1, "": 2} and "Grouped among the newest" in page.content.decode()


def test_the_dialog_offers_keys_of_the_config(browser, vera, mallory, sweep):
    page = browser(vera).get(
        "/acme/demo/run-grouping", {"group_by": "config.old", "column": "summary.acc", "page": "3"}
    )
    offered = [key for key, *_ in page.context["offered"]]
    assert offered == ["group", "job_type", "state", "config.old", "config.layers", "config.lr", "config.net.kind"]
    text = page.content.decode()
    assert 'value="config.old" checked' in text and 'name="column" value="summary.acc"' in text
    assert 'name="page"' not in text
    assert browser(mallory).get("/acme/demo/run-grouping").status_code == 404


def test_csv_has_all_rows_with_the_columns_that_are_shown(browser, vera, sweep, monkeypatch):
    monkeypatch.setattr(bounded_count, "COUNT_LIMIT", 2)
    monkeypatch.setattr("web.runs.views.run_list.PAGE_SIZE", 2)
    monkeypatch.setattr("web.runs.run_csv._RUNS_A_QUERY", 4)
    query = {"sort": "-config.lr", "column": ["config.lr", "summary.acc", "summary.note", "config.net"]}
    response = browser(vera).get(CSV, query)
    assert response["Content-Type"] == "text/csv; charset=utf-8" and 'filename="demo-runs.csv"' in str(response.headers)
    header, *rows = lines(response)
    assert header[:2] == ["Name", "ID"] and header[-4:] == query["column"]
    assert "".join(row[1] for row in rows) == "bacedf"
    values = {row[1]: row[-4:] for row in rows}
    assert values["a"] == ["0.1", "0.5", "'=1+1", '{"kind": "CNN"}']
    # A number may begin with a minus, a text that does may be a formula.
    assert values["d"][:3] == ["auto", "-3", "'-1"] and values["e"][:2] == ["", "[1, 2]"]
    assert values["f"] == ["", "", "", ""]
    few = lines(browser(vera).get(CSV, {"q": "config.lr<0.05", "group": "second"}))
    assert [row[1] for row in few[1:]] == ["c"]


def test_csv_of_groups_has_their_numbers(browser, vera, sweep):
    query = {"group_by": "group", "column": "summary.acc", "group_sort": "value"}
    assert lines(browser(vera).get(CSV, query)) == [
        ["Group", "Runs", "mean summary.acc", "min summary.acc", "max summary.acc"],
        ["first", "2", "0.6", "0.5", "0.7"],
        ["second", "2", "-3.0", "-3.0", "-3.0"],
        ["", "2", "", "", ""],
    ]


def test_csv_reads_long_values_a_few_at_a_time(browser, bob, vera, project, django_assert_max_num_queries):
    for number in range(12):
        runs.start(Actor(bob), project, name=f"run-{number}", config={"lr": number, "long": "x" * 500_000})
    client = browser(vera)
    response = client.get(CSV, {"column": "config.lr"})
    with django_assert_max_num_queries(16):
        rows = lines(response)
    assert sorted(int(row[-1]) for row in rows[1:]) == list(range(12))


def test_csv_is_refused_in_words(browser, vera, mallory, sweep):
    client = browser(vera)
    refused = client.get(CSV, {"q": "config.lr<x"})
    assert refused.status_code == 400 and "which is not a finite number" in refused.content.decode().replace(
        "&#x27;", "'"
    )
    first = client.get(CSV)
    busy = client.get(CSV)
    assert busy.status_code == 503 and "Another download of yours" in busy.content.decode()
    assert len(lines(first)) == 7
    assert client.get(CSV).status_code == 200
    assert browser(mallory).get(CSV).status_code == 404


def test_the_page_keeps_its_state_in_links_and_forms(browser, vera, sweep):
    query = {"group_by": "config.lr", "column": "summary.acc", "group_sort": "-value", "q": "state:running"}
    text = browser(vera).get(RUNS, query).content.decode()
    for name, value in query.items():
        assert f'name="{name}" value="{value}"' in text, name
    assert f"{CSV}?{urlencode(query)}".replace("&", "&amp;") in text


def test_each_form_of_the_table_costs_few_queries(browser, vera, sweep, django_assert_max_num_queries):
    client = browser(vera)
    column = ["summary.acc", "config.lr"]
    for query in (
        {"column": column, "sort": "summary.acc", "q": "config.lr>0 nothing"},
        {"column": column, "group_by": "config.lr", "group_sort": "-summary.acc", "q": "config.lr>0"},
        {"column": column, "key": "config.lr", "value": "#0.1", "q": "config.lr>0", "sort": "-config.lr"},
    ):
        with django_assert_max_num_queries(12):
            assert client.get(RUNS, query).status_code == 200


def test_lists_name_the_client_that_logged_a_run(browser, bob, vera, project, sweep, django_assert_max_num_queries):
    runs.upsert(Actor(bob), project, name="theirs", wandb={"cli_version": "0.31.0<b>"})
    client = browser(vera)
    for url in ("/acme/demo", RUNS):
        with django_assert_max_num_queries(12):
            text = client.get(url).content.decode()
        assert text.count("Logged with the official client") == 1 and "wandb 0.31.0&lt;b&gt;" in text, url
