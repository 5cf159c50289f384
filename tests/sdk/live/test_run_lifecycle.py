"""How a run begins, goes on, forks and ends, and what can be read of it."""

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def get_run(stack):
    """The record of a run on the server."""
    client = Client(stack.base_url, stack.key("bob"))
    return lambda run_id: client.get(f"/runs/{run_id}")


def series(run: wandb.StoredRun, name: str) -> list[object]:
    return [row[name] for row in run.scan_history([name])]


def test_a_series_of_logged_values_can_be_read(bob, project):
    with wandb.init(project=project, config={"lr": 0.1}, name="baseline") as run:
        for value in (5, 4, 3):
            run.log({"loss": value})
        run.log({"acc": 0.5}, step=10)
        run.log({"f1": 0.25}, step=10)
        run.log({"acc": 0.75})
        assert run.step == 11
        with pytest.raises(wandb.Invalid, match="step takes a whole number"):
            run.log({"acc": 1}, step=1.5)
    stored = wandb.Api().run(run.path)
    assert series(stored, "loss") == [5, 4, 3]
    rows = stored.history()
    assert [row["_step"] for row in rows] == [1, 2, 3, 10, 11]
    assert (rows[3]["acc"], rows[3]["f1"]) == (0.5, 0.25)
    assert stored.history(keys=["acc"], max_step=11) == [{"acc": 0.5}]
    assert [row["_step"] for row in stored.history(samples=3)] == [1, 3, 11]
    assert [row["_step"] for row in stored.history(min_step=3)] == [3, 10, 11]
    assert (stored.last_step, stored.summary) == (11, {"loss": 3, "acc": 0.75, "f1": 0.25})


def test_a_run_goes_on_and_keeps_what_it_had(bob, project, get_run):
    with wandb.init(project=project, id="nightly", config={"lr": 0.1}) as first:
        first.log({"loss": 2})
    with pytest.raises(wandb.NameTaken, match="resume"):
        wandb.init(project=project, id="nightly")
    again = wandb.init(project=project, id="nightly", resume="must", config={"epochs": 3})
    assert (again.id, again.resumed, first.resumed, again.step) == (first.id, True, False, 1)
    assert (dict(again.config), dict(again.summary)) == ({"lr": 0.1, "epochs": 3}, {"loss": 2})
    assert get_run(again.id)["state"] == "running"
    again.log({"acc": 1})
    again.finish()
    third = wandb.init(project=project, id=first.id, resume="allow")
    assert third.id == first.id
    third.finish(1)

    assert (third.state, get_run(third.id)["state"]) == ("crashed", "crashed")
    assert get_run(third.id)["summary"] == {"loss": 2, "acc": 1}
    assert [row["_step"] for row in wandb.Api().run(first.path).history()] == [1, 2]
    with wandb.init(project=project, id="other", resume="allow") as other:
        assert not other.resumed
    with pytest.raises(wandb.NotFound, match="has no run 'nope' to resume"):
        wandb.init(project=project, id="nope", resume="must")
    with pytest.raises(wandb.NameTaken):
        wandb.init(project=project, id="other", resume="never")


@pytest.mark.parametrize("arguments", [{"resume": "must"}, {"id": "x", "resume": "sometimes"}, {"id": ""}, {"id": 3}])
def test_what_says_not_which_run_is_refused(bob, project, arguments):
    with pytest.raises(wandb.Invalid):
        wandb.init(project=project, **arguments)


def test_an_artifact_is_logged_to_a_run_that_ended(bob, project, tmp_path, get_run):
    (tmp_path / "a.txt").write_text("a")
    with wandb.init(project=project) as run:
        pass
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_file(tmp_path / "a.txt")
    stored = wandb.Api().run(run.path)
    assert stored.log_artifact(artifact, aliases="best") is artifact
    assert (artifact.version, artifact.aliases, artifact.logged_by().id) == ("v1", ["latest", "best"], run.id)
    assert stored.use_artifact("data:best").id == artifact.id
    assert [a.id for a in stored.logged_artifacts()] == [a.id for a in stored.used_artifacts()] == [artifact.id]
    with pytest.raises(wandb.AlreadyLogged):
        stored.log_artifact(artifact)
    with pytest.raises(wandb.Invalid, match="resume="):
        run.log_artifact(tmp_path / "a.txt")
    assert get_run(run.id)["state"] == "finished"


