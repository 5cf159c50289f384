"""Runs: they start, beat, fall silent, come back and end."""

import re
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts import errors
from accounts.actor import Actor
from accounts.models import Scope
from projects import projects, run_names, runs, tasks
from projects.errors import RunEnded
from projects.models import Run, State, Visibility
from tests.artifacts.client import at_once
from wanllmdb.celery import app


@pytest.fixture
def run(project, bob) -> Run:
    return runs.start(Actor(bob), project, config={"lr": 0.1})


def silence(run: Run, minutes: int = 6) -> None:
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=minutes))


def test_a_run_without_a_name_gets_a_generated_one(project, bob):
    run = runs.start(Actor(bob), project)

    assert re.fullmatch(r"[a-z]+-[a-z]+-[1-9][0-9]?", run.name)
    assert (run.state, run.config, run.tags, run.finished_at) == (State.RUNNING, {}, [], None)


def test_a_generated_name_that_is_taken_is_made_up_again(project, bob, monkeypatch):
    monkeypatch.setattr(run_names, "generate", lambda digits: f"brisk-otter-{10**digits}")
    names = [runs.start(Actor(bob), project).name for _ in range(3)]

    assert names == ["brisk-otter-100", "brisk-otter-1000", "brisk-otter-100000"]


def test_a_name_is_used_once_a_project(project, bob):
    assert runs.start(Actor(bob), project, name="first").name == "first"
    with pytest.raises(errors.NameTaken):
        runs.start(Actor(bob), project, name="first")
    other = projects.create(Actor(bob), project.team, "other")
    assert runs.start(Actor(bob), other, name="first").project == other


def test_viewers_and_strangers_only_look(project, run, alice, vera, mallory):
    projects.update(Actor(alice), project, visibility=Visibility.INTERNAL)
    for user in (vera, mallory):
        assert run in Run.objects.visible_to(user)
        with pytest.raises(errors.Denied):
            runs.start(Actor(user), project)
        with pytest.raises(errors.Denied):
            runs.update(Actor(user), run, notes="x")
        with pytest.raises(errors.Denied):
            runs.heartbeat(Actor(user), run)
        with pytest.raises(errors.Denied):
            runs.finish(Actor(user), run, State.FINISHED)


def test_a_run_is_updated_also_after_its_end(run, bob):
    runs.finish(Actor(bob), run, State.FINISHED)
    runs.update(Actor(bob), run, summary={"acc": 0.9}, tags=["good"], notes="Keep.")

    run.refresh_from_db()
    assert (run.summary, run.tags, run.notes, run.config) == ({"acc": 0.9}, ["good"], "Keep.", {"lr": 0.1})
    with pytest.raises(errors.Invalid):
        runs.update(Actor(bob), run, group="x" * 129)


def test_a_heartbeat_is_remembered(run, bob):
    silence(run, minutes=2)
    before = timezone.now()
    assert runs.heartbeat(Actor(bob), run).heartbeat_at >= before


def test_a_silent_run_is_crashed_and_a_heartbeat_brings_it_back(run, bob):
    assert runs.mark_crashed() == 0
    silence(run)
    assert (runs.mark_crashed(), runs.mark_crashed()) == (1, 0)
    run.refresh_from_db()
    assert (run.state, run.finished_at) == (State.CRASHED, None)

    assert runs.heartbeat(Actor(bob), run).state == State.RUNNING


def test_a_silent_run_may_still_say_how_it_ended(run, bob):
    silence(run)
    runs.mark_crashed()

    assert runs.finish(Actor(bob), run, State.FINISHED).state == State.FINISHED


def test_a_run_ends_once_and_saying_it_again_is_fine(run, bob):
    ended = runs.finish(Actor(bob), run, State.FINISHED, summary={"acc": 1})
    at = ended.finished_at
    assert (ended.state, ended.summary) == (State.FINISHED, {"acc": 1})

    again = runs.finish(Actor(bob), run, State.FINISHED, summary={"acc": 0})
    assert (again.finished_at, again.summary) == (at, {"acc": 1})
    with pytest.raises(RunEnded, match="it is finished"):
        runs.finish(Actor(bob), run, State.CRASHED)
    with pytest.raises(RunEnded):
        runs.heartbeat(Actor(bob), run)


