"""What the records are used for, beside services: pipelines, notebooks, the command line, tests, migration."""

import asyncio
import csv
import io
import json
import subprocess
import sys

import pandas as pd
import pytest

from harness.servers import ROOT
from tests.records.claims.test_typed_data import METADATA
from wanllmdb import records
from wanllmdb.records import ArtifactHierarchy, ArtifactIn


def wanllmdb(*arguments, cwd):
    command = [sys.executable, "-m", "wanllmdb", *arguments]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(cwd)}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.asyncio
async def test_a_batch_pipeline(manager):
    """Trainings by the dozen, and the predictions of each, in two steps."""
    trainings = await manager.save_all(
        ArtifactIn(data={"type": "ml_training_workspace", "metadata": METADATA, "content": {"alpha": n / 10}})
        for n in range(12)
    )
    predictions = await manager.save_all(
        ArtifactIn(
            parent_id=training.id, data={"type": "ml_prediction", "metadata": METADATA, "content": [n, n + 1, n + 2]}
        )
        for n, training in enumerate(trainings)
    )

    assert [prediction.parent_id for prediction in predictions] == [training.id for training in trainings]
    assert await manager.count() == 24


def test_a_notebook_with_a_running_loop(tmp_path):
    """Each cell is awaited in the same loop, and the manager stays open from cell to cell."""
    url = f"sqlite:///{tmp_path / 'notebook.db'}"
    cells = [
        "context = records.connect(url)",
        "manager = await context.__aenter__()",
        "saved = await manager.save(ArtifactIn(data={'cell': 3}))",
        "found = await manager.find_by_id(saved.id)",
        "await context.__aexit__(None, None, None)",
    ]
    names = {"records": records, "ArtifactIn": ArtifactIn, "url": url}
    with asyncio.Runner() as loop:
        for cell in cells:
            code = compile(cell, "cell", "exec", flags=__import__("ast").PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, names)
            if result is not None:
                loop.run(result)

    assert names["found"].data == {"cell": 3}


def test_the_command_line(tmp_path):
    address = "sqlite:///records.db"
    wanllmdb("records", "init", address, "--name", "pipelines", "--label", "0=experiment", "--label", "1=model",
             cwd=tmp_path)  # fmt: skip
    root = json.loads(wanllmdb("records", "put", address, "--data", '{"name": "rainfall"}', "--json", cwd=tmp_path))
    child = json.loads(
        wanllmdb("records", "put", address, "--parent", root["id"], "--data", '{"alpha": 1}', "--json", cwd=tmp_path)
    )

    assert child["level"] == 1
    tree = wanllmdb("records", "tree", address, root["id"], cwd=tmp_path)
    assert root["id"] in tree and child["id"] in tree
    assert json.loads(wanllmdb("records", "get", address, child["id"], "--json", cwd=tmp_path))["data"] == {"alpha": 1}
    wanllmdb("records", "rm", address, child["id"], "--yes", cwd=tmp_path)
    assert child["id"] not in wanllmdb("records", "ls", address, cwd=tmp_path)


@pytest.mark.asyncio
async def test_two_tests_share_nothing():
    async with records.connect("sqlite://:memory:") as one, records.connect("sqlite://:memory:") as other:
        await one.save(ArtifactIn(data={"of": "one"}))

        assert (await one.count(), await other.count()) == (1, 0)


def test_bulk_export_and_import(tmp_path):
    """From one file to another, by the command line."""

    async def fill():
        async with records.connect(f"sqlite:///{tmp_path / 'old.db'}") as manager:
            for n in range(10):
                root = await manager.save(ArtifactIn(data={"n": n}))
                await manager.save_all([ArtifactIn(parent_id=root.id, data={"raw": bytes([n, m])}) for m in range(9)])
            return await manager.find_all()

    async def read():
        async with records.connect(f"sqlite:///{tmp_path / 'new.db'}") as manager:
            return await manager.find_all()

    before = asyncio.run(fill())
    wanllmdb("records", "export", "sqlite:///old.db", "records.jsonl", cwd=tmp_path)
    wanllmdb("records", "import", "sqlite:///new.db", "records.jsonl", cwd=tmp_path)

    after = {record.id: record for record in asyncio.run(read())}
    assert len(after) == 100
    for record in before:
        again = after[record.id]
        assert (again.parent_id, again.level, again.data) == (record.parent_id, record.level, record.data)


@pytest.mark.asyncio
async def test_extract_transform_load(manager):
    extracted = "city,celsius\noslo,4\nbergen,6\noslo,8\n"
    source = await manager.save(ArtifactIn(data={"source": "stations", "rows": extracted}))
    rows = list(csv.DictReader(io.StringIO((await manager.find_by_id(source.id)).data["rows"])))
    frame = pd.DataFrame(rows).astype({"celsius": float}).groupby("city", as_index=False).mean()
    loaded = await manager.save(ArtifactIn(parent_id=source.id, data={"step": "mean by city", "frame": frame}))

    expanded = await manager.expand_artifact(loaded.id)

    assert [node.data["source"] for node in expanded.ancestors] == ["stations"]
    again = (await manager.find_by_id(loaded.id)).data["frame"]
    assert dict(zip(again["city"], again["celsius"], strict=True)) == {"bergen": 6.0, "oslo": 6.0}


@pytest.mark.asyncio
async def test_experiments_are_compared(manager):
    for name in ("rainfall", "snow"):
        experiment = await manager.save(ArtifactIn(data={"experiment_name": name}))
        for alpha, rmse in [(0.01, 0.25), (0.1, 0.2), (1.0, 0.4)]:
            data = {"alpha": alpha, "metrics": {"rmse": rmse}}
            await manager.save(ArtifactIn(parent_id=experiment.id, data=data))

    [rainfall] = await manager.find_all(data={"experiment_name": "rainfall"})
    models = await manager.find_all(parent_id=rainfall.id)

    assert min(models, key=lambda model: model.data["metrics"]["rmse"]).data["alpha"] == 0.1


@pytest.mark.asyncio
async def test_versions_of_code():
    hierarchy = ArtifactHierarchy(name="code", level_labels={0: "repository", 1: "file", 2: "version"})
    async with records.connect("sqlite://:memory:", hierarchy=hierarchy) as manager:
        repository = await manager.save(ArtifactIn(data={"name": "tools"}))
        file = await manager.save(ArtifactIn(parent_id=repository.id, data={"path": "sum.py"}))
        for code in ("def f(a, b): return a - b", "def f(a, b): return a + b"):
            await manager.save(ArtifactIn(parent_id=file.id, data={"code": code}))

        versions = (await manager.build_tree(file.id)).children

    # Children are in the order in which they were made.
    assert [version.data["code"][-5:] for version in versions] == ["a - b", "a + b"]
