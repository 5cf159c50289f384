"""Runs by the wire of the official client: made and changed, read back, stopped and deleted."""

import json
from typing import Any

import pytest
import urllib3

from accounts.actor import Actor
from accounts.models import Scope
from artifacts.aliases import aliases, protection
from artifacts.models import ArtifactVersion
from projects import runs
from projects.models import Run, State
from tests.artifacts.client import log
from tests.wandb_api.graphql_client import GraphqlClient, Refused, b64
from tracking import streams
from tracking.models import Stream

RUN = "id name displayName state config tags group jobType notes project { name entity { name } }"
CONFIG = {"lr": {"value": 0.1, "desc": None}, "_wandb": {"value": {"t": {"4": "3.11"}, "m": []}}}


def upsert(client: GraphqlClient, selection: str = RUN, **values: Any) -> Any:
    names = {"entityName": "acme", "modelName": "demo", "name": "abc"}
    return client.mutate("upsertBucket", f"inserted bucket {{ {selection} }}", **names | values)


def ask(client: GraphqlClient, selection: str, name: str = "brisk-otter-1") -> Any:
    document = f"""query Q($name: String!) {{
        project(name: "demo", entityName: "acme") {{ run(name: $name) {{ {selection} }} }} }}"""
    return client.ask(document, name=name)["project"]["run"]


def page(client: GraphqlClient, selection: str, **arguments: Any) -> Any:
    document = f"""query Q($filters: JSONString, $order: String, $first: Int, $after: String) {{
        project(name: "demo", entityName: "acme") {{
            internalId runCount(filters: $filters)
            runs(filters: $filters, order: $order, first: $first, after: $after) {{
                totalCount pageInfo {{ endCursor hasNextPage }} edges {{ node {{ {selection} }} }} }} }} }}"""
    return client.execute(document, **arguments)["project"]


def run_id(run: Run) -> str:
    return b64(f"Run:{run.pk}")


@pytest.fixture
def wandb(bob) -> GraphqlClient:
    return GraphqlClient(bob)


def test_a_run_is_made_and_changed(wandb, project):
    told = upsert(wandb, config=json.dumps(CONFIG), tags=["first"], groupName="night", jobType="train", notes="Hi.")
    found = told["bucket"]
    assert told["inserted"] is True and found["displayName"]
    assert json.loads(found["config"]) == {
        "lr": {"value": 0.1, "desc": None},
        "_wandb": {"value": {"t": {"4": "3.11"}, "m": []}, "desc": None},
    }
    assert (found["tags"], found["group"], found["jobType"], found["notes"]) == (["first"], "night", "train", "Hi.")
    run = Run.objects.get(name="abc")
    assert (run.config, run.wandb) == ({"lr": 0.1}, {"t": {"4": "3.11"}, "m": []})

    again = upsert(wandb, config=json.dumps({"lr": {"value": 1}}), summaryMetrics='{"loss": 1, "bad": NaN}', tags=None)
    assert again["inserted"] is False and again["bucket"]["tags"] == ["first"]
    run.refresh_from_db()
    assert (run.config, run.summary) == ({"lr": 1}, {"loss": 1, "bad": "NaN"})
    assert run.wandb == {"t": {"4": "3.11"}, "m": []}

    changed = wandb.mutate("upsertBucket", f"bucket {{ {RUN} }}", id=run_id(run), displayName="better", name="other")
    assert (changed["bucket"]["name"], changed["bucket"]["displayName"]) == ("abc", "better")


