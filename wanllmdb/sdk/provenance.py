"""Where a run runs: host, and what git says of the directory. Never an error, and never a reason to wait."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from urllib.parse import urlsplit

_SECONDS = 1.0


class Provenance:
    """Asks git as soon as it is made, and is told the answers later, so that both go on at the same time."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._commit = _begin("rev-parse", "HEAD")
        self._remote = _begin("config", "--get", "remote.origin.url")

    def tell(self) -> dict[str, str]:
        """`host`, and `git_commit` and `git_remote` as far as they are known by now."""
        found = {
            "host": socket.gethostname()[:255],
            "git_commit": self._end(self._commit)[:64],
            "git_remote": _without_password(self._end(self._remote))[:1024],
        }
        return {name: value for name, value in found.items() if value}

    def _end(self, process: subprocess.Popen[bytes] | None) -> str:
        if process is None:
            return ""
        with process:
            try:
                out, _ = process.communicate(timeout=max(0.05, self._started + _SECONDS - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                return ""
        return out.decode("utf-8", "replace").strip() if process.returncode == 0 else ""


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


def _without_password(remote: str) -> str:
    try:
        parts = urlsplit(remote)
        if not parts.scheme or "@" not in parts.netloc:
            return remote
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    except ValueError:
        return ""
