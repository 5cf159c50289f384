"""The readers of the documentation: each has a terminal, an API key and a team of their own on a running stack."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import servers

PAGES = sorted(path for path in (servers.ROOT / "README.md", *(servers.ROOT / "docs").glob("*.md")) if path.exists())
READERS = """
import json
from accounts import keys, users
from accounts.actor import Actor
print(json.dumps({name: keys.create(Actor(users.create(name)), "reader")[1] for name in %r}))
"""


def title(page: Path) -> str:
    return str(page.relative_to(servers.ROOT))


def reader_of(page: Path) -> str:
    return title(page.with_suffix("")).replace(os.sep, "-").lower()


@pytest.fixture(scope="session")
def stack() -> servers.Stack:
    running = servers.stack()
    running.start()
    return running


@pytest.fixture(scope="session")
def reader_keys(stack) -> dict[str, str]:
    readers = [reader_of(page) for page in PAGES]
    return json.loads(stack.manage("shell", "--no-imports", "--command", READERS % readers))


@pytest.fixture
def terminal(stack, reader_keys, tmp_path) -> Callable[[Path], dict[str, str]]:
    """The environment of a page's reader, with nothing but what `make run` prints."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "wanllmdb"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m wanllmdb "$@"\n')
    command.chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()

    def environment(page: Path) -> dict[str, str]:
        return {
            "HOME": str(home),
            "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(servers.ROOT),
            "WANLLMDB_BASE_URL": stack.base_url,
            "WANLLMDB_API_KEY": reader_keys[reader_of(page)],
        }

    return environment
