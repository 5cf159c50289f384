"""What the README tells people to type works as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import servers

README = (servers.ROOT / "README.md").read_text()


@pytest.fixture
def terminal(tmp_path) -> dict[str, str]:
    """The environment of somebody who has installed the SDK and set what the README says."""
    stack = servers.stack()
    stack.start()
    command = tmp_path / "bin" / "wanllmdb"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m wanllmdb "$@"\n')
    command.chmod(0o755)
    return {
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(servers.ROOT),
        "WANLLMDB_BASE_URL": stack.base_url,
        "WANLLMDB_API_KEY": stack.key("alice"),
    }


def test_the_three_ways_to_use_it(terminal, tmp_path):
    [python, command_line, curl] = re.findall(r"^\*\*From .*?^```\w*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "example.py").write_text(python)
    for name in ("README.md", "docs"):
        (tmp_path / name).symlink_to(servers.ROOT / name)
    for script in (
        f"{sys.executable} example.py",
        command_line,
        curl.replace("=owner/", "=alice/").replace("curl", "curl -sf"),
    ):
        done = subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, env=terminal, capture_output=True, text=True)
        assert done.returncode == 0, script + done.stdout + done.stderr
    assert (
        tmp_path / "artifacts/alice/prices/houses-v1/houses.csv"
    ).read_text() == "area,price\n70,310000\n120,455000\n"
    assert (tmp_path / "notes/README.md").read_text() == README


def test_every_path_it_names_is_there():
    named = re.findall(r"^([\w-]+/) ", README, re.MULTILINE) + re.findall(r"\]\(([\w./-]+)\)", README)
    assert named
    assert [path for path in named if not Path(servers.ROOT / path).exists()] == []