def test_a_crash_that_was_reported_is_an_end(run, bob):
    runs.finish(Actor(bob), run, State.CRASHED)
    with pytest.raises(RunEnded):
        runs.heartbeat(Actor(bob), run)


def test_running_is_no_end(run, bob):
    with pytest.raises(errors.Invalid):
        runs.finish(Actor(bob), run, State.RUNNING)


def test_a_run_deleted_in_the_meantime_is_missing(run, bob):
    Run.objects.all().delete()
    with pytest.raises(errors.Missing):
        runs.heartbeat(Actor(bob), run)
    with pytest.raises(errors.Missing):
        runs.finish(Actor(bob), run, State.FINISHED)


def test_ended_runs_are_never_marked_crashed(run, bob):
    runs.finish(Actor(bob), run, State.KILLED)
    silence(run)
    assert runs.mark_crashed() == 0


@pytest.mark.parametrize(
    "columns", [{"state": "lost"}, {"state": "finished"}, {"finished_at": timezone.now()}, {"name": "a:b"}]
)
def test_the_database_knows_what_a_run_can_be(run, columns):
    with pytest.raises(IntegrityError), errors.refuse():
        Run.objects.filter(pk=run.pk).update(**columns)


def test_the_task_is_on_the_beat(run):
    app.loader.import_default_modules()
    entry = app.conf.beat_schedule["projects-mark-crashed"]
    silence(run)
    assert entry["task"] == tasks.mark_crashed.name
    tasks.mark_crashed()
    run.refresh_from_db()
    assert run.state == State.CRASHED


def test_the_api_starts_a_run_and_its_project(api, acme, bob):
    answer = api(bob).post(
        "/api/v1/runs",
        {"project": "acme/vision", "config": {"lr": 1e-3}, "tags": ["a", "b", "a"], "job_type": "train", "host": "box"},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert (body["project_name"], body["state"], body["tags"]) == ("acme/vision", "running", ["a", "b"])
    assert (body["config"], body["summary"], body["created_by"]) == ({"lr": 1e-3}, {}, "bob")
    assert body["url"].endswith(f"/acme/vision/runs/{body['name']}")
    assert body.pop("created")
    assert api(bob).get(f"/api/v1/runs/{body['id']}").json() == body | {"environment": None, "metrics": {}}
    assert api(bob).post("/api/v1/runs", {"project": "own"}).json()["project_name"] == "bob/own"
    assert api(bob).post("/api/v1/runs", {"project": body["project"]}).json()["project_name"] == "acme/vision"


def test_the_api_beats_updates_and_finishes(api, run, bob):
    url, client = f"/api/v1/runs/{run.pk}", api(bob)
    assert client.post(f"{url}/heartbeat").status_code == 200
    changed = client.patch(url, {"config": {"lr": 1}, "display_name": "Best", "group": "g"}).json()
    assert (changed["config"], changed["display_name"], changed["group"]) == ({"lr": 1}, "Best", "g")

    ended = client.post(f"{url}/finish", {"exit_code": 1, "summary": {"loss": 2}}).json()
    assert (ended["state"], ended["summary"]) == ("crashed", {"loss": 2})
    assert client.post(f"{url}/finish", {"exit_code": 3}).status_code == 200
    refused = client.post(f"{url}/finish", {"exit_code": 0})
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "RunEnded", "crashed")
    assert client.post(f"{url}/heartbeat").json()["code"] == "RunEnded"


def test_the_api_adds_and_removes_single_tags(api, run, bob):
    url, client = f"/api/v1/runs/{run.pk}", api(bob)
    client.patch(url, {"tags": ["a", "b"]})
    assert client.patch(url, {"add_tags": ["c", "a", "c"], "remove_tags": ["b", "absent"]}).json()["tags"] == ["a", "c"]
    # Somebody who has read the run before loses nothing.
    runs.update(Actor(bob), run, add_tags=["d"])
    assert client.get(url).json()["tags"] == ["a", "c", "d"]
    assert client.patch(url, {"tags": ["x"], "add_tags": ["y"]}).json()["tags"] == ["x", "y"]
    refused = client.patch(url, {"add_tags": [f"t{number}" for number in range(99)], "notes": "not taken"})
    assert (refused.status_code, client.get(url).json()["tags"]) == (400, ["x", "y"])
    assert client.get(url).json()["notes"] == ""


