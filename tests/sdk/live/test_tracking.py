"""What a run tells beside numbers: media, metrics and their axes, alerts; and that it is told to stop."""

import subprocess
import sys
from pathlib import Path

import pytest

import wanllmdb as wandb
from tests.e2e.conftest import wait_until
from wanllmdb.sdk.http_client import Client


@pytest.fixture
def client(stack) -> Client:
    return Client(stack.base_url, stack.key("bob"))


def test_media_metrics_and_alerts_arrive(run, client, tmp_path):
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch", summary="min,last", goal="minimize")
    run.log({"epoch": 1, "val/loss": 0.5, "page": wandb.Html("<p>one"), "dist": wandb.Histogram([1, 2, 3])})
    run.log({"val/loss": 0.75, "table": wandb.Table(["a"], [[1], [2]])})
    print("epoch 1")
    run.alert("Loss rose", "from 0.5", level="WARN")
    run.alert("Loss rose", "again", level="WARN")
    run.finish()

    stored = wandb.Api().run(run.path)
    assert stored.summary["val/loss"] == {"min": 0.5, "last": 0.75}
    rows = stored.history()
    assert [(row["epoch"], row["val/loss"]) for row in rows] == [(1, 0.5), (1, 0.75)]
    assert rows[1]["_runtime"] >= rows[0]["_runtime"] >= 0
    assert rows[0]["dist"]["_type"] == "histogram"
    page = stored.file(rows[0]["page"]["path"])
    assert Path(page.download(tmp_path)).read_text() == "<p>one" and page.name.startswith("media/html/page_1_")
    assert {file.name for file in stored.files()} == {page.name, rows[1]["table"]["path"]}
    metrics = client.get(f"/runs/{run.id}")["metrics"]
    assert metrics["val/*"]["step_metric"] == "epoch" and metrics["val/*"]["summary"] == ["min", "last"]

    console = client.get(f"/runs/{run.id}/console")["items"]
    assert ("info", "epoch 1") in [(line["level"], line["text"]) for line in console]
    assert any(line["level"] == "error" and "alert: Loss rose" in line["text"] for line in console)

    def alerts() -> list[str]:
        return [item["sentence"] for item in client.get("/inbox")["items"] if item["type"] == "run.alert"]

    wait_until(alerts)
    assert f"Warning from run {run.name} of {run.entity}/{run.project}: Loss rose" in alerts()


def test_a_run_that_is_asked_to_stop_is_interrupted(bob, project, client, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        f"import time, wanllmdb\nrun = wanllmdb.init(project={project!r})\n"
        "while True:\n    run.log({'loss': 1})\n    time.sleep(0.2)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: exists(client, project))
        (stored,) = wandb.Api().runs(project)
        stored.stop()
        _, printed = process.communicate(timeout=60)

    assert "was asked to stop" in printed and "KeyboardInterrupt" in printed
    assert wandb.Api().run(stored.path).state == "killed"


def test_an_offline_run_is_sent_with_its_files_metrics_and_alerts(bob, project, client, monkeypatch, tmp_path):
    monkeypatch.setenv("WANLLMDB_CACHE_DIR", str(tmp_path))
    with wandb.init(project=project, mode="offline") as run:
        run.define_metric("loss", summary="max")
        run.log({"loss": 2, "page": wandb.Html("<p>one")})
        run.log({"loss": 1})
        run.alert("Loss rose")
        Path(run.dir, "notes.txt").write_text("n")
    (directory,) = (tmp_path / "offline").glob("2*")
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "wanllmdb", "sync", str(directory)], check=True)

    (stored,) = wandb.Api().runs(project)
    assert stored.summary["loss"] == {"max": 2}
    assert {file.name for file in stored.files()} == {"notes.txt", stored.summary["page"]["path"]}
    assert client.get(f"/runs/{stored.id}")["metrics"]["loss"]["summary"] == ["max"]


def exists(client: Client, project: str) -> bool:
    try:
        return bool(client.get("/runs", project=project)["total"])
    except wandb.NotFound:
        return False
