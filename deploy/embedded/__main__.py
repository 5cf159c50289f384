"""`make run`: prepare, start what the Procfile lists, wait until it serves, say where, and stop it all at the end."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from deploy.embedded import children, state

ROOT = Path(__file__).parents[2]
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_WITHIN = 10.0
SERVE_WITHIN = 60.0
# Celery's advice not to be root is for workers that unpickle what they are sent. Ours read JSON alone.
QUIET = {"LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
# Whatever proxy leads to the rest of the world, it does not lead to ourselves.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Stop(BaseException):
    """Somebody asked the launcher to end: Ctrl-C, SIGTERM, or a terminal that was closed."""


def main() -> None:
    os.umask(0o077)
    os.chdir(ROOT)
    var = Path(os.environ.get("WANLLMDB_VAR_DIR") or ROOT / "var").resolve()
    hangup_is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as under `nohup`
    for signum in STOP_SIGNALS:
        signal.signal(signum, stop)
    if hangup_is_ignored:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with state.full_disk_is_a_sentence(var):
            state.open_directory(var)
            with state.claim(var):
                try:
                    run(var)
                finally:
                    # What is on its way down is not cut off by a second, impatient Ctrl-C.
                    for signum in STOP_SIGNALS:
                        signal.signal(signum, signal.SIG_IGN)
                    children.end(var, STOP_WITHIN)
    except Stop:
        say("\nStopped. Everything is kept: `make run` goes on from here.")


def stop(signum: int, frame: FrameType | None) -> None:
    raise Stop


def run(var: Path) -> None:
    begun = time.monotonic()
    children.end(var, STOP_WITHIN)  # A launcher that was killed may have left some.
    complete_environment(var, state.settle(var, os.environ.get("PORT")))
    processes = serve(var)
    ready_in = time.monotonic() - begun
    credentials = state.read_credentials(var)
    log_demo(var, credentials)
    say(banner(var, credentials, ready_in))
    processes.wait()
    raise SystemExit(f"A process gave up, so the others were stopped: see above, and {shown(var / 'log')}.")


def complete_environment(var: Path, settled: dict[str, str]) -> None:
    """What Django and the children read. Who set a variable by hand meant it; the port was looked at already."""
    for name, value in (settled | QUIET).items():
        os.environ.setdefault(name, value)
    programs = Path(sys.executable).parent
    os.environ |= {
        "PORT": settled["PORT"],
        "WANLLMDB_VAR_DIR": str(var),
        "DJANGO_SETTINGS_MODULE": "wanllmdb.settings",
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


def serve(var: Path) -> children.Process:
    """Start everything. It serves after this: the API answers with the database behind it, and the store works."""
    preparing = children.start(var, "deploy.embedded.prepare", stdout=subprocess.PIPE)
    if preparing.stdout is None or preparing.stdout.readline() != "prepared\n":
        raise SystemExit(preparing.wait() or 1)  # It has said why.
    address_credentials(var)
    processes = children.start(var, "deploy.embedded.processes")
    deadline = time.monotonic() + SERVE_WITHIN
    while not (preparing.poll() == 0 and web_answers(os.environ["PORT"], state.read_credentials(var))):
        if preparing.returncode:
            raise SystemExit(preparing.returncode)
        if processes.poll() is not None:
            raise SystemExit(f"wanLLMDB did not start: see above, and {shown(var / 'log')}.")
        if time.monotonic() > deadline:
            raise SystemExit(f"wanLLMDB does not answer after {SERVE_WITHIN:.0f} s: see {shown(var / 'log')}.")
        time.sleep(0.05)
    return processes


def log_demo(var: Path, credentials: dict[str, str]) -> None:
    """Once, as the first user. What was logged and then deleted does not come back."""
    done = var / "demo-logged"
    if done.exists() or not credentials:
        return
    say("Logging a first project through the SDK …")
    address = f"http://127.0.0.1:{os.environ['PORT']}"
    mine = {"BASE_URL": address, "API_KEY": credentials["api_key"], "MODE": "online", "SILENT": "1"}
    environment = {f"WANLLMDB_{name}": value for name, value in mine.items()}
    demo = children.start(var, "deploy.embedded.demo", environment=environment)
    if demo.wait() == 0:
        done.touch()
    else:
        say("That did not work; the next start tries again.")


def address_credentials(var: Path) -> None:
    """The port may be another one than last time; the file says where the server is now."""
    credentials = state.read_credentials(var)
    if credentials and credentials["base_url"] != os.environ["BASE_URL"]:
        state.write_credentials(var, credentials | {"base_url": os.environ["BASE_URL"]})


def web_answers(port: str, credentials: dict[str, str]) -> bool:
    headers = {"Authorization": f"Bearer {credentials.get('api_key', '')}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/me", headers=headers)
    try:
        with DIRECTLY.open(request, timeout=5):
            return True
    except urllib.error.HTTPError as refusal:
        return refusal.code < 500  # The key may have been revoked since: it serves all the same.
    except OSError:
        return False


def banner(var: Path, credentials: dict[str, str], seconds: float) -> str:
    """Where to go, as whom, and what to try first."""
    lines = [f"wanLLMDB serves at {os.environ['BASE_URL']} (ready in {seconds:.1f} s, Ctrl-C stops it)"]
    if credentials:
        lines += [
            "",
            f"  sign in   {credentials['username']}, password {credentials['password']}",
            f"  API key   {credentials['api_key']}",
            f"            both are kept in {shown(var / 'credentials.json')}",
            "",
            "  from Python, after `pip install .` in this directory:",
            "",
            "    import wanllmdb as wandb",
            f'    wandb.login("{credentials["api_key"]}", "{credentials["base_url"]}")',
            f'    wandb.Api().artifact("{credentials["username"]}/first-steps/houses:production").download()',
        ]
    return "\n".join(lines) + "\n"


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
