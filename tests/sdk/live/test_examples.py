import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*.py"))


def test_there_are_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_runs_again(bob, project, tmp_path, script):
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, script],
            cwd=tmp_path,
            env={**os.environ, "WANLLMDB_PROJECT": project, "PYTHONPATH": str(script.parents[1])},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
