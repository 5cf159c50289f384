"""Where a run runs: host, and what git says of the directory. Never an error, and never a reason to wait."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from urllib.parse import urlsplit

_SECONDS = 1.0


def here() -> dict[str, str]:
    """`host`, `git_commit` and `git_remote`, as far as they are known within a second. Usually it takes 10 ms."""
    deadline = time.monotonic() + _SECONDS
    # Both are under way before the first is waited for.
    commit, remote = _begin("rev-parse", "HEAD"), _begin("config", "--get", "remote.origin.url")
    found = {
        "host": socket.gethostname()[:255],
        "git_commit": _end(commit, deadline)[:64],
        "git_remote": _without_password(_end(remote, deadline))[:1024],
    }
    return {name: value for name, value in found.items() if value}


def _begin(*question: str) -> subprocess.Popen[bytes] | None:
    git = shutil.which("git")
    if git is None:
        return None
    quiet = subprocess.DEVNULL
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        return subprocess.Popen([git, *question], stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, env=environment)
    except OSError:
        return None


def _end(process: subprocess.Popen[bytes] | None, deadline: float) -> str:
    if process is None:
        return ""
    with process:
        try:
            out, _ = process.communicate(timeout=max(0.01, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            return ""
    return out.decode("utf-8", "replace").strip() if process.returncode == 0 else ""


def _without_password(remote: str) -> str:
    try:
        parts = urlsplit(remote)
        if not parts.scheme or "@" not in parts.netloc:
            return remote
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return ""