def test_what_a_run_was_started_with_is_shown(wandb, project):
    told = {"program": "/home/bob/train.py", "args": ["--name", "a b", "\n"], "python": "CPython 3.11.7"}
    upsert(wandb, config=json.dumps({"_wandb": {"value": {"e": {"1": {"args": 1}, "2": told}}}}))
    started = Run.objects.get(name="abc").environment
    assert (started.command, started.python_version) == ("/home/bob/train.py --name 'a b'", "3.11.7")
    upsert(wandb, config=json.dumps({"_wandb": {"value": {"e": {"1": {"program": "x" * 5_000}}}}}))
    upsert(wandb, config=json.dumps({"_wandb": {"value": {"e": [1], "python_version": 3}}}))
    started.refresh_from_db()
    assert started.command == "x" * 4_096


def test_a_project_that_is_not_there_is_made(wandb, bob, project):
    found = upsert(wandb, modelName="new one")["bucket"]
    assert found["project"] == {"name": "new one", "entity": {"name": "acme"}}
    own = wandb.mutate("upsertBucket", f"bucket {{ {RUN} }}", name="abc")["bucket"]
    assert own["project"] == {"name": "uncategorized", "entity": {"name": "bob"}}


def test_a_run_may_wait_for_its_machine(wandb, project):
    assert upsert(wandb, state="pending")["bucket"]["state"] == "pending"
    for state in ("finished", "nonsense"):
        with pytest.raises(Refused, match=state):
            upsert(wandb, name="other", state=state)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"name": "a/b"}, "name"),
        ({"config": "[]"}, "config"),
        ({"config": json.dumps({"x": {"value": "y" * 2**20}})}, "config"),
        ({"notes": "x" * 70_000}, "notes"),
        ({"displayName": "a\nb"}, "Control"),
        ({"tags": ["x"] * 3 + [str(number) for number in range(200)]}, "tags"),
        ({"modelName": "50%"}, "name"),
    ],
)
def test_what_no_run_can_have_is_refused_in_words(wandb, project, values, named):
    with pytest.raises(Refused, match=named):
        upsert(wandb, **values)


def test_what_a_client_tells_of_its_machine_is_cut(wandb, project):
    upsert(wandb, host="h" * 1000, jobProgram="p" * 5000, jobRepo="r" * 5000, commit="c" * 99)
    run = Run.objects.get(name="abc")
    assert (len(run.host), len(run.program), len(run.git_commit)) == (255, 1024, 64)


def test_runs_are_found_filtered_and_paged(wandb, project, run, bob):
    for number in range(3):
        runs.start(Actor(bob), project, name=f"r{number}", config={"lr": number}, summary={"loss": -number})
    found = page(wandb, "name projectId", filters='{"config.lr": {"$gte": 1}}', order="+summary_metrics.loss")
    assert [edge["node"]["name"] for edge in found["runs"]["edges"]] == ["r2", "r1"]
    assert (found["runCount"], found["runs"]["totalCount"]) == (2, 2)
    assert {edge["node"]["projectId"] for edge in found["runs"]["edges"]} == {str(project.serial)}
    assert found["internalId"] == b64(f"ProjectInternalId:{project.serial}")

    first = page(wandb, "name", first=3)["runs"]
    assert [edge["node"]["name"] for edge in first["edges"]] == [run.name, "r0", "r1"]
    second = page(wandb, "name", first=3, after=first["pageInfo"]["endCursor"])["runs"]
    assert [edge["node"]["name"] for edge in second["edges"]] == ["r2"]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    with pytest.raises(Refused, match=r"\$near"):
        page(wandb, "name", filters='{"config.lr": {"$near": 1}}')


def test_a_page_holds_as_many_runs_as_fit(wandb, project, bob):
    for number in range(6):
        runs.start(Actor(bob), project, name=f"r{number}", config={"long": "x" * 1_000_000})
    names, after = [], None
    while True:
        found = page(wandb, "name config", first=10, after=after)["runs"]
        names += [edge["node"]["name"] for edge in found["edges"]]
        if not found["pageInfo"]["hasNextPage"]:
            break
        after = found["pageInfo"]["endCursor"]
        assert 0 < len(found["edges"]) < 6
    assert names == [f"r{number}" for number in range(6)]
    assert len(page(wandb, "name", first=10)["runs"]["edges"]) == 6