def test_runs_are_found_by_id_and_name_and_filtered(bob, project):
    for number in range(3):
        with wandb.init(project=project, name="twin" if number else "first", config={"n": number}, tags=["t"]) as run:
            run.log({"acc": number / 2})
    api = wandb.Api(entity="acme", project=project)
    short = project.split("/")[1]
    names = [run.id, f"{short}/{run.id}", run.path, f"/{project}/runs/{run.id}", f"{project}/{run._record['name']}"]
    assert {api.run(name).id for name in names} == {run.id}
    assert api.run("first").config == {"n": 0}
    with pytest.raises(wandb.Invalid, match=r"2 runs of .* are named 'twin': use an id"):
        api.run("twin")
    with pytest.raises(wandb.NotFound):
        api.run("nope")
    with pytest.raises(wandb.NotFound):
        api.run("00000000-0000-7000-8000-000000000000")

    def numbers(**kwargs) -> list[int]:
        return [run.config["n"] for run in api.runs(project, **kwargs)]

    assert numbers() == [2, 1, 0]
    assert numbers(order="created_at") == numbers(filters={"state": "finished"}, order="+created_at") == [0, 1, 2]
    assert numbers(order="summary_metrics.acc") == [0, 1, 2] and numbers(order="-config.n") == [2, 1, 0]
    assert numbers(filters={"config.n": {"$gte": 1}, "summary_metrics.acc": {"$lt": 1}, "tags": "t"}) == [1]
    for wrong in ({"filters": {"color": 1}}, {"order": "color"}, {"filters": {"state": "lost"}}):
        with pytest.raises(wandb.Invalid):
            numbers(**wrong)


def test_what_forked_processes_log_arrives(python, project, get_run):
    result = python(
        f"""
import multiprocessing, os, sys
import wanllmdb as wandb
run = wandb.init(project={project!r}, config={{"lr": 1}})
wandb.log({{"loss": 1, "main": 1}})
def work(number):
    wandb.log({{f"worker_{{number}}": number}})
    return number
def configure():
    wandb.config.forked = True
context = multiprocessing.get_context("fork")
with context.Pool(2) as pool:
    pool.map(work, range(4))
process = context.Process(target=configure)
process.start(); process.join()
child = os.fork()
if not child:
    wandb.log({{"plain": 1}})
    os._exit(0)
os.waitpid(child, 0)
child = os.fork()
if not child:
    wandb.summary["at_exit"] = 1
    sys.exit(3)
os.waitpid(child, 0)
wandb.log({{"loss": 2}})
print(run.id, file=sys.stderr)
"""
    )
    record = get_run(result.stderr.split()[-1])
    workers = {f"worker_{number}": number for number in range(4)}
    assert record["state"] == "finished"
    assert record["summary"] == {"loss": 2, "main": 1, "plain": 1, "at_exit": 1, **workers}
    assert record["config"] == {"lr": 1, "forked": True}
    stored = wandb.Api().run(f"{project}/{record['id']}")
    assert series(stored, "loss") == [1, 2]
    assert [series(stored, name) for name in (*workers, "plain")] == [[0], [1], [2], [3], [1]]


def test_a_run_of_a_worker_ends_with_the_worker(python, project, get_run):
    result = python(
        f"""
import multiprocessing, sys
import wanllmdb as wandb
def work(ending):
    print(wandb.init(project={project!r}, reinit=True).id, file=sys.stderr, flush=True)
    wandb.log({{"loss": 1}})
    exec(ending)
if __name__ == "__main__":
    main = wandb.init(project={project!r})
    context = multiprocessing.get_context("fork")
    for ending in ("", "sys.exit(3)", "1 / 0"):
        process = context.Process(target=work, args=(ending,))
        process.start(); process.join()
    print(main.id, file=sys.stderr)
"""
    )
    ids = [line for line in result.stderr.splitlines() if len(line) == 36]
    assert [get_run(run_id)["state"] for run_id in ids] == ["finished", "crashed", "crashed", "finished"]
    assert [get_run(run_id)["summary"] for run_id in ids] == [{"loss": 1}] * 3 + [{}]


PROGRAM = """
import sys
import wanllmdb as wandb
from wanllmdb.sdk import session
session.RETRY_PERIOD_AT_EXIT = 0.3
run = wandb.init(project={project!r})
run._connection.client.retry_period = 0.3
run._connection.client.base_url = "http://127.0.0.1:9"
{body}
print("done", run.state)
"""


@pytest.mark.parametrize("body", ["with run: run.log({'loss': 1})", "run.finish()"])
def test_a_server_that_is_away_at_the_end_is_a_warning(python, project, body):
    result = python(PROGRAM.format(project=project, body=body))
    assert result.stdout.splitlines()[-1] == "done finished"
    assert "could not report the end of the run: Cannot reach http://127.0.0.1:9" in result.stderr


def test_the_exit_code_of_a_program_is_its_runs(python, project, get_run):
    script = f"import wanllmdb as wandb, sys; print(wandb.init(project={project!r}).id, file=sys.stderr); "
    for ending, state, code, error in [
        ("raise SystemExit(3)", "crashed", 3, ""),
        ("exit(0)", "finished", 0, ""),
        ("int('x')", "crashed", 1, "ValueError: invalid literal for int() with base 10: 'x'"),
    ]:
        result = python(script + ending, check=False)
        run = get_run(result.stderr.split()[0])
        assert (run["state"], run["exit_code"], run["error"]) == (state, code, error)
        assert run["environment"]["command"].startswith("python") and "wandb.init" in run["environment"]["command"]
        assert run["environment"]["packages"]["pytest"] == pytest.__version__
