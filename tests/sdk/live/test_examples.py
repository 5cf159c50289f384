"""The examples run unchanged, and run a second time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
# The three use cases and three workflows of the alias system.
ALIAS_EXAMPLES = {
    "use case 1: always use the latest data": "alias_use_case_latest_data",
    "use case 2: production model deployment": "alias_use_case_production_model",
    "use case 3: version naming conventions": "alias_use_case_version_names",
    "workflow 1: creating aliases": "alias_workflow_creating",
    "workflow 2: using aliases": "alias_workflow_using",
    "workflow 3: moving aliases": "alias_workflow_moving",
}
OTHERS = sorted({path.stem for path in EXAMPLES.glob("*.py")} - set(ALIAS_EXAMPLES.values()))


def run_twice(script: Path, project: str, working_dir: Path) -> None:
    for _ in range(2):
        result = subprocess.run(
            [sys.executable, script],
            cwd=working_dir,
            env={**os.environ, "WANLLMDB_PROJECT": project, "PYTHONPATH": str(EXAMPLES.parent)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        assert result.stderr == ""
    assert list(working_dir.iterdir()) == []


@pytest.mark.parametrize("example", ALIAS_EXAMPLES)
def test_an_alias_example_runs_twice(bob, project, tmp_path, example):
    run_twice(EXAMPLES / f"{ALIAS_EXAMPLES[example]}.py", project, tmp_path)


@pytest.mark.parametrize("example", OTHERS)
def test_an_example_runs_twice(bob, project, tmp_path, example):
    run_twice(EXAMPLES / f"{example}.py", project, tmp_path)
