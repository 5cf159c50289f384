"""`make run`: prepare, start what the Procfile lists, wait until it serves, say where, and stop it all at the end."""

import errno
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import OperationalError

from deploy.embedded import children, prepare, state

ROOT = Path(__file__).parents[2]
STOP_WITHIN = 10.0
SERVE_WITHIN = 60.0


class Stop(BaseException):
    """Somebody asked the launcher to end: Ctrl-C, or SIGTERM."""


def main() -> None:
    os.umask(0o077)
    os.chdir(ROOT)
    var = Path(os.environ.get("WANLLMDB_VAR_DIR") or ROOT / "var").resolve()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        with disk_full_is_a_sentence(var):
            state.open_directory(var)
            with state.claim(var):
                try:
                    run(var)
                finally:
                    # What is on its way down should not be cut off by a second, impatient Ctrl-C.
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)
                    children.end(var, STOP_WITHIN)
    except Stop:
        say("\nStopped. Everything is kept: `make run` goes on from here.")


def run(var: Path) -> None:
    begun = time.monotonic()
    children.end(var, STOP_WITHIN)  # A launcher that was killed may have left some.
    settled = state.settle(var, os.environ.get("PORT"))
    complete_environment(var, settled)
    prepare.server(var)
    credentials = state.read_credentials(var)
    if credentials and credentials["base_url"] != os.environ["BASE_URL"]:
        credentials["base_url"] = os.environ["BASE_URL"]
        state.write_credentials(var, credentials)
    processes = start("deploy.embedded.processes")
    wait_until_it_serves(processes, var, settled, credentials)
    say(banner(var, credentials, time.monotonic() - begun))
    processes.wait()
    raise SystemExit(f"A process gave up, so the others were stopped: see above, and {var / 'log'}.")


def complete_environment(var: Path, settled: dict[str, str]) -> None:
    """What Django and the children read. Who set a variable by hand meant it; the port was looked at already."""
    for name, value in (settled | {"LOG_LEVEL": "WARNING"}).items():
        os.environ.setdefault(name, value)
    programs = Path(sys.executable).parent
    os.environ |= {
        "PORT": settled["PORT"],
        "WANLLMDB_VAR_DIR": str(var),
        "DJANGO_SETTINGS_MODULE": "wanllmdb.settings",
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    os.environ |= children.marked(var)


def start(module: str) -> "subprocess.Popen[bytes]":
    # A session of its own: Ctrl-C in the terminal reaches the launcher alone, which stops the rest in order.
    return subprocess.Popen([sys.executable, "-m", module], start_new_session=True, preexec_fn=children.end_with_parent)


def wait_until_it_serves(processes: Any, var: Path, env: dict[str, str], credentials: dict[str, str]) -> None:
    """Serving means: the API answers with the database behind it, and the store takes and gives bytes."""
    deadline = time.monotonic() + SERVE_WITHIN
    ready = [lambda: prepare.store_works(int(env["STORE_PORT"])), lambda: web_answers(env["PORT"], credentials)]
    for is_ready in ready:
        while not is_ready():
            if processes.poll() is not None:
                raise SystemExit(f"wanLLMDB did not start: see above, and {var / 'log'}.")
            if time.monotonic() > deadline:
                raise SystemExit(f"wanLLMDB does not serve after {SERVE_WITHIN:.0f} s: see {var / 'log'}.")
            time.sleep(0.05)


def web_answers(port: str, credentials: dict[str, str]) -> bool:
    headers = {"Authorization": f"Bearer {credentials.get('api_key', '')}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/me", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except urllib.error.HTTPError as refusal:
        return refusal.code < 500
    except OSError:
        return False


def banner(var: Path, credentials: dict[str, str], seconds: float) -> str:
    """Where to go, as whom, and what to try first."""
    lines = [f"wanLLMDB serves at {os.environ['BASE_URL']} (ready in {seconds:.1f} s; Ctrl-C stops it)"]
    if credentials:
        lines += [
            "",
            f"  sign in    {credentials['username']}   password {credentials['password']}",
            f"  API key    {credentials['api_key']}",
            f"  both kept  {shown(var / 'credentials.json')}",
            "",
            "  try        export WANLLMDB_BASE_URL=" + credentials["base_url"],
            "             export WANLLMDB_API_KEY=" + credentials["api_key"],
            f"             {shown(Path(sys.executable))} -m wanllmdb.sdk.cli artifact ls",
        ]
    return "\n".join(lines) + "\n"


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


@contextmanager
def disk_full_is_a_sentence(var: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, OperationalError) as error:
        full = getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error)
        if not full:
            raise
        raise SystemExit(f"The disk under {var} is full: make room, then start again. Nothing is lost.") from error


def stop(signum: int, frame: Any) -> None:
    raise Stop


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
