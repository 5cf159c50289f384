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

from deploy.embedded import child_processes, var_directory
from deploy.embedded.supervisor import Supervisor

ROOT = Path(__file__).parents[2]
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_TIMEOUT = 10.0
START_TIMEOUT = 60.0
# Celery's advice not to be root is for workers that unpickle what they are sent. Ours read JSON alone.
QUIET_ENVIRONMENT = {"LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore:You're running the worker with superuser"}
# Whatever proxy leads to the rest of the world, it does not lead to ourselves.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class StopRequested(BaseException):
    """Somebody asked the launcher to end: Ctrl-C, SIGTERM, or a terminal that was closed."""


def main() -> None:
    os.umask(0o077)
    os.chdir(ROOT)
    var = Path(os.environ.get("WANLLMDB_VAR_DIR") or ROOT / "var").resolve()
    hangup_is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as under `nohup`
    for signum in STOP_SIGNALS:
        signal.signal(signum, request_stop)
    if hangup_is_ignored:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with var_directory.report_full_disk(var):
            var_directory.create(var)
            with var_directory.lock_var_dir(var):
                try:
                    run(var)
                finally:
                    ignore_stop_signals()
                    child_processes.terminate_all(var, STOP_TIMEOUT)
    except StopRequested:
        print_now("\nStopped. Everything is kept: `make run` goes on from here.")


def request_stop(signum: int, frame: FrameType | None) -> None:
    raise StopRequested


def ignore_stop_signals() -> None:
    """What is on its way down is not cut off by a second, impatient Ctrl-C."""
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


def run(var: Path) -> None:
    started_at = time.monotonic()
    child_processes.terminate_all(var, STOP_TIMEOUT)  # A launcher that was killed may have left some.
    is_first_start = not var_directory.read_credentials(var)
    set_environment(var, var_directory.prepare_environment(var, os.environ.get("PORT")))
    preparing = prepare(var)
    supervisor = Supervisor(var, print_now)
    try:
        wait_until_it_serves(var, preparing, supervisor)
        ready_in = time.monotonic() - started_at
        credentials = var_directory.read_credentials(var)
        log_demo_data(var, credentials)
        print_now(banner(var, credentials, ready_in, with_secrets=is_first_start))
        while True:
            supervisor.check()
            time.sleep(1)
    finally:
        ignore_stop_signals()
        supervisor.stop()


def set_environment(var: Path, environment: dict[str, str]) -> None:
    """What Django and the children read. Who set a variable by hand meant it; the port was looked at already."""
    for name, value in (environment | QUIET_ENVIRONMENT).items():
        os.environ.setdefault(name, value)
    programs = Path(sys.executable).parent
    os.environ |= {
        "PORT": environment["PORT"],
        "WANLLMDB_VAR_DIR": str(var),
        "DJANGO_SETTINGS_MODULE": "wanllmdb.settings",
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
    trust_proxies()


def trust_proxies() -> None:
    """Let the front believe what proxies before it say of their clients, and the web server what the front says."""
    default = "127.0.0.0/8 ::1" if os.environ.get("BEHIND_TLS_PROXY") else ""
    proxies = os.environ.get("TRUSTED_PROXIES", default).replace(",", " ").split()
    os.environ["FRONT_TRUSTED_PROXIES"] = " ".join(proxy for proxy in proxies if proxy != "unix")
    if "TRUSTED_PROXIES" in os.environ:
        os.environ["TRUSTED_PROXIES"] = ",".join(dict.fromkeys([*proxies, "unix"]))


def prepare(var: Path) -> child_processes.Process:
    """Make what the processes need. What is returned still waits for the store, which is one of them."""
    preparing = child_processes.start(var, "deploy.embedded.prepare", stdout=subprocess.PIPE)
    if preparing.stdout is None or preparing.stdout.readline() != "prepared\n":
        raise SystemExit(preparing.wait() or 1)  # It has said why.
    update_base_url(var)
    return preparing


def wait_until_it_serves(var: Path, preparing: child_processes.Process, supervisor: Supervisor) -> None:
    """It serves after this: the API answers with the database behind it, and the store works."""
    deadline = time.monotonic() + START_TIMEOUT
    while not (preparing.poll() == 0 and web_answers(os.environ["PORT"], var_directory.read_credentials(var))):
        if preparing.returncode:
            raise SystemExit(preparing.returncode)
        if supervisor.has_given_up:
            raise SystemExit(f"wanLLMDB did not start: see above, and {display_path(var / 'log')}.")
        if time.monotonic() > deadline:
            raise SystemExit(f"wanLLMDB does not answer after {START_TIMEOUT:.0f} s: see {display_path(var / 'log')}.")
        time.sleep(0.05)


def log_demo_data(var: Path, credentials: dict[str, str]) -> None:
    """Log the demo data once, as the first user. What was deleted since does not come back."""
    done = var / "demo-logged"
    if done.exists() or not credentials:
        return
    print_now("Logging a first project through the SDK …")
    url = f"http://127.0.0.1:{os.environ['PORT']}"
    settings = {"BASE_URL": url, "API_KEY": credentials["api_key"], "MODE": "online", "SILENT": "1"}
    environment = {f"WANLLMDB_{name}": value for name, value in settings.items()}
    demo = child_processes.start(var, "deploy.embedded.demo_data", environment=environment)
    if demo.wait() == 0:
        done.touch()
    else:
        print_now("That did not work; the next start tries again.")


def update_base_url(var: Path) -> None:
    """The port may be another one than last time; the file says where the server is now."""
    credentials = var_directory.read_credentials(var)
    if credentials and credentials["base_url"] != os.environ["BASE_URL"]:
        var_directory.write_credentials(var, credentials | {"base_url": os.environ["BASE_URL"]})


def web_answers(port: str, credentials: dict[str, str]) -> bool:
    headers = {"Authorization": f"Bearer {credentials.get('api_key', '')}"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/me", headers=headers)
    try:
        with OPENER.open(request, timeout=5):
            return True
    except urllib.error.HTTPError as refusal:
        return refusal.code < 500  # The key may have been revoked since: it serves all the same.
    except OSError:
        return False


def banner(var: Path, credentials: dict[str, str], seconds: float, *, with_secrets: bool) -> str:
    """Where to go, as whom, and what to try first. Later starts, whose output is kept in logs, tell no secrets."""
    lines = [f"wanLLMDB serves at {os.environ['BASE_URL']} (ready in {seconds:.1f} s, Ctrl-C stops it)"]
    file = display_path(var / "credentials.json")
    if credentials and with_secrets:
        lines += [
            "",
            f"  sign in   {credentials['username']}, password {credentials['password']}",
            f"  API key   {credentials['api_key']}",
            f"            both are kept in {file}, and not shown again",
            "",
            "  from Python, after `pip install .` in this directory:",
            "",
            "    import wanllmdb as wandb",
            f'    wandb.login("{credentials["api_key"]}", "{credentials["base_url"]}")',
            f'    wandb.Api().artifact("{credentials["username"]}/first-steps/houses:production").download()',
        ]
    elif credentials:
        lines += ["", f"  sign in as {credentials['username']}: password and API key are in {file}"]
    return "\n".join(lines) + "\n"


def display_path(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def print_now(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
