"""What was logged in mode `offline` arrives with `wanllmdb sync`, once."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wanllmdb as wandb
from wanllmdb.sdk import settings
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.offline import run_directory


@pytest.fixture
def client(stack, bob) -> Client:
    return Client(stack.base_url, stack.key("bob"))


@pytest.fixture
def directories(home):
    yield lambda: [directory.path for directory in run_directory.find(home / "cache/wanllmdb/offline")]
    wandb.finish()


def sync(*arguments: object) -> tuple[int, list[dict]]:
    """The exit code of the command, and the reports that it prints."""
    command = [sys.executable, "-m", "wanllmdb", "sync", "--json", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def log_offline(project: str, tmp_path: Path, text: str) -> None:
    with wandb.init(project=project, name="first", config={"lr": 1}, tags=["a"], mode="offline") as run:
        for number in range(3):
            wandb.log({"loss": 3 - number})
        run.config.epochs = 3
        run.notes = "on a plane"
        data = wandb.Artifact("data", "dataset", metadata={"rows": 1})
        for number in range(3):
            with data.new_file(f"{number}.txt") as file:
                file.write(text * number)
        run.log_artifact(data, aliases=["best"], tags=["raw"])
        (tmp_path / "model.bin").write_bytes(b"model" + text.encode())
        model = run.log_artifact(tmp_path / "model.bin", name="model", type="model")
        run.log_artifact(model, aliases=["candidate"])
        run.use_artifact(data)


def test_a_run_that_goes_on_keeps_the_tags_that_others_gave_it(client, bob, project):
    with wandb.init(project=project, id="shared") as run:
        client.patch(f"/runs/{run.id}", {"add_tags": ["theirs"]})
    with wandb.init(project=project, id="shared", resume="allow", mode="offline") as offline:
        offline.tags = ["mine"]
    assert sync()[0] == 0
    assert client.get(f"/runs/{run.id}")["tags"] == ["theirs", "mine"]


def test_a_run_is_sent_once(client, project, directories, tmp_path):
    log_offline(project, tmp_path, "x")
    (path,) = directories()
    assert sync("--dry-run") == (0, [sync("--dry-run")[1][0] | {"state": "not sent", "path": str(path)}])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANLLMDB_BASE_URL", "http://127.0.0.1:9")
        assert sync() == (1, [])
    code, (report,) = sync()
    assert (code, report["state"], report["name"], report["problems"]) == (0, "sent", "first", [])
    assert report["artifacts"] == [f"{project}/data:v1", f"{project}/model:v1"]
    (run,) = client.get("/runs", project=project)["items"]
    assert (run["url"], run["state"]) == (report["url"], "finished")
    assert (run["config"], run["summary"]) == ({"lr": 1, "epochs": 3}, {"loss": 1})
    assert (run["tags"], run["notes"], run["display_name"]) == (["a"], "on a plane", "first")
    assert run["host"]
    assert run["started_at"] < run["finished_at"]
    rows = client.get(f"/runs/{run['id']}/history")["items"]
    assert [(row["_step"], row["loss"]) for row in rows] == [(1, 3), (2, 2), (3, 1)]
    data = wandb.Api().artifact(f"{project}/data:best")
    assert (data.metadata, data.file_count, data.logged_by().id) == ({"rows": 1}, 3, run["id"])
    assert (Path(data.download(tmp_path / "down")) / "2.txt").read_text() == "xx"
    assert wandb.Api().artifact(f"{project}/model:candidate").version == "v1"
    assert [user.id for user in data.used_by()] == [run["id"]]

    # Somebody moves the alias on; what was sent stays as it is.
    with wandb.init(project=project) as online, (changed := wandb.Artifact("data", "dataset")).new_file("new") as file:
        file.write("new")
    with wandb.init(project=project) as online:
        online.log_artifact(changed, aliases=["best"])
    for attempt in ("as it is", "without its notes"):
        if attempt == "without its notes":
            (path / "sync.json").unlink()
        code, (report,) = sync(path)
        assert code == 0
        assert report["state"] == ("sent before" if attempt == "as it is" else "sent")
        assert report["artifacts"] == [f"{project}/data:v1", f"{project}/model:v1"]
        assert wandb.Api().collection(f"{project}/data").version_count == 2
        assert wandb.Api().artifact(f"{project}/data:best").version == "v2"
        assert len([run for run in client.get("/runs", project=project)["items"] if run["display_name"]]) == 1
    assert client.get(f"/runs/{run['id']}/history")["items"] == rows
    assert sync("--clean")[0] == 0
    assert directories() == []


KILLED = """
import os, signal, sys
import wanllmdb as wandb
run = wandb.init(project=sys.argv[1], name="killed", mode="offline")
wandb.log({"loss": 1})
with (data := wandb.Artifact("partial", "dataset")).new_file("a") as file:
    file.write("a")