def test_a_list_of_runs_costs_as_much_for_one_as_for_many(wandb, project, bob, django_assert_num_queries):
    every = f"{RUN} summaryMetrics systemMetrics historyKeys historyLineCount readOnly user {{ username }}"
    for count in (1, 4):
        while project.runs.count() < count:
            upsert(wandb, name=f"r{project.runs.count()}")
        # The project; how many; how many in all; which fit; the runs with their streams.
        with django_assert_num_queries(6):
            assert len(page(wandb, every)["runs"]["edges"]) == count


def test_a_run_that_may_be_resumed_says_where(wandb, run, bob):
    document = """query RunResumeStatus($name: String!) { model(name: "demo", entityName: "acme") {
        id name entity { id name }
        bucket(name: $name, missingOk: true) { id name summaryMetrics displayName logLineCount historyLineCount
            eventsLineCount historyTail eventsTail config tags notes wandbConfig(keys: ["t"]) } } }"""
    assert wandb.ask(document, name="nothing")["model"]["bucket"] is None

    lines = ['{"_step": 0, "loss": 1}', '{"_step": 7, "loss": 0.5}']
    streams.append(Actor(bob), run, Stream.HISTORY, 0, lines)
    streams.append(Actor(bob), run, Stream.EVENTS, 0, ['{"_runtime": 9}'])
    Run.objects.update(wandb={"t": {"1": []}, "m": []})
    found = wandb.ask(document, name=run.name)["model"]["bucket"]
    assert (found["historyLineCount"], found["eventsLineCount"], found["logLineCount"]) == (2, 1, 0)
    assert json.loads(json.loads(found["historyTail"])[0])["_step"] == 7
    assert json.loads(json.loads(found["eventsTail"])[0]) == {"_runtime": 9}
    assert json.loads(found["wandbConfig"]) == {"t": {"1": []}}


def test_history_is_read_back(wandb, run, bob):
    odd = [{"loss": 1 / step, "_step": step} if step % 2 else {"_step": step} for step in range(20)]
    rows = [json.dumps(row) for row in odd]
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [*rows[:19], '{"_step": 19, "loss": NaN, "a": {"b": 1}}'])
    spec = {"keys": ["_step", "loss"], "samples": 5, "minStep": 3, "maxStep": 9}
    found = ask(
        wandb,
        "all: history(samples: 3) some: history(minStep: 5, maxStep: 8, samples: 10) historyKeys historyLineCount "
        f"sampledHistory(specs: [{json.dumps(json.dumps(spec))}]) "
        'parquetHistory(liveKeys: ["_step"]) { parquetUrls liveData }',
    )
    assert [json.loads(line)["_step"] for line in found["some"]] == [5, 6, 7]
    assert [json.loads(line)["_step"] for line in found["all"]][::2] == [0, 19]
    assert json.loads(found["all"][-1])["loss"] == "NaN"
    assert [row["_step"] for row in found["sampledHistory"][0]] == [3, 5, 7, 9]
    assert found["parquetHistory"] == {"parquetUrls": [], "liveData": [{"_step": 0}]}
    assert found["historyKeys"]["lastStep"] == 19 and "a.b" in found["historyKeys"]["keys"]
    assert ask(wandb, "historyKeys", run.name)["historyKeys"]["sets"] == []
    for spec in ("[]", "{}", '{"keys": [1]}', '{"keys": ["a"], "samples": "x"}'):
        with pytest.raises(Refused, match="spec"):
            ask(wandb, f"sampledHistory(specs: [{json.dumps(spec)}])")


def test_a_run_without_history_has_none(wandb, run):
    found = ask(wandb, "historyKeys history(samples: 5) events parquetHistory(liveKeys: []) { liveData } logLineCount")
    assert found == {
        "historyKeys": None,
        "history": [],
        "events": [],
        "parquetHistory": {"liveData": []},
        "logLineCount": 0,
    }


