"""Starting a run by its name or id may go on with the run that is there; and a repeated request starts one run."""

from uuid import uuid4

import pytest

from accounts import errors
from accounts.actor import Actor
from projects import projects, run_names, runs
from projects.models import Project, Resume, Run, State
from tracking import history

ALLOW, MUST = Resume.ALLOW, Resume.MUST


@pytest.fixture
def run(project, bob) -> Run:
    return runs.start(Actor(bob), project, name="first", config={"lr": 0.1}, summary={"acc": 1}, notes="Keep.")


@pytest.mark.parametrize("end", [State.FINISHED, State.CRASHED, State.KILLED, None])
@pytest.mark.parametrize("resume", [ALLOW, MUST])
def test_a_run_goes_on_and_keeps_what_it_has(run, bob, end, resume):
    if end:
        runs.finish(Actor(bob), run, end)
    again = runs.start_or_resume(Actor(bob), run.project, name="first", resume=resume, config={"epochs": 3})

    assert (again.run.pk, again.created) == (run.pk, False)
    stored = Run.objects.get()
    assert (stored.state, stored.finished_at) == (State.RUNNING, None)
    assert (stored.config, stored.summary, stored.notes) == ({"lr": 0.1, "epochs": 3}, {"acc": 1}, "Keep.")
    runs.heartbeat(Actor(bob), stored)
    assert runs.finish(Actor(bob), stored, State.FINISHED).state == State.FINISHED


def test_the_id_names_a_run_too_but_only_of_its_project(run, bob):
    assert runs.start_or_resume(Actor(bob), run.project, name=str(run.pk), resume=MUST).run == run
    other = projects.create(Actor(bob), run.project.team, "other")
    with pytest.raises(errors.Missing, match=f"Project 'acme/other' has no run '{run.pk}' to resume"):
        runs.start_or_resume(Actor(bob), other, name=str(run.pk), resume=MUST)


def test_allow_starts_a_run_where_there_is_none(project, bob):
    started = runs.start_or_resume(Actor(bob), project, name="new", resume=ALLOW)
    assert (started.run.name, started.created) == ("new", True)
    assert runs.start_or_resume(Actor(bob), project, name="new", resume=ALLOW) == (started.run, False)


def test_without_resume_a_taken_name_is_refused(run, bob):
    with pytest.raises(errors.NameTaken, match="or resume that run"):
        runs.start_or_resume(Actor(bob), run.project, name="first")
    with pytest.raises(errors.Invalid, match="name or id"):
        runs.start_or_resume(Actor(bob), run.project, resume=ALLOW)


def test_who_may_not_start_may_not_resume(run, vera, mallory):
    for user in (vera, mallory):
        with pytest.raises(errors.Denied):
            runs.start_or_resume(Actor(user), run.project, name="first", resume=MUST)


def test_a_config_that_grows_too_large_is_refused_and_nothing_changed(run, bob):
    runs.finish(Actor(bob), run, State.FINISHED)
    runs.update(Actor(bob), run, config={"x": "x" * 1_000_000})
    with pytest.raises(errors.Invalid, match="config: Larger than 1024 KiB"):
        runs.start_or_resume(Actor(bob), run.project, name="first", resume=MUST, config={"y": "y" * 100_000})
    assert Run.objects.get().state == State.FINISHED


def test_a_repeated_request_starts_one_run(project, alice, bob):
    key = uuid4()
    first, second = (runs.start_or_resume(Actor(bob), project, idempotency_key=key) for _ in range(2))
    assert first == second == (Run.objects.get(), True)
    named = [runs.start(Actor(bob), project, name="a", idempotency_key=key) for key in [uuid4()] * 2]
    assert named[0] == named[1]
    with pytest.raises(errors.Conflict):
        runs.start(Actor(alice), project, idempotency_key=key)
    assert runs.start(Actor(bob), project).idempotency_key is None


@pytest.mark.parametrize("name", [None, "a"])
def test_two_copies_of_a_request_at_once_start_one_run(project, bob, monkeypatch, name):
    key = uuid4()
    other = runs.start(Actor(bob), project, name=name, idempotency_key=key)
    find, answers = runs._started_before, iter([None])
    monkeypatch.setattr(runs, "_started_before", lambda *args: next(answers, find(*args)))
    monkeypatch.setattr(run_names, "generate", lambda digits: "fresh-name-1")

    assert runs.start(Actor(bob), project, name=name, idempotency_key=key) == other


def test_two_processes_that_allow_resuming_get_one_run(project, bob, monkeypatch):
    first = runs.start(Actor(bob), project, name="a")
    monkeypatch.setattr(Run.objects.__class__, "called", lambda *args: None, raising=False)

    assert runs.start_or_resume(Actor(bob), project, name="a", resume=ALLOW) == (first, False)


def test_merged_keys_are_added_and_others_kept(run, bob):
    stale = Run.objects.get()
    runs.update(Actor(bob), run, summary={"acc": 1, "loss": 2})
    runs.update(Actor(bob), stale, merge=True, summary={"acc": 3}, config={"epochs": 1})

    stored = Run.objects.get()
    assert (stored.summary, stored.config) == ({"acc": 3, "loss": 2}, {"lr": 0.1, "epochs": 1})
    stored.delete()
    with pytest.raises(errors.Missing):
        runs.update(Actor(bob), stale, merge=True, summary={})


def test_the_api_resumes_and_tells_whether_the_run_is_new(api, run, bob, mallory):
    def start(user, **body):
        return api(user).post("/api/v1/runs", {"project": "acme/demo", **body})

    history.append(Actor(bob), run, uuid4(), 0, [{"_step": 4}])
    answer = start(bob, name="first", resume="must", config={"epochs": 3})
    assert (answer.status_code, answer.json()["id"], answer.json()["created"]) == (200, str(run.pk), False)
    assert (answer.json()["config"], answer.json()["last_step"]) == ({"lr": 0.1, "epochs": 3}, 4)
    key = str(uuid4())
    answers = [start(bob, idempotency_key=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert start(bob, name="first").json()["code"] == "NameTaken"
    assert start(bob, name="none", resume="must").json()["code"] == "Missing"
    assert start(bob, name="first", resume="perhaps").status_code == 400
    assert start(mallory, name="first", resume="must").status_code == 404
    patched = api(bob).patch(f"/api/v1/runs/{run.pk}", {"merge": True, "summary": {"loss": 2}}).json()
    assert patched["summary"] == {"acc": 1, "loss": 2}
    assert api(bob).get("/api/v1/runs?project=acme/demo&name=first").json()["total"] == 1


def test_resuming_what_must_be_there_makes_no_project(api, acme, bob):
    body = {"name": "first", "resume": "must"}
    for project in ("acme/none", "none"):
        assert api(bob).post("/api/v1/runs", {**body, "project": project}).json()["code"] == "Missing"
    assert not Project.objects.exists()
