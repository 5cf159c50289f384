"""Runs side by side: what differs, and lines through their values."""

import re
from uuid import uuid4

import pytest

from accounts.actor import Actor
from projects import runs
from projects.models import Run
from tests.conftest import HTMX
from tracking import history
from web.runs import parallel_coordinates
from web.tables import Column

COMPARISON = "/acme/demo/run-comparison"
HOSTILE = "<img src=x>\"'&"


@pytest.fixture
def three(bob, project) -> list[Run]:
    found = []
    for name, config, summary in (
        ("a", {"lr": 0.1, "net": {"kind": "cnn", "width": 1}, "seed": 1, HOSTILE: HOSTILE}, {"acc": 0.5, "_step": 4}),
        ("b", {"lr": 0.001, "net": {"kind": "cnn", "width": True}, "seed": 1.0}, {"acc": 0.75, "_step": 9}),
        ("c", {"lr": "auto", "net": {"kind": "cnn", "width": 1}, "seed": 1}, {"acc": 0.5}),
    ):
        run = runs.start(Actor(bob), project, name=name, group="g", config=config)
        found.append(runs.update(Actor(bob), run, summary=summary))
    return found


def items(*found: Run) -> list[str]:
    return [str(run.pk) for run in found]


def table(page) -> dict[str, tuple[list[str], bool]]:
    values = [page.context["facts"], *page.context["values"]]
    return {row.name: ([cell.text for cell in row.cells], row.differs) for one in values for row in one.rows}


def test_what_differs_is_marked(browser, vera, three):
    a, b, _ = three
    page = browser(vera).get(COMPARISON, {"item": items(a, b)})
    found = table(page)
    assert [run.name for run, *_ in page.context["runs"]] == ["b", "a"]
    assert found["lr"] == (["0.001", "0.1"], True)
    # 1 is 1.0, and not true.
    assert found["seed"] == (["1", "1"], False) and found["net.width"] == (["true", "1"], True)
    assert found["net.kind"] == (["cnn", "cnn"], False) and found["acc"] == (["0.75", "0.5"], True)
    assert found[HOSTILE] == (["", HOSTILE], True) and "_step" not in found
    assert found["Group"] == (["g", "g"], False) and "Host" not in found
    text = page.content.decode()
    assert "<img src=x" not in text and text.count("data-differs") == text.count(">≠<") >= 4
    assert "3 of 5 differ" in " ".join(text.split())


def test_only_what_differs_is_shown_on_demand(browser, vera, three):
    a, _, c = three
    query = {"item": items(a, c), "differing": "on"}
    page = browser(vera).get(COMPARISON, query, headers=HTMX)
    assert {name for name in table(page) if name not in ("Started", "Duration")} == {"lr", HOSTILE}
    text = page.content.decode()
    assert "<html" not in text and "checked" in text and "all the same" in text
    assert f'name="item" value="{a.pk}"' in text


def test_a_run_is_left_out_by_its_link(browser, vera, three):
    client = browser(vera)
    page = client.get(COMPARISON, {"item": items(*three), "differing": "on"})
    (run, _, url), *_ = page.context["runs"]
    assert run.name == "c"
    without = client.get(COMPARISON + url)
    assert [one.name for one, *_ in without.context["runs"]] == ["b", "a"] and without.context["differing_only"]


def test_two_to_ten_runs_are_compared(browser, bob, vera, mallory, project, three, foreign):
    client = browser(vera)
    for chosen in ([], items(three[0]), [*items(three[0]), "x", str(foreign.pk)]):
        response = client.get(COMPARISON, {"item": chosen}, follow=True)
        assert "Select at least two runs to compare." in response.content.decode()
    more = [runs.start(Actor(bob), project, name=f"more-{number}") for number in range(9)]
    page = client.get(COMPARISON, {"item": items(*three, *more)})
    assert len(page.context["runs"]) == 10 and "2 more are" in " ".join(page.content.decode().split())
    assert browser(mallory).get(COMPARISON, {"item": items(*three)}).status_code == 404


def test_everyone_who_sees_runs_can_tick_and_compare_them(browser, vera, three):
    text = browser(vera).get("/acme/demo/runs").content.decode()
    assert f'name="item" value="{three[0].pk}"' in text
    assert f'formaction="{COMPARISON}"' in text and 'data-ticks="2-10"' in text
    assert "run-deletion" not in text and "run-tags" not in text


def test_long_config_is_said_to_be_left_out(browser, bob, vera, project, three):
    long = [runs.start(Actor(bob), project, name=f"long-{n}", config={"x": str(n) * 1_000_000}) for n in range(6)]
    page = browser(vera).get(COMPARISON, {"item": items(*long, three[0])})
    text = page.content.decode()
    assert "is too long to compare" in text and len(page.content) < 60_000
    many = [runs.start(Actor(bob), project, name=f"many-{n}", config={f"k{k}": n for k in range(500)}) for n in (1, 2)]
    page = browser(vera).get(COMPARISON, {"item": items(*many)})
    assert "300 more" in page.content.decode() and table(page)["k0"] == (["2", "1"], True)


