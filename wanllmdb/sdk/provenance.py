"""Where a run comes from: host name and git state. Collecting it never fails and takes a second at most."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from urllib.parse import urlsplit

_TIMEOUT = 1.0


def collect() -> dict[str, str]:
    """`host`, `git_commit` and `git_remote`, as far as they are known. Usually takes 10 ms."""
    deadline = time.monotonic() + _TIMEOUT
    # Both commands run at the same time.
    commit, remote = _start_git("rev-parse", "HEAD"), _start_git("config", "--get", "remote.origin.url")
    values = {
        "host": socket.gethostname()[:255],
        "git_commit": _read_output(commit, deadline)[:64],
        "git_remote": _strip_password(_read_output(remote, deadline))[:1024],
    }
    return {name: value for name, value in values.items() if value}


def _start_git(*arguments: str) -> subprocess.Popen[bytes] | None:
    git = shutil.which("git")
    if git is None:
        return None
    null = subprocess.DEVNULL
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        return subprocess.Popen([git, *arguments], stdin=null, stdout=subprocess.PIPE, stderr=null, env=environment)
    except OSError:
        return None


def _read_output(process: subprocess.Popen[bytes] | None, deadline: float) -> str:
    if process is None:
        return ""
    with process:
        try:
            output, _ = process.communicate(timeout=max(0.01, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            return ""
    return output.decode("utf-8", "replace").strip() if process.returncode == 0 else ""


def _strip_password(remote: str) -> str:
    try:
        parts = urlsplit(remote)
        if not parts.scheme or "@" not in parts.netloc:
            return remote
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return ""
