"""Where a run comes from: host, git state, command and packages. Collecting never fails and takes a second at most."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT = 1.0
# As in the server.
MAX_COMMAND_LENGTH = 4096
MAX_PACKAGES = 1000
MAX_PACKAGE_LENGTH = 128
_OWN_KEY = re.compile(r"wllm[-_][A-Za-z0-9_-]+")
# Of the directory in which an installed package describes itself.
_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)-([A-Za-z0-9][A-Za-z0-9._+!]*)\.dist-info")


def collect() -> dict[str, Any]:
    """`host`, `git_commit`, `git_remote` and `environment`, as far as they are known. Usually takes 10 ms."""
    deadline = time.monotonic() + _TIMEOUT
    # Both commands run at the same time.
    commit, remote = _start_git("rev-parse", "HEAD"), _start_git("config", "--get", "remote.origin.url")
    values = {
        "host": socket.gethostname()[:255],
        "git_commit": _read_output(commit, deadline)[:64],
        "git_remote": _strip_password(_read_output(remote, deadline))[:1024],
    }
    environment = {"command": _command(), "python_version": platform.python_version(), "packages": _packages()}
    return {name: value for name, value in {**values, "environment": environment}.items() if value}


def _command() -> str:
    """As it was typed, nearly: in one line, with the name of the interpreter alone, and without keys of the server."""
    program, *arguments = sys.orig_argv or [""]
    text = _OWN_KEY.sub("wllm-…", shlex.join([Path(program).name, *arguments]))
    return "".join(character if character.isprintable() else " " for character in text)[:MAX_COMMAND_LENGTH]


def _packages() -> dict[str, str]:
    """The versions of installed packages by name. Their directories are listed, and not read, which takes a second."""
    found: dict[str, str] = {}
    for folder in map(Path, sys.path):
        # Others may be full of somebody's data.
        if folder.name not in ("site-packages", "dist-packages"):
            continue
        try:
            names = [path.name for path in folder.iterdir()]
        except OSError:
            continue
        for match in filter(None, map(_PACKAGE.fullmatch, names)):
            name, version = match.groups()
            if max(len(name), len(version)) <= MAX_PACKAGE_LENGTH:
                found.setdefault(name.replace("_", "-").lower(), version)
    return dict(sorted(found.items())[:MAX_PACKAGES])


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
