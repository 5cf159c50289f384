"""What is recorded of uses and sources, by every way of reading and logging, and how it is read back."""

import json
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk.cli.main import app
from wanllmdb.sdk.offline import run_directory


def log(run: wandb.Run, name: str, text: str = "x", aliases: list[str] | None = None, **arguments) -> wandb.Artifact:
    artifact = wandb.Artifact(name, "dataset", **arguments)
    with artifact.new_file("a.txt") as file:
        file.write(text)
    return run.log_artifact(artifact, aliases=aliases)


@pytest.fixture
def data(bob, project) -> wandb.Artifact:
    """The version `production` of an artifact in another project than that of the run."""
    with wandb.init(project=f"{project}-data") as run:
        return log(run, "data", aliases=["production"])


def uses(run: wandb.Run) -> dict[str, list[str]]:
    return {used.qualified_name: used.requested_as for used in run.used_artifacts()}


def test_reading_inside_a_run_is_recorded_as_a_use(data, project, tmp_path, capsys):
    api = wandb.Api()
    versions = api.collection(f"{project}-data/data").versions()
    api.artifact(f"{project}-data/data").download(tmp_path / "outside")
    assert data.used_by() == []
    ways = {
        "by its name": (lambda: api.artifact(f"{project}-data/data:production"), ["production"]),
        "by path prefix": (lambda: versions[0].download(tmp_path / "prefix", path_prefix="a"), []),
        "one file": (lambda: versions[0].get_entry("a.txt").download(tmp_path / "one"), []),
        "the only file": (lambda: versions[0].file(tmp_path / "only"), []),
    }
    for read, names in ways.values():
        with wandb.init(project=project) as run:
            assert api.artifact_exists(f"{project}-data/data")
            assert uses(run) == {}
            read()
            assert uses(run) == {data.qualified_name: names}
    with wandb.init(project=project) as run:
        used = run.use_artifact(f"{project}-data/data:production")
        api.artifact(f"{project}-data/data:v1").download(tmp_path / "again")
        used.download(tmp_path / "again")
        run.use_artifact(data)
        assert uses(run) == {data.qualified_name: ["production", "v1"]}
        (found,) = wandb.Api().run(run.path).used_artifacts()
        assert found.requested_as == ["production", "v1"]
    assert len(data.used_by()) == 5
    assert "could not record" not in capsys.readouterr().err


def test_what_a_run_logged_is_not_used_by_reading_it(run, tmp_path, capsys):
    logged = log(run, "data")
    logged.download(tmp_path / "down")
    wandb.Api().artifact(logged.qualified_name)
    again = log(run, "data")
    again.download(tmp_path / "down")
    assert (run.used_artifacts(), [found.id for found in run.logged_artifacts()]) == ([], [logged.id])
    with pytest.raises(wandb.NotLogged, match="use_artifact: artifact 'draft' is not logged yet"):
        run.use_artifact(wandb.Artifact("draft", "dataset"))
    with pytest.raises(wandb.NotLogged, match="use_artifact: artifact 'draft' is not logged yet"):
        wandb.Api().run(run.path).use_artifact(wandb.Artifact("draft", "dataset"))


