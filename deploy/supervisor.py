"""The supervisor of a stack's processes: supervisord, which starts each again when it ends, and what it reports.

Its control socket is in the stack's runtime directory, which no other account may enter.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from deploy import child_processes, private_file
from deploy.procfile import Formation

# How long supervisord waits for a process that it has told to stop.
STOP_SECONDS = 6
# A process that ended is started at once. One that ends within this time waits a second longer each time, five times.
# After that supervisord gives up, and `Supervisor.check` starts it again after GIVEN_UP_SECONDS, for ever.
START_SECONDS = 10
RETRIES = 5
GIVEN_UP_SECONDS = 15.0
# The pause before supervisord itself is started again doubles from one second to this, since all that it starts takes
# time too, and begins anew once it ran for so long.
MAX_PAUSE_SECONDS, STABLE_SECONDS = 5.0, 60.0
# The groups of processes. `data` is started first and stopped last.
DATA, SERVER = "data", "server"
ANSWERS_WITHIN = 15.0
# Where it does not answer, or refuses since the process has been started meanwhile.
_REFUSALS = (OSError, Error, HTTPException)

# Paths are taken from the environment, so that nothing has to be quoted.
_CONFIG = """\
[unix_http_server]
file = %(ENV_WANLLMDB_RUN_DIR)s/supervisor.sock
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
nodaemon = true
silent = true
logfile = %(ENV_WANLLMDB_VAR_DIR)s/log/supervisord.log
logfile_maxbytes = 4MB
logfile_backups = 1
pidfile = %(ENV_WANLLMDB_RUN_DIR)s/supervisord.pid
"""
_PROGRAM = f"""\
[program:{{name}}]
command = python -m deploy.process {{name}} {{procfiles}}
autostart = {{autostart}}
autorestart = true
startsecs = {START_SECONDS}
startretries = {RETRIES}
stopwaitsecs = {STOP_SECONDS}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = /dev/stdout
stdout_logfile_maxbytes = 0
"""
_GROUP = """\
[group:{name}]
programs = {programs}
priority = {priority}
"""


class Supervisor:
    """The running supervisord of one stack. `report` is called with each line that people should read.

    At first it runs what keeps data; `start_server` adds the others, which need that.
    """

    def __init__(self, var: Path, formation: Formation, report: Callable[[str], None]) -> None:
        self._var, self._formation, self._report = var, formation, report
        self._with_server = False
        self._pids: dict[str, int] = {}
        self._missing: dict[str, float] = {}
        self._restarts = 0
        self._start()

    def _start(self) -> None:
        self._started_at = time.monotonic()
        run = Path(os.environ["WANLLMDB_RUN_DIR"])
        private_file.write(run / "supervisord.conf", config(self._formation, with_server=self._with_server))
        self._proxy = ServerProxy("http://127.0.0.1", SupervisorTransport(serverurl=f"unix://{run}/supervisor.sock"))
        arguments = ["supervisor.supervisord", "-c", str(run / "supervisord.conf")]
        self._process = child_processes.start(self._var, *arguments, stdout=subprocess.PIPE)
        threading.Thread(target=self._print_output, args=(self._process,), daemon=True).start()

    def _print_output(self, process: child_processes.Process) -> None:
        """supervisord opens its output by name. That works with a pipe, and not with every file or socket."""
        for line in process.stdout or ():
            self._report(line.rstrip("\n"))

    def start_server(self) -> None:
        """Start what does not keep data."""
        self._with_server = True
        deadline = time.monotonic() + ANSWERS_WITHIN
        while not self._rows():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The supervisor does not answer: see {self._var / 'log'}.")
            time.sleep(0.02)
        self._proxy.supervisor.startProcessGroup(SERVER, False)

    @property
    def has_given_up(self) -> bool:
        """Whether something does not start at all."""
        return self._process.poll() is not None or any(row["statename"] == "FATAL" for row in self._rows())

    def check(self) -> None:
        """Report what ended and what runs again, and start what supervisord has given up. To be called every second."""
        if self._process.poll() is not None:
            self._restart()
        for row in self._rows():
            self._check_process(row)

    def _check_process(self, row: dict[str, Any]) -> None:
        name, pid, state = row["name"], row["pid"], row["statename"]
        if pid and self._pids.setdefault(name, pid) == pid and name not in self._missing:
            return
        if name not in self._pids:
            return  # It has not been started yet.
        if name not in self._missing:
            self._report(f"The process `{name}` ended unexpectedly: it is started again.")
        since = self._missing.setdefault(name, time.monotonic())
        if state == "RUNNING":
            self._pids[name] = pid
            del self._missing[name]
            self._report(f"The process `{name}` runs again.")
        elif state == "FATAL" and time.monotonic() - since > GIVEN_UP_SECONDS:
            self._missing[name] = time.monotonic()
            with suppress(*_REFUSALS):
                self._proxy.supervisor.startProcess(f"{row['group']}:{name}", False)

    def _restart(self) -> None:
        ran_long = time.monotonic() - self._started_at > STABLE_SECONDS
        self._restarts = 1 if ran_long else self._restarts + 1
        pause = min(2.0 ** (self._restarts - 1), MAX_PAUSE_SECONDS)
        self._report(f"The supervisor ended unexpectedly: everything is started again in {pause:.0f} s.")
        child_processes.terminate_all(self._var, STOP_SECONDS)
        time.sleep(pause)
        self._pids.clear()
        self._missing.clear()
        self._start()

    def stop(self) -> None:
        """Have supervisord stop all processes in order, and end."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2 * STOP_SECONDS)

    def _rows(self) -> list[dict[str, Any]]:
        """What supervisord says of each process; nothing while it does not answer."""
        try:
            return self._proxy.supervisor.getAllProcessInfo()
        except _REFUSALS:
            self._proxy("close")()  # A connection that failed once is of no more use.
            return []


def config(formation: Formation, *, with_server: bool) -> str:
    groups = {DATA: list(formation.data), SERVER: [name for name in formation.names if name not in formation.data]}
    procfiles = " ".join(formation.procfiles)
    parts = [_CONFIG + ("user = root\n" if os.getuid() == 0 else "")]  # It asks whether that is meant.
    for priority, (group, names) in enumerate(groups.items(), start=1):
        autostart = str(with_server or group == DATA).lower()
        parts += [_PROGRAM.format(name=name, procfiles=procfiles, autostart=autostart) for name in names]
        parts.append(_GROUP.format(name=group, programs=",".join(names), priority=priority))
    return "\n".join(parts)