@pytest.mark.django_db(transaction=True)
def test_of_many_who_tag_a_run_at_once_nobody_loses_a_tag(run, bob):
    at_once(*(lambda n=n: runs.update(Actor(bob), Run.objects.get(pk=run.pk), add_tags=[f"t{n}"]) for n in range(6)))
    run.refresh_from_db()
    assert sorted(run.tags) == [f"t{number}" for number in range(6)]


def test_a_run_of_the_past_is_told_of_later(api, acme, bob):
    began, ended = timezone.now() - timedelta(days=2), timezone.now() - timedelta(days=1)
    body = {"project": "acme/vision", "started_at": began.isoformat()}
    run = Run.objects.get(pk=api(bob).post("/api/v1/runs", body).json()["id"])
    assert run.started_at == began
    api(bob).post(f"/api/v1/runs/{run.pk}/finish", {"state": "crashed", "finished_at": ended.isoformat()})
    run.refresh_from_db()
    assert (run.finished_at, run.duration) == (ended, ended - began)

    # A clock that is ahead, and an end before the beginning.
    tomorrow = timezone.now() + timedelta(days=1)
    ahead = runs.start(Actor(bob), run.project, started_at=tomorrow)
    assert ahead.started_at < tomorrow
    assert runs.finish(Actor(bob), ahead, State.FINISHED, finished_at=began).finished_at == ahead.started_at


@pytest.mark.parametrize(
    ("body", "state"),
    [({"exit_code": 0}, "finished"), ({"exit_code": -9}, "crashed"), ({"exit_code": 255, "state": "killed"}, "killed")],
)
def test_how_a_run_ended_is_given_by_exit_code_or_state(api, run, bob, body, state):
    assert api(bob).post(f"/api/v1/runs/{run.pk}/finish", body).json()["state"] == state


@pytest.mark.parametrize(
    "body", [{}, {"state": "running"}, {"exit_code": "x"}, {"exit_code": 0, "summary": []}, {"exit_code": 2**40}]
)
def test_an_end_without_sense_is_refused(api, run, bob, body):
    answer = api(bob).post(f"/api/v1/runs/{run.pk}/finish", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "Invalid")