def test_a_use_that_cannot_be_recorded_is_a_warning(data, run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(run._record, "id", "00000000-0000-7000-8000-000000000000")
    assert Path(data.download(tmp_path / "down"), "a.txt").read_text() == "x"
    data.download(tmp_path / "down")
    assert capsys.readouterr().err.count(f"could not record that the run uses {data.qualified_name}") == 1


def test_a_graph_of_runs_and_derivations(data, run, project, tmp_path):
    run.use_artifact(f"{project}-data/data:production")
    model = log(run, "model", "m")
    small = log(run, "small", "s", derived_from=[model, f"{project}-data/data:production", model.id])
    lineage = small.lineage(direction="upstream")
    edges = {
        (lineage.node(edge.source).qualified_name, edge.kind, lineage.node(edge.target).qualified_name)
        for edge in lineage.edges
    }
    run_name = next(node.qualified_name for node in lineage if node.kind == "run" and node.id == run.id)
    assert edges >= {
        (model.qualified_name, "derived", small.qualified_name),
        (data.qualified_name, "derived", small.qualified_name),
        (run_name, "logged", model.qualified_name),
        (run_name, "logged", small.qualified_name),
        (data.qualified_name, "used", run_name),
    }
    names = {edge.kind: edge.requested_as for edge in lineage.edges_from(lineage.node(data.id))}
    assert names == {"used": ["production"], "derived": ["production"]}
    assert {node.id for node in data.lineage("downstream", depth=1)} == {data.id, small.id, run.id}
    assert run.id in {node.id for node in wandb.Api().run(run.path).lineage()}
    folded = wandb.Api().collection(f"{project}/small").lineage("upstream", depth=1)
    assert {node.kind for node in folded} <= {"artifact", "run"} and folded.root.name == "small"
    impact = data.impact(per_page=1)
    assert {item.id for item in impact} >= {model.id, small.id}
    assert isinstance(impact.summary, dict)
    for bad in ({"depth": 0}, {"depth": -1}, {"depth": 51}, {"limit": 0}, {"limit": 5001}, {"direction": "up"}):
        with pytest.raises(wandb.Invalid):
            data.lineage(**bad)
    for missing in ("absent:latest", f"{project}/small:v9", "00000000-0000-7000-8000-000000000000"):
        with pytest.raises((wandb.NotFound, wandb.Invalid)):
            log(run, "refused", "r", derived_from=[missing])
    assert not wandb.Api().artifact_exists(f"{project}/refused")


@pytest.fixture
def cli(capsys):
    """`cli("artifact", "ls")`: what the command prints, in this process."""

    def run_command(*arguments: str) -> str:
        capsys.readouterr()
        app(list(arguments), standalone_mode=False)
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out

    return run_command


def test_the_command_line_shows_graph_and_impact(run, tmp_path, cli):
    data = log(run, "data", aliases=["production"])
    (tmp_path / "b.txt").write_text("b")
    name = data.qualified_name.partition(":")[0]
    put = ("artifact", "put", str(tmp_path / "b.txt"), "-n", f"{name}-b", "--derived-from", data.qualified_name)
    made = json.loads(cli(*put, "--json"))["artifact"]
    lines = cli("artifact", "lineage", name, "--depth", "1").splitlines()
    assert lines[0].startswith(f"{data.qualified_name} [") and "production" in lines[0]
    assert lines[1] == "Upstream" and lines[2].startswith("└── logged by run ")
    assert lines[3] == "Downstream" and lines[4].startswith(f"└── source of {made} [latest]")
    graph = json.loads(cli("artifact", "lineage", made, "--direction", "upstream", "--json"))
    assert graph["root"] in {node["id"] for node in graph["nodes"]}
    assert cli("artifact", "lineage", name, "--mermaid").startswith("flowchart LR\n")
    assert made in cli("artifact", "impact", name)
    header, *rows = cli("artifact", "impact", name, "--csv").splitlines()
    assert header.startswith("kind,name,aliases,") and any(made in row for row in rows)
    assert made in [row["name"] for row in json.loads(cli("artifact", "impact", name, "--json"))["results"]]


def test_sources_that_were_named_offline_are_sent(data, project, home, tmp_path, cli):
    data.download(tmp_path / "down")
    with wandb.init(project=project, mode="offline") as run:
        first = log(run, "first", "1")
        derived = log(run, "second", "2", derived_from=[first, f"{project}-data/data:production", "first:latest"])
        assert [found.name for found in run.logged_artifacts()] == ["second", "first"]
        run.use_artifact(f"{project}-data/data:production").download(tmp_path / "copy")
        assert [found.qualified_name for found in run.used_artifacts()] == [data.qualified_name]
        with pytest.raises(wandb.Invalid, match="impact needs a server"):
            derived.impact()
    done = json.loads(cli("sync", "--json"))
    assert [(report["state"], report["problems"]) for report in done] == [("sent", [])]
    lineage = wandb.Api().artifact(f"{project}/second").lineage("upstream", depth=1)
    sources = {lineage.node(edge.source).name for edge in lineage.edges if edge.kind == "derived"}
    assert sources == {"first", "data"}
    (path,) = (directory.path for directory in run_directory.find(home / "cache/wanllmdb/offline"))
    assert path.is_dir()
