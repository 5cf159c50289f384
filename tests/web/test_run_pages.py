"""Runs: the list of a project, and one of them, which follows the run while it lives."""

import re
from uuid import uuid4

import pytest

from accounts.actor import Actor
from artifacts import artifacts
from artifacts.models import ArtifactUsage
from projects import projects, runs
from projects.models import Run, RunEnvironment, State
from tests.conftest import HTMX
from tests.web.test_home_page import logged
from tracking import history


@pytest.fixture
def run(bob, project) -> Run:
    return runs.start(
        Actor(bob),
        project,
        name="brisk-otter-1",
        job_type="train",
        group="sweep-1",
        tags=["a", "b", "c", "d"],
        notes="*Why*",
    )


def test_the_list_shows_the_state_of_runs(browser, run, vera, bob):
    runs.finish(Actor(bob), runs.start(Actor(bob), run.project, name="done"), State.FINISHED)
    page = browser(vera).get("/acme/demo/runs").content.decode()

    assert "/acme/demo/runs/brisk-otter-1" in page
    assert all(text in page for text in ("running", "finished", "train", "sweep-1", "bob", "+1"))
    assert "1–2 of 2 runs" in page


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=running", 1),
        ("state=crashed", 0),
        ("state=x", 2),
        ("q=otter", 1),
        ("search=why", 1),
        ("group=sweep-1", 1),
    ],
)
def test_the_list_filters(browser, run, vera, bob, query, count):
    runs.finish(Actor(bob), runs.start(Actor(bob), run.project, name="done"), State.FINISHED)

    part = browser(vera).get(f"/acme/demo/runs?{query}", headers=HTMX)
    assert len(part.context["page"]) == count
    assert b"<html" not in part.content


def test_the_list_costs_the_same_with_many(browser, project, bob, django_assert_max_num_queries):
    for number in range(60):
        runs.start(Actor(bob), project, name=f"run-{number}", display_name="<script>")
    client = browser(bob)

    with django_assert_max_num_queries(8):
        page = client.get("/acme/demo/runs").content.decode()
    assert "1–50 of 60 runs" in page
    assert "<script>" not in page.replace('<script type="module"', "")


def test_no_runs_yet(browser, project, vera):
    assert "No runs yet" in browser(vera).get("/acme/demo/runs").content.decode()


def test_a_run_shows_what_it_did(browser, run, vera, bob, alice, django_assert_max_num_queries):
    made = logged(bob, artifacts.create(Actor(bob), run.project, "ranker", "model"), run=run)
    used = logged(bob, artifacts.create(Actor(bob), run.project, "data", "dataset"))
    ArtifactUsage.objects.create(run=run, version=used, requested_as=["production", "v1"])
    environment = {
        "command": "python <b>train.py",
        "python_version": "3.12.1",
        "packages": {"torch": "2.5.1+cu124", "items": "0.6"},
    }
    RunEnvironment.objects.create(run=run, **environment)
    changes = {"config": {"lr": 0.01}, "summary": {"rmse": 0.93456789012345678, "<img src=x>": "<b>"}}
    Run.objects.filter(pk=run.pk).update(
        host="<i>box", git_commit="0" * 40, git_remote="javascript:alert(1)", **changes
    )
    client = browser(vera)
    with django_assert_max_num_queries(10):
        response = client.get("/acme/demo/runs/brisk-otter-1")

    assert (response.context["logged"], response.context["used"]) == ([made], [used])
    page = response.content.decode()
    assert all(
        text in page for text in ("rmse", "0.01", "<em>Why</em>", "0" * 40, ">0.93457</span>", "2.5.1+cu124", ">0.6<")
    )
    assert re.search(r"used as <code\s*>production</code>, <code\s*>v1</code>", page)
    assert "python &lt;b&gt;train.py" in page
    assert "/edit" not in page and "/delete" not in page
    assert not any(tag in page for tag in ("<img src=x", "<b>", "<i>", 'href="javascript'))


def test_the_last_rows_of_the_history_are_a_table(browser, run, vera, bob, django_assert_max_num_queries):
    assert "History" not in browser(vera).get("/acme/demo/runs/brisk-otter-1").content.decode()
    rows = [{"_step": step, "_timestamp": 1.5, "loss": 1 / (step + 1), "image": {"x": 1}} for step in range(12)]
    rows.append({"_step": 12, "<img src=x>": "<b>" + "x" * 100})
    history.append(Actor(bob), run, uuid4(), 0, rows)
    client = browser(vera)
    with django_assert_max_num_queries(11):
        response = client.get("/acme/demo/runs/brisk-otter-1")

    table = response.context["history"]
    assert table.names == ["<img src=x>", "loss"]
    assert [step for step, _ in table.rows] == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]
    page = response.content.decode()
    assert "The last 10 of 13 rows." in page and f"/api/v1/runs/{run.pk}/history" in page
    assert not any(tag in page for tag in ("<img src=x", "<b>", "x" * 41))


def test_what_clients_add_to_the_summary_is_not_on_the_page(browser, run, bob):
    runs.update(Actor(bob), run, summary={"rmse": 0.25, "_step": 12345, "_wandb": {"runtime": 2}})

    page = browser(bob).get("/acme/demo/runs/brisk-otter-1").content.decode()
    assert "rmse" in page and not any(text in page for text in ("_step", "12345", "_wandb", "runtime"))