def test_the_api_refuses_with_the_right_code(api, run, bob, vera, mallory):
    url = f"/api/v1/runs/{run.pk}"
    cases = [
        (vera, "post", "/api/v1/runs", {"project": "acme/demo"}, 403, "Denied"),
        (vera, "post", "/api/v1/runs", {"project": "acme/new"}, 403, "Denied"),
        (mallory, "post", "/api/v1/runs", {"project": "acme/demo"}, 404, "Missing"),
        (bob, "post", "/api/v1/runs", {"project": "acme/demo", "name": run.name}, 409, "NameTaken"),
        (bob, "post", "/api/v1/runs", {"project": "acme/demo", "name": "a:b"}, 400, "Invalid"),
        (bob, "post", "/api/v1/runs", {}, 400, "Invalid"),
        (vera, "patch", url, {"notes": "x"}, 403, "Denied"),
        (vera, "post", f"{url}/heartbeat", None, 403, "Denied"),
        (vera, "post", f"{url}/finish", {"exit_code": 0}, 403, "Denied"),
        (mallory, "get", url, None, 404, "Missing"),
        (mallory, "patch", url, {"notes": "x"}, 404, "Missing"),
        (mallory, "post", f"{url}/heartbeat", None, 404, "Missing"),
        (mallory, "post", f"{url}/finish", {"exit_code": 0}, 404, "Missing"),
        (mallory, "get", "/api/v1/runs?project=acme/demo", None, 404, "Missing"),
    ]
    for user, method, at, body, status, code in cases:
        answer = getattr(api(user), method)(at, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (user, method, at)
    assert api(bob, Scope.READ).post(f"{url}/heartbeat").json()["code"] == "ReadOnlyKey"


def test_the_list_filters_and_orders(api, project, bob, mallory):
    first = runs.start(Actor(bob), project, name="first", group="g", job_type="train", notes="100% sure")
    second = runs.start(Actor(bob), project, name="second", display_name="First of its kind")
    other = runs.start(Actor(bob), projects.create(Actor(bob), bob.personal_team, "own"), name="third")
    runs.finish(Actor(bob), second, State.FINISHED)

    def names(query: str) -> list[str]:
        return [item["name"] for item in api(bob).get(f"/api/v1/runs?{query}").json()["items"]]

    assert names("") == [other.name, second.name, first.name]
    assert names("project=acme/demo&ordering=name") == names(f"project={project.pk}&ordering=id") == ["first", "second"]
    assert names("state=finished") == ["second"]
    assert names("group=g") == names("job_type=train") == names("search=100%25") == ["first"]
    assert names("search=FIRST") == ["second", "first"]
    assert names("search=%25_") == []
    assert api(mallory).get("/api/v1/runs").json()["total"] == 0
    assert api(bob).get("/api/v1/runs?state=lost").status_code == 400


def test_the_list_costs_four_queries_however_long_it_is(api, project, bob, vera, django_assert_num_queries):
    for _ in range(5):
        runs.start(Actor(bob), project)
    client = api(vera)
    client.get("/api/v1/me")
    with django_assert_num_queries(4):
        assert client.get("/api/v1/runs").json()["total"] == 5
    with django_assert_num_queries(5):  # and the project
        assert client.get("/api/v1/runs?project=acme/demo").json()["total"] == 5


def test_a_run_says_why_it_ended_and_goes_on_without(api, project, bob):
    client = api(bob)
    body = client.post("/api/v1/runs", {"project": "acme/demo", "name": "r"}).json()
    url = f"/api/v1/runs/{body['id']}"
    assert (body["exit_code"], body["error"]) == (None, "")

    end = {"exit_code": 3, "error": "ValueError: <no> data"}
    body = client.post(f"{url}/finish", end).json()
    assert (body["state"], body["exit_code"], body["error"]) == ("crashed", 3, "ValueError: <no> data")
    assert client.post(f"{url}/finish", {"exit_code": 4, "error": "x"}).json()["exit_code"] == 3
    again = client.post("/api/v1/runs", {"project": "acme/demo", "name": "r", "resume": "must"}).json()
    assert (again["id"], again["exit_code"], again["error"]) == (body["id"], None, "")
    for wrong in ("x" * 1025, "two\nlines", "\0", 1.5 * 10**300, [], None):
        assert client.post(f"{url}/finish", {"exit_code": 1, "error": wrong}).status_code in (200, 400)


def test_a_run_has_the_environment_of_its_last_start(api, project, bob, vera, django_assert_max_num_queries):
    client = api(bob)
    first = {"command": "python train.py --lr 1", "python_version": "3.12.1", "packages": {"torch": "2.5.1"}}
    body = {"project": "acme/demo", "name": "r", "environment": first}
    run = client.post("/api/v1/runs", body).json()
    assert "environment" not in run
    url = f"/api/v1/runs/{run['id']}"
    assert api(vera).get(url).json()["environment"] == first
    client.post("/api/v1/runs", body | {"resume": "allow"})
    client.post("/api/v1/runs", body | {"resume": "allow", "environment": {"command": "python more.py"}})
    assert client.get(url).json()["environment"]["command"] == "python more.py"
    other = client.post("/api/v1/runs", {"project": "acme/demo"}).json()
    assert client.get(f"/api/v1/runs/{other['id']}").json()["environment"] is None
    for wrong in (
        {"command": "x" * 4097},
        {"command": "a\nb"},
        {"packages": ["torch"]},
        {"packages": {"torch": 2}},
        {"packages": {"torch": "x" * 129}},
        {"packages": {f"p{number}": "1" for number in range(1001)}},
        {"packages": {"a\nb": "1"}},
        "python",
    ):
        answer = client.post("/api/v1/runs", {"project": "acme/demo", "name": "wrong", "environment": wrong})
        assert answer.status_code == 400, wrong
    assert not Run.objects.filter(name="wrong").exists()


def test_a_run_is_deleted_with_its_history(api, run, bob, vera, mallory):
    url = f"/api/v1/runs/{run.pk}"
    row = {"writer": "01a222c0-c092-76b5-9ec2-73521fdfaae9", "offset": 0, "rows": [{"_step": 0, "loss": 1}]}
    api(bob).post(f"{url}/history", row)
    assert [api(user).delete(url).status_code for user in (vera, mallory)] == [403, 404]

    assert [api(bob).delete(url).status_code for _ in range(2)] == [204, 404]
    assert not Run.objects.exists()
    assert api(bob).post(f"{url}/heartbeat").status_code == 404
    with pytest.raises(errors.Missing):
        runs.delete(Actor(bob), run)