run.log_artifact(data)
wandb.log({"loss": 2})
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_is_refused_stops_nothing_else(client, project, directories, tmp_path):
    wandb.init(project="no-such-team/x", name="refused", mode="offline").finish()
    subprocess.run([sys.executable, "-c", KILLED, project], capture_output=True)
    with wandb.init(project=project, name="half", mode="offline") as run:
        for kind in ("dataset", "model", "dataset"):
            with (data := wandb.Artifact("typed", kind)).new_file("a") as file:
                file.write(kind)
            run.log_artifact(data)
    going_on = wandb.init(project=project, name="going on", mode="offline")
    code, reports = sync()
    assert code == 1
    assert [(report["name"], report["state"]) for report in reports] == [
        ("refused", "failed"),
        ("killed", "sent"),
        ("half", "failed"),
        ("going on", "running"),
    ]
    assert reports[1]["artifacts"] == [f"{project}/partial:v1"]
    assert "is a dataset, not a model" in reports[2]["problems"][0]
    assert reports[2]["artifacts"] == [f"{project}/typed:v1"]
    states = {run["display_name"]: run["state"] for run in client.get("/runs", project=project)["items"]}
    assert states == {"killed": "crashed", "half": "finished"}
    assert sync(directories()[-1])[0] == 1
    going_on.finish()
    # On another machine, and in a directory that cannot be written.
    copy = shutil.copytree(directories()[-1], tmp_path / "copy")
    (copy / "sync.json").mkdir()
    assert sync(copy)[1][0]["state"] == "failed"
    (copy / "sync.json").rmdir()
    assert sync(tmp_path)[1][0]["state"] == "sent"
    with pytest.raises(AssertionError, match="is not the directory of an offline run, and contains none"):
        sync(tmp_path / "absent")


def test_a_file_that_was_lost_keeps_no_other(client, project, directories, tmp_path):
    with wandb.init(project=project, id="files", mode="offline") as run:
        for name in ("kept.txt", "lost.txt"):
            (tmp_path / name).write_text(name)
            run.save(tmp_path / name, base_path=tmp_path)
    (lost,) = (
        path for path in (directories()[0] / "files").rglob("*") if path.is_file() and "lost" in path.read_text()
    )
    lost.unlink()
    code, reports = sync()
    assert (code, reports[0]["state"]) == (1, "failed") and "lost.txt" in reports[0]["problems"][0]
    (run,) = client.get("/runs", project=project)["items"]
    assert [file["name"] for file in client.get(f"/runs/{run['id']}/files")["items"]] == ["kept.txt"]


