"""Charts of runs: sections, options, overlays, single charts, system metrics, and what a page costs."""

import json
import math
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actor import Actor
from projects import runs
from projects.models import Run, State
from tests.conftest import HTMX
from tracking import metric_series, streams
from tracking.models import Stream

URL = "/acme/demo/runs/brisk-otter-1"


def start(bob, project, name: str) -> Run:
    return runs.start(Actor(bob), project, name=name)


@pytest.fixture
def run(bob, project) -> Run:
    return start(bob, project, "brisk-otter-1")


def log(run: Run, rows: list[dict[str, Any]], stream: Stream = Stream.HISTORY) -> None:
    offset = streams.line_count(run, stream)
    streams.append(Actor(run.created_by), run, stream, offset, [json.dumps(row) for row in rows])


def train(run: Run, count: int = 10, **more: float) -> None:
    log(
        run,
        [
            {"_step": step, "_runtime": 60.0 * step, "_timestamp": 1_700_000_000.0 + 60 * step}
            | {"train/loss": 1 / (step + 1), "epoch": step // 2}
            | more
            for step in range(count)
        ],
    )


def charts_of(response) -> dict[str, Any]:
    """The charts of a page by their titles."""
    return {
        shown.chart.title: shown.chart for section in response.context["sections"] for shown in section.charts or []
    }


def test_the_tab_is_there_once_something_was_logged(browser, run, vera):
    client = browser(vera)
    assert f'href="{URL}/charts"' not in client.get(URL).content.decode()
    page = client.get(f"{URL}/charts").content.decode()
    assert "No metrics yet" in page and f'href="{URL}/charts" aria-current="page"' in page

    train(run)
    assert f'href="{URL}/charts"' in client.get(URL).content.decode()
    assert "No metrics" not in client.get(f"{URL}/charts").content.decode()


def test_metrics_are_in_sections_by_their_prefix(browser, run, vera, django_assert_max_num_queries):
    train(run, **{"val/acc": 0.5, "val/deep/f1": 0.25, "image": float("nan"), "_hidden": 1})
    client = browser(vera)
    with django_assert_max_num_queries(12):
        response = client.get(f"{URL}/charts")

    names = [(section.name, section.count) for section in response.context["sections"]]
    assert names == [("train", 1), ("val", 2), ("Charts", 2)]
    chart = charts_of(response)["train/loss"]
    assert chart.paths[0].xs == "0 1 2 3 4 5 6 7 8 9" and chart.paths[0].ys.startswith("1 0.5 0.33333 ")
    page = response.content.decode()
    assert page.count('<svg class="plot"') == 4 and "train/loss by step" in page
    # For whom does not see it.
    assert re.search(r"<caption[^>]*>train/loss</caption>", page) and ">0.1</td>" in page
    assert "style=" not in page


def test_charts_are_as_the_query_string_says(browser, run, vera):
    train(run)

    def chart(query: str):
        return charts_of(browser(vera).get(f"{URL}/charts?{query}"))["train/loss"]

    assert chart("x=relative").paths[0].xs.split()[-1] == "540" and chart("x=relative").x_label == "relative time"
    assert chart("x=time").paths[0].xs.split()[0] == "1700000000" and chart("x=time").x_unit == "time"
    assert chart("x=metric:epoch").paths[0].xs == "0 0 1 1 2 2 3 3 4 4"
    assert chart("x=metric:none").is_empty
    assert chart("scale=log").is_log
    faint, smoothed = chart("smoothing=90").paths
    assert faint.is_faint and not smoothed.is_faint and smoothed.last > faint.last
    # What cannot be is as if it were not there.
    assert chart("smoothing=100&scale=x&x=y&low=z").paths == chart("").paths


def test_charts_are_filtered_by_name(browser, run, vera):
    train(run, **{"val/loss": 2.0})
    client = browser(vera)

    assert list(charts_of(client.get(f"{URL}/charts?q=LOSS"))) == ["train/loss", "val/loss"]
    page = client.get(f"{URL}/charts?q=%3Cb%3E").content.decode()
    assert "No charts match “&lt;b&gt;”" in page


def test_the_x_axis_is_what_the_script_defined(browser, run, vera, bob):
    runs.update(Actor(bob), run, wandb={"m": [{"1": "epoch"}, {"2": "train/*", "5": 1}, {"1": "secret", "6": [2]}]})
    train(run, secret=1.0)
    response = browser(vera).get(f"{URL}/charts")

    found = charts_of(response)
    assert found["train/loss"].x_label == "epoch" and found["epoch"].x_label == "step" and "secret" not in found
    assert response.context["x_axes"]["metric:epoch"] == "epoch"
    assert charts_of(browser(vera).get(f"{URL}/charts?x=step"))["train/loss"].x_label == "step"


@pytest.mark.parametrize("told", [[], {"m": 1}, {"m": [1, {"1": 2}, {"1": "train/loss", "5": 9, "6": 3}]}])
def test_definitions_that_no_client_sends_change_nothing(browser, run, vera, told):
    Run.objects.filter(pk=run.pk).update(wandb=told)
    train(run)
    assert charts_of(browser(vera).get(f"{URL}/charts"))["train/loss"].x_label == "step"


def test_a_metric_that_other_rows_have_can_be_the_x_axis(browser, run, vera):
    log(run, [{"_step": step, "loss": step} if step % 2 else {"_step": step, "epoch": step * 10} for step in range(7)])
    (path,) = charts_of(browser(vera).get(f"{URL}/charts?x=metric:epoch"))["loss"].paths

    assert (path.xs, path.ys) == ("10 30 50", "1 3 5")


def test_other_runs_lie_over_it(browser, run, project, bob, vera, mallory, foreign, django_assert_max_num_queries):
    train(run)
    train(start(bob, project, "calm-fox-2"), count=4)
    start(bob, project, "empty-3")
    client = browser(vera)
    with django_assert_max_num_queries(12):
        response = client.get(f"{URL}/charts?runs=calm-fox-2,%20empty-3,nobody,brisk-otter-1")

    paths = charts_of(response)["train/loss"].paths
    assert [(path.label, path.colour, path.count) for path in paths] == [("brisk-otter-1", 0, 10), ("calm-fox-2", 1, 4)]
    page = response.content.decode()
    assert "Not found in this project: nobody." in page and 'class="legend"' in page
    assert "runs=calm-fox-2" in response.context["sections"][0].charts[0].url
    assert client.get(f"{URL}/charts?runs={'x,' * 1000}").status_code == 200


def test_a_chart_has_a_page_of_its_own(browser, run, vera, django_assert_max_num_queries):
    train(run)
    client = browser(vera)
    listed = client.get(f"{URL}/charts?smoothing=50")
    url = listed.context["sections"][0].charts[0].url
    assert parse_qs(urlsplit(url).query) == {"smoothing": ["50"], "key": ["train/loss"]}
    with django_assert_max_num_queries(12):
        response = client.get(f"{url}&low=2&high=5")

    chart = response.context["chart"]
    assert chart.height == 420 and chart.paths[0].xs == "2 3 4 5"
    assert "train/loss · brisk-otter-1" in response.content.decode()
    part = client.get(f"{url}&low=2&high=5&part=cell", headers=HTMX)
    assert part.context["chart"].height == 200 and part.content.decode().lstrip().startswith('<div class="chart-cell"')
    assert client.get(f"{URL}/chart").url == f"{URL}/charts"
    for key in ("none", "_step"):
        assert client.get(f"{URL}/chart", {"key": key}).status_code == 404


def test_of_many_prefixes_some_have_a_section_and_the_filter_finds_the_others(browser, run, vera):
    log(run, [{"_step": 0, "loss": 1} | {f"s{number}/loss": number for number in range(102)}])
    client = browser(vera)
    response = client.get(f"{URL}/charts")

    names = [section.name for section in response.context["sections"]]
    assert names == [*(f"s{number}" for number in range(99)), "Charts"]
    assert "3 more sections: the filter" in response.content.decode()
    response = client.get(f"{URL}/charts?q=s101/")
    assert [section.name for section in response.context["sections"]] == ["s101"]
    assert "more section" not in response.content.decode()
    assert "more section" not in client.get(f"{URL}/charts?section=s101").content.decode()


def test_the_table_of_a_long_history_says_that_it_lacks_values(browser, run, vera):
    train(run, 2_000)
    client = browser(vera)
    said = "More values were logged than a chart is made of"

    assert said in client.get(f"{URL}/chart", {"key": "train/loss"}).content.decode()
    assert said not in client.get(f"{URL}/chart", {"key": "train/loss", "low": 2, "high": 5}).content.decode()
    assert said not in client.get(f"{URL}/charts").content.decode()


def test_sections_that_nobody_has_come_to_are_loaded_later(browser, run, vera, django_assert_max_num_queries):
    # Noise, which compresses badly.
    log(
        run,
        [
            {"_step": step} | {f"s{key % 30:02}/m{key}": math.sin(step * key) for key in range(900)}
            for step in range(30)
        ],
    )
    client = browser(vera)
    with django_assert_max_num_queries(12):
        response = client.get(f"{URL}/charts", headers={"Accept-Encoding": "gzip"})
    assert len(response.content) < 60_000
    sections = response.context["sections"]
    assert [len(section.charts or ()) for section in sections] == [6] + [0] * 29
    assert sections[0].is_cut and "Show 30 charts" in client.get(f"{URL}/charts").content.decode()

    known = response.context["known"]
    part = client.get(sections[3].url, {"part": "section", "known": known, "section": "s03"}, headers=HTMX)
    assert part.content.decode().count('class="plot"') == 12 and "HX-Retarget" not in part.headers

    # Without script, and for all of them.
    one = client.get(sections[3].url)
    assert one.content.decode().count('class="plot"') == 24 and "Page 1 of 2" in one.content.decode()
    rest = client.get(f"{sections[3].url}&page=2")
    assert rest.content.decode().count('class="plot"') == 6


def test_charts_follow_the_run_until_that_has_ended(browser, run, vera, bob):
    train(run)
    client = browser(vera)
    response = client.get(f"{URL}/charts")
    section = response.context["sections"][0]
    asked = {"part": "section", "section": "train", "known": response.context["known"]}
    seen = {"seen": response.context["fingerprint"]}
    assert "data-live-charts" in response.content.decode()
    with CaptureQueriesContext(connection) as queries:
        assert client.get(section.url, asked | seen, headers=HTMX).status_code == 204
    read = "".join(query["sql"] for query in queries)
    assert not any(f'"{column}"' in read for column in ("keys", "wandb", "config", "summary"))

    train(run, count=1)
    part = client.get(section.url, asked | seen, headers=HTMX)
    assert 'id="run-head" hx-swap-oob' in part.content.decode() and 'class="plot"' in part.content.decode()
    seen = {"seen": part.context["fingerprint"]}
    # A metric that is new is more than the section.
    log(run, [{"_step": 11, "other": 1}])
    whole = client.get(section.url, asked | seen, headers=HTMX)
    assert whole["HX-Retarget"] == "#charts" and "other" in charts_of(whole)

    runs.finish(Actor(bob), run, State.FINISHED)
    last = client.get(section.url, asked | seen | {"known": whole.context["known"]}, headers=HTMX).content.decode()
    assert "data-live" not in last and "finished" in last


def test_system_metrics_have_units_and_a_line_for_each_device(browser, run, vera, django_assert_max_num_queries):
    rows = [
        {"_runtime": second, "_timestamp": 1_700_000_000 + second, "system.cpu": 10, "system.memory_percent": 20}
        | {f"system.gpu.{gpu}.temp": 50 + gpu for gpu in range(11)}
        | {
            "system.disk./.usagePercent": 3,
            "system.network.sent": 4096,
            "system.new.thing": 1,
            "system.proc.cpu.threads": 2,
        }
        for second in range(0, 60, 15)
    ]
    log(run, rows, Stream.EVENTS)
    client = browser(vera)
    with django_assert_max_num_queries(12):
        response = client.get(f"{URL}/system")

    found = charts_of(response)
    names = [section.name for section in response.context["sections"]]
    assert names == ["GPU", "CPU", "Memory", "Disk", "Network", "Process", "Other"]
    temperature = found["GPU temperature"]
    assert temperature.y_unit == "°C" and temperature.x_label == "relative time"
    assert [path.label for path in temperature.paths][:3] == ["GPU 0", "GPU 1", "GPU 2"]
    assert found["Disk used"].y_unit == "%"
    # Of which nothing is known.
    assert charts_of(client.get(f"{URL}/system?section=Other"))["new.thing"].y_unit == ""
    large = client.get(f"{URL}/system-chart", {"key": "GPU temperature"})
    assert large.status_code == 200 and len(large.context["chart"].paths) == 11
    assert f'href="{URL}/system"' in client.get(URL).content.decode()


def test_a_machine_of_thousands_of_devices_has_a_page_of_a_bounded_size(browser, run, vera, monkeypatch):
    monkeypatch.setattr(metric_series, "_MAX_KEYS", 300)
    log(run, [{"_runtime": 0} | {f"system.disk.d{number}.in": 1 for number in range(1_000)}], Stream.EVENTS)
    chart = charts_of(browser(vera).get(f"{URL}/system"))["Read from disk, the first 256 of 300"]

    assert len(chart.paths) == 256
    assert browser(vera).get(f"{URL}/system-chart", {"key": "Read from disk"}).status_code == 200


def test_strangers_see_no_charts(browser, run, mallory):
    train(run)
    for page in ("charts", "chart?key=train/loss", "system", "system-chart?key=CPU"):
        assert browser(mallory).get(f"{URL}/{page}").status_code == 404


def test_names_and_values_of_users_are_escaped(browser, run, vera):
    key = '"><img src=x>/\u202e<b>'
    log(run, [{"_step": 0, key: 1, "huge": 1e308, "nan": "NaN"}])
    response = browser(vera).get(f"{URL}/charts")

    page = response.content.decode()
    assert "<img src=x" not in page and "\u202e" not in page and response.status_code == 200
    assert browser(vera).get(f"{URL}/chart", {"key": key}).status_code == 200
