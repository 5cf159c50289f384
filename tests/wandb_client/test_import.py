"""`wanllmdb import wandb`: a project that the official client filled, copied into another one, with a kill between."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness import servers
from tests.wandb_client.clients import environment, python
from tests.wandb_client.conftest import client_env

HERE = Path(__file__).parent
PROJECT = f"import-{secrets.token_hex(3)}"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("import")


@pytest.fixture(scope="module")
def source(stack: servers.Stack, home: Path) -> str:
    """A project of bob's with runs and artifacts."""
    run_client(stack, home, "newest", "import_source.py", PROJECT, secrets.token_hex(8))
    return f"bob/{PROJECT}"


def run_client(stack: servers.Stack, home: Path, client: str, script: str, *arguments: str) -> str:
    command = [python(client), "-I", HERE / script, *arguments]
    done = subprocess.run(
        command, cwd=home, env=client_env(stack, home), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def import_command(stack: servers.Stack, home: Path, client: str, target: str, *options: str) -> dict[str, Any]:
    """The arguments of a process that imports, where both `wandb` and our SDK are installed."""
    site = next(environment(client).glob("lib/python3*/site-packages"))
    variables = {
        "PYTHONPATH": f"{site}{os.pathsep}{servers.ROOT}",
        "PYTHONUNBUFFERED": "1",
        "WANLLMDB_BASE_URL": stack.base_url,
        "WANLLMDB_API_KEY": stack.key("bob"),
        "XDG_CACHE_HOME": str(home / "cache"),
    }
    said = ["--from", stack.base_url, "--project", f"bob/{PROJECT}", "--to", target, *options]
    return {
        "args": [sys.executable, "-m", "wanllmdb", "import", "wandb", *said],
        "env": client_env(stack, home) | variables,
        "cwd": home,
        "text": True,
    }


def run_import(stack: servers.Stack, home: Path, client: str, target: str, *options: str) -> dict[str, Any]:
    """The report."""
    command = import_command(stack, home, client, target, "--json", *options)
    done = subprocess.run(**command, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def described(stack: servers.Stack, home: Path, *projects: str) -> list[dict[str, Any]]:
    output = run_client(stack, home, "newest", "project_description.py", *projects)
    return [json.loads(line) for line in output.splitlines() if line.startswith('{"')]


def outcomes(report: dict[str, Any]) -> Counter[str]:
    return Counter(item["outcome"] for item in report["items"])


def test_a_killed_import_goes_on_and_copies_all_of_it_once(stack, home, source):
    target = f"acme/{PROJECT}-copy"
    assert set(outcomes(run_import(stack, home, "newest", target, "--dry-run"))) == {"planned"}

    with subprocess.Popen(**import_command(stack, home, "newest", target), stdout=subprocess.PIPE) as process:
        seen = next(line for line in process.stdout if line.startswith("✓ version"))
        process.send_signal(signal.SIGKILL)
    report = run_import(stack, home, "newest", target, "--report", str(home / "report.json"))
    assert json.loads((home / "report.json").read_text()) == report
    first = {f"✓ {item['kind']} {item['name']}": item["outcome"] for item in report["items"]}
    assert first[seen.strip().removesuffix(": copied")] == "present"
    assert set(outcomes(report)) <= {"present", "copied"}

    again = run_import(stack, home, "newest", target)
    assert set(outcomes(again)) == {"present"}, again
    before, after = described(stack, home, source, target)
    for part in before:
        assert after[part] == before[part], part
    assert [version["name"] for version in after["versions"] if "_set" in version["name"]] == [
        "_set:v3", "_set:v2", "_set:v0",
    ]  # fmt: skip


def test_the_oldest_client_reads_what_is_asked_for(stack, home, source):
    target = f"acme/{PROJECT}-part"
    report = run_import(stack, home, "oldest", target, "--runs", "first*", "--artifacts", "_s*")
    names = [item["name"] for item in report["items"] if item["kind"] == "version"]
    assert names == ["_set:v0", "_set:v2", "_set:v3"]
    assert report["counts"] == {"run": {"copied": 1}, "version": {"copied": 3}}
    report = run_import(stack, home, "oldest", target, "--runs", "", "--artifacts", "shelf")
    assert report["counts"] == {"link": {"copied": 2}}