def test_the_console_is_read_back(wandb, run, bob):
    lines = [f"2026-05-03T12:00:0{number}.000000 line {number}" for number in range(5)] + [
        "ERROR 2026-05-03T12:00:09 bad"
    ]
    streams.append(Actor(bob), run, Stream.CONSOLE, 0, lines)
    node = "edges { cursor node { number timestamp level line } } pageInfo { endCursor hasNextPage }"
    first = ask(wandb, f"logLines(first: 2) {{ {node} }}")["logLines"]
    assert [edge["node"]["line"] for edge in first["edges"]] == ["line 0", "line 1"]
    assert first["edges"][0]["node"]["timestamp"] == "2026-05-03T12:00:00Z" and first["pageInfo"]["hasNextPage"]
    after = first["pageInfo"]["endCursor"]
    rest = ask(wandb, f'logLines(first: 10, after: "{after}") {{ {node} }}')["logLines"]
    assert [edge["node"]["number"] for edge in rest["edges"]] == [2, 3, 4, 5]
    last = ask(wandb, f"logLines(last: 1) {{ {node} }}")["logLines"]
    assert (last["edges"][0]["node"]["level"], last["edges"][0]["node"]["line"]) == ("error", "bad")


def test_files_are_made_listed_and_deleted(wandb, run, bob):
    names = {"entityName": "acme", "projectName": "demo", "runName": run.name}
    told = wandb.mutate(
        "createRunFiles", "runID uploadHeaders files { name uploadUrl }", **names, files=["./a b.txt", "media/x.png"]
    )
    assert told["runID"] == run_id(run) and told["uploadHeaders"] == []
    assert [file["name"] for file in told["files"]] == ["a b.txt", "media/x.png"]
    assert all(file["uploadUrl"].startswith("http") for file in told["files"])
    with pytest.raises(Refused):
        wandb.mutate("createRunFiles", "runID", **names, files=["../up"])
    assert wandb.mutate("markRunFilesUploaded", "success", **names, files=["a b.txt"])["success"]
    found = ask(wandb, "fileCount files(names: []) { totalCount edges { node { name } } }")
    assert found == {"fileCount": 0, "files": {"totalCount": 0, "edges": []}}
    assert wandb.mutate("deleteFiles", "success", files=[b64(f"RunFile:{run.pk}"), "nonsense"])["success"]


def test_a_file_is_kept_whichever_of_two_urls_brings_it(wandb, run, bob):
    names = {"entityName": "acme", "projectName": "demo", "runName": run.name, "files": ["saved.txt"]}
    first, second = (
        wandb.mutate("createRunFiles", "files { uploadUrl }", **names)["files"][0]["uploadUrl"] for _ in range(2)
    )
    for url, content in ((first, b"old"), (second, b"newer"), (first, b"newest")):
        assert urllib3.request("PUT", url, body=content).status == 200
        wandb.mutate("markRunFilesUploaded", "success", **names)
        [edge] = ask(wandb, "files(names: []) { edges { node { name sizeBytes directUrl } } }")["files"]["edges"]
        assert edge["node"]["sizeBytes"] == len(content)
        assert urllib3.request("GET", edge["node"]["directUrl"]).data == content


def test_a_run_is_stopped(wandb, run):
    assert ask(wandb, "stopped")["stopped"] is False
    assert wandb.mutate("stopRun", "success", id=run_id(run))["success"]
    assert ask(wandb, "stopped shouldStop running") == {"stopped": True, "shouldStop": True, "running": True}


