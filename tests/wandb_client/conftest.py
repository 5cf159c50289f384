"""A server with a worker and a store, and what an official `wandb` client says to it."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import servers
from tests.wandb_client.clients import CLIENTS, python

SCENARIO = Path(__file__).with_name("scenario.py")


class Outcome(NamedTuple):
    """What came of a step: empty where it holds, else what went wrong."""

    error: str


@pytest.fixture(scope="session")
def stack() -> servers.Stack:
    stack = servers.stack()
    stack.start()
    return stack


def client_env(stack: servers.Stack, home: Path, username: str = "bob") -> dict[str, str]:
    """The environment of a client that is told two things: which server, and which key."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "WANDB_DIR": str(home),
        "WANDB_BASE_URL": stack.base_url,
        "WANDB_API_KEY": stack.key(username),
        # Of the client itself, which would ask hosts elsewhere.
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_SILENT": "true",
    }


@pytest.fixture(scope="session")
def outcomes(stack, tmp_path_factory) -> Iterator[Mapping[str, Mapping[str, Outcome]]]:
    """By client and step what came of it. Both clients walk through the scenario at the same time."""
    running = {}
    for client in CLIENTS:
        home = tmp_path_factory.mktemp(client)
        with (home / "output").open("w") as output, (home / "errors").open("w") as errors:
            running[client] = home, subprocess.Popen(
                [python(client), "-I", SCENARIO, client], cwd=home, env=client_env(stack, home),
                stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            )  # fmt: skip
    try:
        for _, process in running.values():
            process.wait(600)
        yield {client: _read(home) for client, (home, _) in running.items()}
    finally:
        for _, process in running.values():
            process.kill()
            process.wait()


def _read(home: Path) -> dict[str, Outcome]:
    lines = [line for line in (home / "output").read_text().splitlines() if line.startswith('{"step"')]
    found = {row["step"]: Outcome(row["error"]) for row in map(json.loads, lines)}
    # What a client prints when it ends before its time.
    return found or {"": Outcome((home / "errors").read_text()[-4000:])}
