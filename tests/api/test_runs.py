"""What clients ask of runs beside their state: parts of the history, files, definitions of metrics, and to stop."""

from urllib.request import Request, urlopen
from uuid import uuid4

import pytest

from accounts.actor import Actor
from projects import metric_definitions, runs
from projects.metric_definitions import MetricDefinition
from projects.models import Run
from tracking import history


@pytest.fixture
def run(project, bob) -> Run:
    return runs.start(Actor(bob), project)


@pytest.fixture
def url(run) -> str:
    return f"/api/v1/runs/{run.pk}"


def put(url: str, body: bytes) -> None:
    with urlopen(Request(url, body, method="PUT")) as response:
        assert response.status == 200


def test_a_part_of_the_history(api, bob, run, url):
    rows = [
        {"_step": step, "loss": step / 2, "val": {"f1": step}} | ({"odd": 1} if step % 2 else {}) for step in range(9)
    ]
    history.append(Actor(bob), run, uuid4(), 0, rows)

    def ask(query: str) -> list[dict]:
        answer = api(bob).get(f"{url}/history?{query}").json()
        assert answer["next_cursor"] is None
        return answer["items"]

    assert ask("keys=odd&max_step=4") == [{"_step": 1, "odd": 1}, {"_step": 3, "odd": 1}]
    assert ask("keys=loss&keys=val.f1&min_step=8") == [{"_step": 8, "loss": 4.0, "val.f1": 8}]
    assert [row["_step"] for row in ask("samples=3")] == [0, 4, 8]
    assert [row["_step"] for row in ask("samples=2&min_step=3&max_step=8")] == [3, 7]
    assert ask("samples=2&keys=loss&keys=odd&max_step=6") == [
        {"_step": 1, "loss": 0.5, "odd": 1},
        {"_step": 5, "loss": 2.5, "odd": 1},
    ]
    assert api(bob).get(f"{url}/history?samples=2&cursor=abc").status_code == 400


def test_files_of_a_run_are_sent_listed_and_deleted(api, bob, vera, url):
    begun = api(bob).post(f"{url}/files", {"files": ["log.txt", "media/a.png"]}).json()["items"]
    assert api(bob).get(f"{url}/files").json() == {"items": [], "next_cursor": None}
    for item in begun:
        put(item["upload_url"], item["name"].encode())
    arrived = api(bob).post(f"{url}/files/uploaded", {"files": ["log.txt", "media/a.png", "missing"]}).json()["items"]

    assert [(file["name"], file["size"]) for file in arrived] == [("log.txt", 7), ("media/a.png", 11)]
    found = api(vera).get(f"{url}/files?name=media/a.png").json()["items"]
    assert [file["mime_type"] for file in found] == ["image/png"]
    assert urlopen(found[0]["url"]).read() == b"media/a.png"
    assert api(vera).delete(f"{url}/files?name=log.txt").status_code == 403
    assert api(bob).delete(f"{url}/files?name=log.txt&name=gone").status_code == 204
    assert [file["name"] for file in api(vera).get(f"{url}/files").json()["items"]] == ["media/a.png"]


def test_what_a_program_printed_is_added_once(api, bob, vera, url):
    first = {
        "writer": str(uuid4()),
        "offset": 0,
        "lines": ["2026-05-03T12:00:00.5 epoch 1", "ERROR 2026-05-03T12:00:01 oh"],
    }
    again = first | {"lines": [*first["lines"], "plain"]}
    for body in (first, first, again, first | {"writer": str(uuid4()), "lines": ["other"]}):
        assert api(bob).post(f"{url}/console", body).status_code == 204
    assert api(vera).post(f"{url}/console", first).status_code == 403

    answer = api(vera).get(f"{url}/console").json()
    assert [(line["level"], line["text"]) for line in answer["items"]] == [
        ("info", "epoch 1"), ("error", "oh"), ("info", "plain"), ("info", "other"),
    ]  # fmt: skip
    assert answer["items"][0]["timestamp"] == "2026-05-03T12:00:00.5" and answer["line_count"] == 4
    for query, expected in (("after=1&limit=1", [2]), ("last=true&limit=2", [2, 3])):
        found = api(vera).get(f"{url}/console?{query}").json()["items"]
        assert [line["number"] for line in found] == expected


@pytest.mark.parametrize("names", [[], ["../x"], ["/x"], "x", ["x"] * 1001])
def test_names_that_no_file_can_have(api, bob, url, names):
    assert api(bob).post(f"{url}/files", {"files": names}).status_code == 400


def test_definitions_of_metrics_are_kept_as_the_official_client_keeps_them(api, bob, run, url):
    Run.objects.filter(pk=run.pk).update(wandb={"cli_version": "0.31.0", "m": [{"1": "epoch", "6": [3]}, "?", {}]})
    loss = {"step_metric": "epoch", "step_sync": True, "summary": ["min", "last"], "goal": "minimize"}

    sent = {"metrics": {"val/*": loss, "noise": {"hidden": True, "step_metric": "unknown"}}}
    assert api(bob).patch(url, sent).status_code == 200

    run.refresh_from_db()
    assert run.wandb["cli_version"] == "0.31.0" and run.wandb["m"] == [
        {"1": "epoch", "6": [3]},
        {"2": "val/*", "5": 1, "6": [1, 3], "7": [1, 5], "8": 1},
        {"1": "noise", "4": "unknown", "6": [2, 3]},
    ]
    definitions = metric_definitions.of_run(run)
    assert metric_definitions.find(definitions, "val/loss") == MetricDefinition(
        "val/*", "epoch", is_step_synced=True, summary=("min", "last"), goal="minimize"
    )
    assert metric_definitions.find(definitions, "train/loss") == MetricDefinition("train/loss")
    patterns = metric_definitions.Definitions({name: MetricDefinition(name) for name in ("a", "*", "a*", "abc*", "b*")})
    found = {"a": "a", "ab": "a*", "abc": "abc*", "abcd": "abc*", "c": "*", "b": "b*"}
    assert {name: metric_definitions.find(patterns, name).name for name in found} == found
    shown = api(bob).get(url).json()["metrics"]
    assert shown["val/*"] == loss | {"hidden": False} and shown["noise"]["hidden"] is True
    assert api(bob).patch(url, {"metrics": {"": {}}}).status_code == 400
    assert api(bob).patch(url, {"metrics": {"x": {"summary": ["median"]}}}).status_code == 400


def test_a_run_is_told_to_stop_with_what_it_sends(api, bob, vera, url):
    row = {"writer": str(uuid4()), "offset": 0, "rows": [{"_step": 1}]}
    assert api(bob).post(f"{url}/history", row).json()["stop_requested"] is False

    assert api(vera).post(f"{url}/stop").status_code == 403
    assert api(bob).post(f"{url}/stop").json()["stop_requested"] is True
    assert api(bob).post(f"{url}/history", row).json()["stop_requested"] is True
    assert api(bob).post(f"{url}/heartbeat").json()["stop_requested"] is True
    assert api(bob).post(f"{url}/finish", {"exit_code": 0}).json()["stop_requested"] is False
    assert api(bob).post(f"{url}/stop").json()["stop_requested"] is False
