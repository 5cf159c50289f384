"""A process that serves, and the directory of the session that it belongs to.

It is ended with the session, whatever ends it.
"""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from core.parent_process import terminate_with_parent
from deploy import child_processes

ROOT = Path(__file__).parent.parent
START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0
_servers: "list[Server]" = []


class Server:
    """A process that serves. `start` returns when it does; `kill` ends it, and its children, as a power cut would."""

    url = ""

    def __init__(
        self,
        name: str,
        command: list[str],
        env: Mapping[str, str],
        ready: Callable[[], bool],
        *,
        user: str | None = None,
        stop_signal: int = signal.SIGTERM,
        start_timeout: float = START_TIMEOUT,
    ) -> None:
        self.name, self.command, self.env, self.ready = name, command, dict(env), ready
        self.user, self.stop_signal, self.start_timeout = user, stop_signal, start_timeout
        self.log = session_directory() / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        _servers.append(self)
        owner = os.getpid()
        atexit.register(lambda: self.stop() if os.getpid() == owner else None)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-3000:]

    @property
    def pids(self) -> set[int]:
        """Its process and all that it started: `start` gives them a session of their own."""
        own = self.process.pid if self.process else 0
        return {pid for pid in child_processes.all_processes() if _session(pid) == own}

    def start(self) -> None:
        if self.is_running:
            return
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT if self.user is None else session_directory(),
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.user,
                group=self.user,
                extra_groups=None if self.user is None else [],
                start_new_session=True,
                preexec_fn=terminate_with_parent,
            )
        deadline = time.monotonic() + self.start_timeout
        while not self.ready():
            if not self.is_running or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"{self.name} does not serve. Its log ends:\n{self.log_tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it in an orderly way."""
        if self.process is None:
            return
        if self.is_running:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def kill(self) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            finally:
                self.process.wait()
                self.process = None


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


def died() -> list[Server]:
    """Servers that ended by themselves: tests that wait for them fail, and do not know why."""
    return [server for server in _servers if server.process is not None and not server.is_running]


@cache
def session_directory() -> Path:
    """The session's directory. Others may pass through it, for PostgreSQL refuses to be root."""
    path = Path(tempfile.mkdtemp(prefix="wanllmdb-tests-"))
    path.chmod(0o711)
    atexit.register(_clear, path, os.getpid())
    return path


def _clear(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(path, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