def test_it_follows_the_run_until_that_has_ended(browser, run, bob):
    client = browser(bob)
    page = client.get("/acme/demo/runs/brisk-otter-1").content.decode()
    again = re.search(r'hx-get="(/acme/demo/runs/brisk-otter-1\?seen=\w+)" hx-trigger="every', page)[1]

    assert client.get(again, headers=HTMX).status_code == 204
    runs.heartbeat(Actor(bob), run)
    assert client.get(again, headers=HTMX).status_code == 204

    runs.update(Actor(bob), run, summary={"rmse": 0.25})
    part = client.get(again, headers=HTMX).content.decode()
    assert "0.25" in part and "<html" not in part
    again = re.search(r'hx-get="([^"]+)"', part)[1]

    runs.finish(Actor(bob), run, State.FINISHED)
    part = client.get(again, headers=HTMX).content.decode()
    assert "finished" in part and "hx-trigger" not in part


def test_used_versions_of_hidden_projects_stay_hidden(browser, run, vera, bob, mallory):
    hers = projects.create(Actor(mallory), mallory.personal_team, "hers")
    secret = artifacts.create(Actor(mallory), hers, "secret", "model")
    ArtifactUsage.objects.create(run=run, version=logged(mallory, secret))

    assert "secret" not in browser(vera).get("/acme/demo/runs/brisk-otter-1").content.decode()


def test_strangers_see_nothing(browser, run, mallory):
    assert browser(mallory).get("/acme/demo/runs/brisk-otter-1").status_code == 404
    assert browser(mallory).get("/acme/demo/runs/none").status_code == 404


def test_why_it_ended(browser, run, vera, bob):
    url = run.get_absolute_url()
    Run.objects.filter(pk=run.pk).update(state=State.CRASHED)
    assert "No heartbeat since" in browser(vera).get(url).content.decode()
    runs.finish(Actor(bob), run, State.CRASHED, exit_code=3, error="ValueError: <b>no data")
    page = browser(vera).get(url).content.decode()
    assert "<code>ValueError: &lt;b&gt;no data</code>" in page and "Exit code 3" in page


def test_editing_and_deleting_a_run(browser, run, vera, bob, mallory):
    made = logged(bob, artifacts.create(Actor(bob), run.project, "ranker", "model"), run=run)
    client, url = browser(bob), run.get_absolute_url()
    for act in ("edit", "delete"):
        assert f'hx-get="{url}/{act}" hx-target="#modal"' in client.get(url).content.decode()
        assert [browser(user).post(f"{url}/{act}").status_code for user in (vera, mallory)] == [403, 404]
    assert 'value="a, b, c, d"' in client.get(f"{url}/edit", headers=HTMX).content.decode()

    changed = {"display_name": "Best <i>one", "tags": "good, best", "notes": "Now"}
    assert client.post(f"{url}/edit", changed)["Location"] == url
    run.refresh_from_db()
    assert (run.title, run.name, run.tags, run.notes) == ("Best <i>one", "brisk-otter-1", ["good", "best"], "Now")
    # Who has the form open meanwhile removes no tag that was not on it, and brings back none.
    page = client.get(f"{url}/edit", headers=HTMX).content.decode()
    assert '<input type="hidden" name="initial-tags" value="good, best"' in page
    runs.update(Actor(bob), run, add_tags=["theirs"], remove_tags=["best"])
    client.post(f"{url}/edit", changed | {"tags": "best, mine", "initial-tags": "good, best"})
    run.refresh_from_db()
    assert run.tags == ["theirs", "mine"]
    for page_url in (url, "/acme/demo/runs", made.get_absolute_url()):
        assert "Best &lt;i&gt;one" in client.get(page_url).content.decode(), page_url
    for wrong in ({"display_name": "x" * 257}, {"display_name": "a\x1bb"}, {"tags": "x" * 129}):
        assert client.post(f"{url}/edit", changed | wrong, headers=HTMX).status_code == 422, wrong

    assert "The versions that it logged stay." in client.get(f"{url}/delete", headers=HTMX).content.decode()
    answer = client.post(f"{url}/delete", follow=True)
    assert answer.redirect_chain == [("/acme/demo/runs", 302)] and "deleted." in answer.content.decode()
    assert client.get(url).status_code == 404
    assert client.get(made.get_absolute_url()).status_code == 200


def test_an_editor_asks_a_run_to_stop(browser, run, bob, vera):
    url = f"{run.get_absolute_url()}/stop"

    assert b"/stop" in browser(bob).get(run.get_absolute_url()).content
    assert b"/stop" not in browser(vera).get(run.get_absolute_url()).content
    assert browser(vera).post(url).status_code == 403
    answer = browser(bob).post(url, follow=True)

    run.refresh_from_db()
    assert run.stop_requested and b"Stopping" in answer.content and b"asked to stop" in answer.content
    assert runs.finish(Actor(bob), run, State.KILLED).stop_requested is False


def test_the_summary_is_without_the_records_of_media(browser, run, bob):
    summary = {"loss": 0.5, "val": {"f1": 1}, "sample": {"_type": "image-file", "path": "media/images/sample.png"}}
    runs.update(Actor(bob), run, summary=summary)

    assert set(browser(bob).get(run.get_absolute_url()).context["summary"]) == {"loss", "val"}