def test_axes_are_those_that_differ_or_that_are_chosen(browser, vera, three):
    client = browser(vera)
    page = client.get(COMPARISON, {"item": items(*three)})
    assert [axis.name for axis in page.context["picture"].axes] == [
        f"config.{HOSTILE}", "config.lr", "config.net.width", "summary.acc",
    ]  # fmt: skip
    query = {"item": items(*three), "axis": ["summary.acc", "config.lr", "wandb.secret", "config.seed"]}
    page = client.get(COMPARISON, query)
    assert [axis.name for axis in page.context["picture"].axes] == ["summary.acc", "config.lr", "config.seed"]
    text = page.content.decode()
    assert text.count('class="line c') == 3 and "lr: auto" in text
    assert 'value="config.net.kind">' in text and 'value="config.seed" checked' in text
    assert client.get(COMPARISON, {"item": items(*three), "axis": "config.lr"}).context["picture"] is None


@pytest.fixture
def logged(bob, three) -> list[Run]:
    """Each has logged two metrics, one of them a third; the last is far behind."""
    for number, run in enumerate(three):
        rows = [{"_step": step, "_runtime": step / 2, "loss": 1 / (step + 1 + number)} for step in range(20)]
        rows[5] |= {"train/acc": 0.5} if number == 1 else {}
        rows[6] |= {"_hidden": 1, "note": "x"}
        history.append(Actor(bob), run, uuid4(), 0, rows)
    return three


def test_charts_have_a_line_of_each_run(browser, vera, logged):
    client = browser(vera)
    page = client.get(COMPARISON, {"item": items(*logged)})
    charts = {chart.title: chart for chart, _ in page.context["charts"].charts}
    assert list(charts) == ["loss", "train/acc"]
    assert [(path.label, path.colour, path.count) for path in charts["loss"].named_paths] == [
        ("c", 0, 20), ("b", 1, 20), ("a", 2, 20),
    ]  # fmt: skip
    # A run has its colour in all of them.
    assert [(path.label, path.colour) for path in charts["train/acc"].named_paths] == [("b", 1)]
    text = page.content.decode()
    assert text.count("data-line-chart") == 2 and 'value="train/acc" checked' in text
    assert "/runs/c/chart?key=loss&amp;runs=b%2Ca" in text
    query = {"item": items(*logged), "metric": ["train/acc", "x"], "x": "relative", "scale": "log", "smoothing": "50"}
    (chart, _), *others = client.get(COMPARISON, query).context["charts"].charts
    assert (others, chart.title, chart.is_log, chart.x_label) == ([], "train/acc", True, "relative time")


def test_runs_without_metrics_have_no_charts(browser, vera, three):
    page = browser(vera).get(COMPARISON, {"item": items(*three), "metric": "loss"})
    assert "None of these runs has logged a metric." in page.content.decode()


def test_what_is_chosen_for_one_part_of_the_page_stays_in_the_others(browser, vera, logged):
    query = {
        "item": items(*logged),
        "metric": "loss",
        "axis": ["config.lr", "summary.acc"],
        "x": "step",
        "differing": "on",
    }
    text = browser(vera).get(COMPARISON, query).content.decode()
    forms = [form.partition("</form>")[0] for form in text.split("<form")[1:]]
    forms = [form for form in forms if f'action="{COMPARISON}"' in form.partition(">")[0]]
    assert len(forms) == 4
    for form, own in zip(forms, ({"x"}, {"metric"}, {"axis"}, {"differing"}), strict=True):
        hidden = set(re.findall(r'type="hidden" name="(\w+)"', form))
        assert hidden - {"csrfmiddlewaretoken"} == query.keys() - own


def test_a_comparison_costs_few_queries(browser, vera, logged, django_assert_max_num_queries):
    client = browser(vera)
    three = logged
    with django_assert_max_num_queries(12):
        page = client.get(COMPARISON, {"item": items(*three)}, headers={"Accept-Encoding": "gzip"})
    assert len(page.content) < 10_000


class Row:
    def __init__(self, **config) -> None:
        self.config = config


def axis(*values):
    rows = [Row(x=value) if value is not ... else Row() for value in values]
    picture = parallel_coordinates.draw(rows, [Column("config.x")], ["run"] * len(rows), [""] * len(rows))
    places = [float(line.path.split()[-1]) for line in picture.lines]
    return picture.axes[0], places


def test_numbers_lie_by_their_size_and_those_far_apart_by_their_logarithm():
    linear, places = axis(1, 2, 3)
    assert linear.kind == "" and places[1] == (places[0] + places[2]) / 2 and places[0] > places[2]
    assert [tick.label for tick in linear.ticks] == ["1", "1.5", "2", "2.5", "3"]
    logarithmic, places = axis(0.001, 0.01, 0.1)
    assert logarithmic.kind == "log" and places[1] == pytest.approx((places[0] + places[2]) / 2, abs=0.2)
    assert axis(-1, 0.01, 100)[0].kind == ""
    assert [tick.label for tick in axis(5, 5)[0].ticks] == ["5"]
    _, places = axis(-1.7e308, 1.7e308)
    assert places[0] > places[1]


def test_texts_and_numbers_share_an_axis_in_an_order():
    mixed, places = axis("b", 10, 2, True, "a")
    assert [tick.label for tick in mixed.ticks] == ["2", "10", "a", "b", "true"]
    assert sorted(places, reverse=True) == [places[index] for index in (2, 1, 4, 0, 3)]


def test_a_run_without_the_value_passes_below_the_axis():
    found, places = axis(1, 2, ...)
    assert found.ticks[-1].label == "no value" and places[2] == max(places) > places[0]
    assert axis(..., ...)[0].ticks[0].label == "no value"
    for value in (float("nan"), float("inf"), 10**400, None, [1], {}, "x" * 500):
        found, _ = axis(1, value)
        assert len(found.ticks) == 2 and all(len(tick.label) < 20 for tick in found.ticks)
