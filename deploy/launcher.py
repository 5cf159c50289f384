"""Starts a stack, waits until it serves, says where, starts again what ends, and stops it all at the end."""

import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from deploy import child_processes, var_directory
from deploy.procfile import ROOT, Formation
from deploy.supervisor import Supervisor

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_TIMEOUT = 10.0
START_TIMEOUT = 120.0
# Celery's advice not to be root is for workers that unpickle what they are sent. Ours read JSON alone.
QUIET_ENVIRONMENT = {"LOG_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore:You're running the worker with superuser"}


class StopRequested(BaseException):
    """Somebody asked the launcher to end: Ctrl-C, SIGTERM, or a terminal that was closed."""


class Launcher:
    """A stack from its start to its end. What differs from one stack to another is in the subclasses."""

    command: str
    formation: Formation
    # Of the authority that signs the server's certificate, if the server has one.
    authority: Path | None = None

    def __init__(self, var: Path) -> None:
        self.var = Path(os.environ.get("WANLLMDB_VAR_DIR") or var).resolve()

    @property
    def local_url(self) -> str:
        """Where the front answers on this machine, by whatever name it is known elsewhere."""
        return f"http://127.0.0.1:{os.environ['PORT']}"

    def prepare_directory(self) -> None:
        var_directory.create(self.var)

    def prepare_environment(self, requested_port: str | None) -> dict[str, str]:
        return var_directory.prepare_environment(self.var, requested_port)

    def welcome(self, credentials: dict[str, str], *, is_first_start: bool) -> None:
        """Called once it serves."""

    def hints(self, credentials: dict[str, str]) -> list[str]:
        """Lines of the first banner: what to try first."""
        return []

    def main(self) -> None:
        os.umask(0o077)
        os.chdir(ROOT)
        hangup_is_ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as under `nohup`
        for signum in STOP_SIGNALS:
            signal.signal(signum, request_stop)
        if hangup_is_ignored:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            with var_directory.report_full_disk(self.var):
                self.prepare_directory()
                with var_directory.lock_var_dir(self.var):
                    try:
                        self.run()
                    finally:
                        ignore_stop_signals()
                        child_processes.terminate_all(self.var, STOP_TIMEOUT)
        except StopRequested:
            print_now(f"\nStopped. Everything is kept: `{self.command}` goes on from here.")

    def run(self) -> None:
        started_at = time.monotonic()
        child_processes.terminate_all(self.var, STOP_TIMEOUT)  # A launcher that was killed may have left some.
        is_first_start = not var_directory.read_credentials(self.var)
        set_environment(self.var, self.prepare_environment(os.environ.get("PORT")))
        supervisor = Supervisor(self.var, self.formation, print_now)
        try:
            preparing = prepare(self.var)
            supervisor.start_server()
            self.wait_until_it_serves(preparing, supervisor)
            ready_in = time.monotonic() - started_at
            credentials = var_directory.read_credentials(self.var)
            self.welcome(credentials, is_first_start=is_first_start)
            print_now(self.banner(credentials, ready_in, with_secrets=is_first_start))
            while True:
                supervisor.check()
                time.sleep(1)
        finally:
            ignore_stop_signals()
            supervisor.stop()

    def wait_until_it_serves(self, preparing: child_processes.Process, supervisor: Supervisor) -> None:
        """It serves after this: the API answers with the database behind it, and the store works."""
        deadline = time.monotonic() + START_TIMEOUT
        log = display_path(self.var / "log")
        while not (preparing.poll() == 0 and self.web_answers()):
            if preparing.returncode:
                raise SystemExit(preparing.returncode)
            if supervisor.has_given_up:
                raise SystemExit(f"wanLLMDB did not start: see above, and {log}.")
            if time.monotonic() > deadline:
                raise SystemExit(f"wanLLMDB does not answer after {START_TIMEOUT:.0f} s: see {log}.")
            supervisor.check()
            time.sleep(0.05)

    def web_answers(self) -> bool:
        headers = {"Authorization": f"Bearer {var_directory.read_credentials(self.var).get('api_key', '')}"}
        request = urllib.request.Request(f"{self.local_url}/api/v1/me", headers=headers)
        try:
            with opener(self.authority).open(request, timeout=5):
                return True
        except urllib.error.HTTPError as refusal:
            return refusal.code < 500  # The key may have been revoked since: it serves all the same.
        except OSError:  # Also while the authority is not there yet.
            return False

    def banner(self, credentials: dict[str, str], seconds: float, *, with_secrets: bool) -> str:
        """Where to go, as whom, and what to try first. Later starts, whose output is kept in logs, tell no secrets."""
        lines = [f"wanLLMDB serves at {os.environ['BASE_URL']} (ready in {seconds:.1f} s, Ctrl-C stops it)"]
        file = display_path(self.var / "credentials.json")
        if credentials and with_secrets:
            lines += [
                "",
                f"  sign in   {credentials['username']}, password {credentials['password']}",
                f"  API key   {credentials['api_key']}",
                f"            both are kept in {file}, and not shown again",
                "",
                *self.hints(credentials),
            ]
        elif credentials:
            lines += ["", f"  sign in as {credentials['username']}: password and API key are in {file}"]
        return "\n".join(lines) + "\n"


def opener(authority: Path | None = None) -> urllib.request.OpenerDirector:
    """To the server. Whatever proxy leads to the rest of the world, it does not lead to ourselves."""
    context = ssl.create_default_context(cafile=authority)
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))


def request_stop(signum: int, frame: FrameType | None) -> None:
    raise StopRequested


def ignore_stop_signals() -> None:
    """What is on its way down is not cut off by a second, impatient Ctrl-C."""
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


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
    preparing = child_processes.start(var, "deploy.prepare", stdout=subprocess.PIPE)
    if preparing.stdout is None or preparing.stdout.readline() != "prepared\n":
        raise SystemExit(preparing.wait() or 1)  # It has said why.
    update_base_url(var)
    return preparing


def update_base_url(var: Path) -> None:
    """The port may be another one than last time; the file says where the server is now."""
    credentials = var_directory.read_credentials(var)
    if credentials and credentials["base_url"] != os.environ["BASE_URL"]:
        var_directory.write_credentials(var, credentials | {"base_url": os.environ["BASE_URL"]})


def display_path(path: Path) -> str:
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def print_now(text: str) -> None:
    print(text, flush=True)
