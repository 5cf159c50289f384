"""Python objects: what comes back, in this process and another."""

import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from harness.servers import ROOT
from tests.records.claims.test_typed_data import training
from wanllmdb.records import ArtifactIn

SAVE = """
import asyncio, sys
from sklearn.linear_model import LinearRegression
from wanllmdb import records
from wanllmdb.records import ArtifactIn

async def main():
    model = LinearRegression().fit([[1, 2], [2, 3], [3, 4], [4, 5]], [3, 5, 7, 9])
    async with records.connect(sys.argv[1]) as manager:
        print((await manager.save(ArtifactIn(data={"name": "sum", "content": model}))).id)

asyncio.run(main())
"""
LOAD = """
import asyncio, sys
from wanllmdb import records

async def main():
    async with records.connect(sys.argv[1]) as manager:
        found = await manager.find_by_id(sys.argv[2])
        print(found.data["name"], round(float(found.data["content"].predict([[5, 6]])[0]), 6))

asyncio.run(main())
"""


@dataclass
class Settings:
    depth: int
    name: str


@pytest.mark.asyncio
async def test_an_object_is_given_back(manager):
    settings, weights = Settings(3, "small"), np.arange(6.0).reshape(2, 3)
    data = {"settings": settings, "layers": [{"weights": weights, "size": 6}], "took": timedelta(seconds=3), "n": 1}
    saved = await manager.save(ArtifactIn(data=data))

    found = await manager.find_by_id(saved.id)

    assert found.data["settings"] == settings
    assert np.array_equal(found.data["layers"][0]["weights"], weights)
    assert (found.data["layers"][0]["size"], found.data["took"], found.data["n"]) == (6, timedelta(seconds=3), 1)


@pytest.mark.asyncio
async def test_a_dict_with_the_object_keeps_it(manager):
    model = LinearRegression().fit([[1, 2], [2, 3], [3, 4]], [3, 5, 7])
    saved = await manager.save(ArtifactIn(data=training(model)))

    found = await manager.find_by_id(saved.id)

    assert isinstance(found.data["content"], LinearRegression)
    assert found.data["content"].predict([[5, 6]]) == pytest.approx([11.0])


def test_a_model_predicts_in_another_process(tmp_path):
    url = f"sqlite:///{tmp_path / 'records.db'}"

    def run(code, *arguments):
        command = [sys.executable, "-c", code, url, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.strip()

    assert run(LOAD, run(SAVE)) == "sum 11.0"
