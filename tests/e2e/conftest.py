"""`make run` and `make stack` as a new user has them: a clean clone, its own state, and a terminal for Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.parent_process import terminate_with_parent
from deploy import child_processes
from harness import servers

# Seconds that a busy machine may take for what a quiet one does at once.
PATIENCE = 300
STOPS_WITHIN = 120


class Terminal:
    """`make run`, or another target, in a terminal of its own, with nothing in its environment of the tests."""

    def __init__(self, clone: Path, var: Path, screen: Path, target: str = "run", **environment: str) -> None:
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH") if name in os.environ}
        kept |= {"VENV": sys.prefix, "WANLLMDB_VAR_DIR": str(var)}
        self.var, self.screen = var, screen
        self.begun = time.monotonic()
        with screen.open("w") as output:
            self.process = subprocess.Popen(
                ["make", target],
                cwd=clone,
                env=kept | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=terminate_with_parent,
            )

    @property
    def output(self) -> str:
        return self.screen.read_text()

    @property
    def credentials(self) -> dict[str, str]:
        return json.loads((self.var / "credentials.json").read_text())

    @property
    def is_ready(self) -> bool:
        return "(ready in" in self.output

    def wait_for_banner(self, seconds: float = PATIENCE) -> "Terminal":
        wait_until(lambda: self.is_ready or self.process.poll() is not None, seconds)
        assert self.is_ready, self.output
        return self

    def wait_for_end(self, seconds: float = PATIENCE) -> int:
        return self.process.wait(seconds)

    def press_ctrl_c(self) -> None:
        """The terminal sends it to all that runs in it. Returns when the prompt is back."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.wait_for_end(STOPS_WITHIN)

    @property
    def launcher(self) -> int:
        """The process that `make` started."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(tasks.read_text().split()[0])

    @property
    def processes(self) -> set[int]:
        """All that runs on its behalf."""
        return child_processes.find_processes(self.var)


def wait_until(holds: Callable[[], Any], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is committed, and nothing else."""
    path = tmp_path_factory.mktemp("clone") / "wanllmdb"
    subprocess.run(["git", "clone", "--quiet", "--local", str(servers.ROOT), str(path)], check=True)
    return path


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state") / "var"


@pytest.fixture(scope="module")
def starts() -> list[Terminal]:
    """Every `make run` of the module, in order."""
    return []


@pytest.fixture(scope="module")
def make_run(
    clone: Path, var: Path, starts: list[Terminal], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Terminal]]:
    """`make_run(PORT="8000")` types `make run`; all in the same `var`. What still runs at the end is ended."""
    screens = tmp_path_factory.mktemp("screens")

    def type_it(**environment: str) -> Terminal:
        starts.append(Terminal(clone, var, screens / str(len(starts)), **environment))
        return starts[-1]

    yield type_it
    for terminal in starts:
        if terminal.process.poll() is None:
            terminal.press_ctrl_c()
    child_processes.terminate_all(var, 10)