def test_states_are_set_where_they_follow_each_other(wandb, run):
    def put(state: str) -> str:
        wandb.mutate("updateRunState", "success", id=run_id(run), state=state)
        return Run.objects.get(pk=run.pk).state

    assert [put("pending"), put("pending"), put("failed"), put("pending")] == [
        "pending",
        "pending",
        "failed",
        "pending",
    ]
    for state in ("running", "finished", "nonsense"):
        with pytest.raises(Refused, match=state):
            put(state)
    Run.objects.update(state=State.FINISHED, finished_at="2026-01-01T00:00Z")
    with pytest.raises(Refused, match="finished"):
        put("pending")


def test_a_run_is_rewound(wandb, run, bob):
    streams.append(Actor(bob), run, Stream.HISTORY, 0, [json.dumps({"_step": step}) for step in range(10)])
    names = {"entityName": "acme", "projectName": "demo", "runName": run.name}
    told = wandb.mutate("rewindRun", "rewoundRun { historyLineCount }", **names, metricName="_step", metricValue=4)
    assert told["rewoundRun"]["historyLineCount"] == 5
    with pytest.raises(Refused, match="_step"):
        wandb.mutate("rewindRun", "rewoundRun { id }", **names, metricName="loss", metricValue=4)


def test_a_run_is_deleted_and_a_second_time_is_a_success(wandb, run):
    for _ in range(2):
        assert wandb.mutate("deleteRun", "success", id=run_id(run))["success"]
    assert not Run.objects.exists()


def test_a_run_is_deleted_with_what_it_logged_or_not_at_all(wandb, run, artifact, bob, alice):
    version = log(bob, artifact, {"one.txt": b"one"})
    ArtifactVersion.objects.filter(pk=version.pk).update(run=run)
    aliases.move(Actor(alice), artifact, "production", to=version)
    rule = protection.create(Actor(alice), artifact.project, "production")
    with pytest.raises(Refused, match="production"):
        wandb.mutate("deleteRun", "success", id=run_id(run), deleteArtifacts=True)
    assert Run.objects.exists()

    rule.delete()
    assert wandb.mutate("deleteRun", "success", id=run_id(run), deleteArtifacts=True)["success"]
    assert not Run.objects.exists() and not artifact.versions.finalized().exists()


MUTATIONS = [
    ("upsertBucket", "inserted", {"entityName": "acme", "modelName": "demo", "name": "brisk-otter-1", "notes": "mine"}),
    ("createRunFiles", "runID", {"files": ["a"]}),
    ("markRunFilesUploaded", "success", {"files": ["a"]}),
    ("stopRun", "success", {"id": ""}),
    ("updateRunState", "success", {"id": "", "state": "pending"}),
    ("rewindRun", "rewoundRun { id }", {"metricName": "_step", "metricValue": 0}),
    ("deleteRun", "success", {"id": ""}),
]


@pytest.mark.parametrize(
    ("name", "selection", "values"), MUTATIONS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_who_may_change_a_run(run, bob, vera, mallory, name, selection, values):
    if "id" in values:
        values = values | {"id": run_id(run)}
    elif name != "upsertBucket":
        values = values | {"entityName": "acme", "projectName": "demo", "runName": run.name}
    before = Run.objects.values().get()
    for client in (GraphqlClient(vera), GraphqlClient(mallory), GraphqlClient(bob, Scope.READ)):
        # A stranger's deletion is a success as one that was done before is: it tells them nothing.
        if (name, client.user) == ("deleteRun", mallory):
            client.mutate(name, selection, **values)
            continue
        with pytest.raises(Refused):
            client.mutate(name, selection, **values)
    assert Run.objects.values().get() == before
    GraphqlClient(bob).mutate(name, selection, **values)


def test_a_stranger_sees_no_runs_and_a_viewer_all(run, vera, mallory):
    document = '{ project(name: "demo", entityName: "acme") { runCount run(name: "brisk-otter-1") { name readOnly } } }'
    assert GraphqlClient(mallory).ask(document) == {"project": None}
    found = GraphqlClient(vera).ask(document)["project"]
    assert found == {"runCount": 1, "run": {"name": run.name, "readOnly": True}}
