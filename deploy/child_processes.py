"""Child processes that end with the one that started them, however it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from core.parent_process import terminate_with_parent

Process = subprocess.Popen[str]

# Every process of a stack carries this in its environment, with the stack's `var` directory.
STACK_VARIABLE = "WANLLMDB_EMBEDDED"

_children: list[Process] = []


def start(
    var: Path, module: str, *arguments: str, environment: Mapping[str, str] | None = None, stdout: int | None = None
) -> Process:
    """Run a Python module as a part of the stack in `var`.

    It has a session of its own: Ctrl-C in the terminal reaches the launcher alone, which stops the rest in order.
    """
    child = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=os.environ | dict(environment or {}) | {STACK_VARIABLE: str(var)},
        stdout=stdout,
        text=True,
        start_new_session=True,
        preexec_fn=terminate_with_parent,
    )
    _children.append(child)
    return child


def find_processes(var: Path) -> set[int]:
    """The processes of the stack in `var`: what this one started, and what /proc knows of others, children's too."""
    variable = f"{STACK_VARIABLE}={var}".encode()
    pids = {pid for pid in all_processes() if pid != os.getpid() and variable in _environment(pid)}
    return pids | {child.pid for child in _children if child.poll() is None}


def terminate_all(var: Path, timeout: float) -> None:
    """End what still runs for the stack in `var`: with SIGTERM first, after `timeout` seconds with SIGKILL."""
    for signum, seconds in ((signal.SIGTERM, timeout), (signal.SIGKILL, 2.0)):
        deadline = time.monotonic() + seconds
        for pid in find_processes(var):
            _send(pid, signum)
        while find_processes(var) and time.monotonic() < deadline:
            time.sleep(0.05)


def all_processes() -> list[int]:
    root = Path("/proc")
    return [int(entry.name) for entry in root.iterdir() if entry.name.isdigit()] if root.is_dir() else []


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _send(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        return