def test_what_was_downloaded_can_be_used_offline(client, project, monkeypatch, tmp_path, capsys):
    with wandb.init(project=project) as run:
        with (data := wandb.Artifact("data", "dataset", metadata={"rows": 1})).new_file("in/a.txt") as file:
            file.write("abc")
        run.log_artifact(data, aliases=["production"])
    wandb.Api().artifact(f"{project}/data:production").download(tmp_path / "down")
    used = wandb.Api().artifact(f"{project}/data:v1")
    capsys.readouterr()
    monkeypatch.setenv("WANLLMDB_MODE", "offline")
    with wandb.init(project=project) as run:
        for found in (
            run.use_artifact("data:production"),
            run.use_artifact(f"{project}/data"),
            run.use_artifact("data", version=1),
            run.use_artifact("data:v1", type="dataset"),
        ):
            assert (found.version, found.id, found.qualified_name) == ("v1", used.id, f"{project}/data:v1")
            assert found.metadata == {"rows": 1}
            assert found.get_entry("in/a.txt").sha256 == used.get_entry("in/a.txt").sha256
        warnings = capsys.readouterr().err.splitlines()
        assert len(warnings) == 4
        assert f"{project}/data:production is v1 as of 20" in warnings[0]
        assert f"less than a minute ago; its files are those in {tmp_path / 'down'}" in warnings[0]
        assert (Path(found.download(tmp_path / "again")) / "in/a.txt").read_text() == "abc"
        with pytest.raises(wandb.AliasNotFound, match="these aliases were: latest, production") as missing:
            run.use_artifact("data:staging")
        assert missing.value.aliases == ["latest", "production"]
        with pytest.raises(wandb.VersionNotFound, match="these were: v1"):
            run.use_artifact("data", version="v2")
        with pytest.raises(wandb.TypeDiffers):
            run.use_artifact("data", type="model")
        with pytest.raises(wandb.Invalid, match=r"use_artifact\(at=…\) needs a server"):
            run.use_artifact("data", at="2026-05-03T12:00:00Z")
        (tmp_path / "down/in/a.txt").write_text("xyz")
        with pytest.raises(wandb.CorruptDownload, match="holds other bytes now"):
            found.download(tmp_path / "third")
        shutil.rmtree(tmp_path / "down")
        capsys.readouterr()
        cached = run.use_artifact("data")
        assert "its files are in the cache of this machine" in capsys.readouterr().err
        assert (Path(cached.download(tmp_path / "third")) / "in/a.txt").read_text() == "abc"
        shutil.rmtree(settings.load().cache_dir / "contents")
        with pytest.raises(wandb.CorruptDownload, match=r"'in/a\.txt' of .*data:v1 is no longer in the cache"):
            cached.download(tmp_path / "fourth")
        with pytest.raises(wandb.NotFound, match="its files are no longer there"):
            run.use_artifact("data")
    assert sync()[0] == 0
    assert [record["state"] for record in client.get("/runs", project=project)["items"]] == ["finished", "finished"]
    assert len(list(client.get(f"/artifacts/versions/{used.id}/used-by")["items"])) == 1


def test_a_run_that_is_resumed_offline_counts_its_steps_on(client, project, directories):
    for _ in range(2):
        with wandb.init(project=project, id="on-and-on", resume="allow") as run:
            wandb.log({"loss": 1})
    with wandb.init(project=project, id="on-and-on", resume="must", mode="offline") as run:
        wandb.log({"loss": 2})
        wandb.log({"loss": 3}, commit=False)
        wandb.log({"acc": 4})
        wandb.log({"loss": 5}, step=50)
        wandb.log({"loss": 6})
        assert run.step == 51
    assert sync()[0] == 0
    # Once more, as if the first time had been interrupted after it began.
    progress = directories()[0] / "sync.json"
    noted = json.loads(progress.read_text())
    (url,) = noted
    progress.write_text(json.dumps({url: {"steps_before": noted[url]["steps_before"]}}))
    assert sync()[0] == 0
    rows = wandb.Api().run(f"{project}/on-and-on").history()
    assert [(row["_step"], row.get("loss"), row.get("acc")) for row in rows] == [
        (1, 1, None), (2, 1, None), (3, 2, None), (4, 3, 4), (50, 5, None), (51, 6, None),
    ]  # fmt: skip
