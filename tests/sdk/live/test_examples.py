"""Programs that people copy run as they stand, and run again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
# What the alias system was asked for: three use cases, three workflows.
OF_ALIASES = {
    "use case 1: always use the latest data": "alias_use_case_latest_data",
    "use case 2: production model deployment": "alias_use_case_production_model",
    "use case 3: version naming conventions": "alias_use_case_version_names",
    "workflow 1: creating aliases": "alias_workflow_creating",
    "workflow 2: using aliases": "alias_workflow_using",
    "workflow 3: moving aliases": "alias_workflow_moving",
}
OTHERS = sorted({path.stem for path in EXAMPLES.glob("*.py")} - set(OF_ALIASES.values()))


def run_twice(script: Path, project: str, desk: Path) -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, script],
            cwd=desk,
            env={**os.environ, "WANLLMDB_PROJECT": project, "PYTHONPATH": str(EXAMPLES.parent)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
    assert list(desk.iterdir()) == []


@pytest.mark.parametrize("example", OF_ALIASES)
def test_an_example_of_aliases_runs_and_runs_again(bob, project, tmp_path, example):
    run_twice(EXAMPLES / f"{OF_ALIASES[example]}.py", project, tmp_path)


@pytest.mark.parametrize("example", OTHERS)
def test_an_example_runs_and_runs_again(bob, project, tmp_path, example):
    run_twice(EXAMPLES / f"{example}.py", project, tmp_path)
