"""The current run of the process: `init`, the module-level functions, `login`, and the end of the program."""

from __future__ import annotations

import atexit
import getpass
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any

from wanllmdb.sdk import environment, errors, settings
from wanllmdb.sdk.artifact import Artifact, StrPath
from wanllmdb.sdk.connection import Connection, connect
from wanllmdb.sdk.console import Console
from wanllmdb.sdk.host_environment import api_keys
from wanllmdb.sdk.http_client import Client
from wanllmdb.sdk.json_limits import fit
from wanllmdb.sdk.json_values import to_object
from wanllmdb.sdk.offline import run as offline_run
from wanllmdb.sdk.run import Run

# Shorter than usual: a program that ends should not hang.
RETRY_PERIOD_AT_EXIT = 10.0

_run: Run | None = None


def current_run() -> Run | None:
    """The run of this process, or None before `init` and after `finish`."""
    return _run if _run is not None and _run.state == "running" else None


def require_run(operation: str) -> Run:
    """The run of this process. Raises `NotInitialized`."""
    run = current_run()
    if run is None:
        raise errors.NotInitialized(f"wanllmdb.{operation} needs a run: call wanllmdb.init() first")
    return run


def init(
    project: str | None = None,
    entity: str | None = None,
    name: str | None = None,
    config: Mapping[str, Any] | object | None = None,
    tags: Sequence[str] | None = None,
    notes: str | None = None,
    job_type: str | None = None,
    group: str | None = None,
    reinit: bool = False,
    mode: str | None = None,
) -> Run:
    """Start a run. If one is active, `init` returns it; with `reinit` it ends that run and starts another.

    `project` is `team/project`, or `project` of the team `entity` or your own. If it does not exist, a private project
    is created. `config` is a mapping, or an object with fields, such as the result of argparse.
    `mode` is `online`, `offline` for a run that is kept on this machine until `wanllmdb sync` sends it, or `disabled`
    for a run that needs no server and stores nothing.
    Missing arguments come from the settings; the default project is `uncategorized`.
    Raises `AuthenticationError` without a key, `Denied`, `Unreachable`, `Invalid`, and offline `CacheError`.
    """
    global _run
    values = to_object(config, "config") if config is not None else {}
    active = current_run()
    if active is not None:
        if not reinit:
            return active
        active.finish()
    connection = connect(project=project, entity=entity, mode=mode)
    arguments = {
        "display_name": name,
        "config": fit(values)[0] if values else None,
        "tags": [tags] if isinstance(tags, str) else list(tags) if tags is not None else None,
        "notes": notes,
        "job_type": job_type,
        "group": group,
    }
    fields = {field: value for field, value in arguments.items() if value is not None}
    project = connection.settings.project or "uncategorized"
    # Without an entity the server chooses the user's own team.
    project = connection.full_project(project) if connection.settings.entity else project
    _run = _start(connection, project, fields)
    if values:
        _run.config.update(values)  # also what the server does not take
    _install_exit_hooks()
    if _run.is_online:
        connection.console.info(f"Run {_run.name!r} of {_run.entity}/{_run.project}: {_run.url}")
    return _run


def _start(connection: Connection, project: str, fields: dict[str, Any]) -> Run:
    if connection.settings.mode == "offline":
        return offline_run.start(connection, project, fields)
    if connection.settings.mode == "disabled":
        nobodys = {"id": "disabled", "name": "disabled"}
        project = project if "/" in project else f"nobody/{project}"
        return Run(connection, offline_run.blank_record(project, fields) | nobodys)
    return Run(connection, connection.client.post("/runs", {"project": project, **environment.collect(), **fields}))


def finish(exit_code: int = 0) -> None:
    """End the run of this process, if there is one; see `Run.finish`."""
    global _run
    ended, _run = _run, None
    if ended is not None:
        ended.finish(exit_code)


def log(data: Mapping[str, Any], step: int | None = None) -> None:
    """See `Run.log`. Raises `NotInitialized`."""
    require_run("log").log(data, step)


def log_artifact(
    artifact_or_path: Artifact | StrPath,
    name: str | None = None,
    type: str | None = None,
    aliases: str | Iterable[str] | None = None,
    tags: str | Iterable[str] | None = None,
) -> Artifact:
    """See `Run.log_artifact`. Raises `NotInitialized`."""
    return require_run("log_artifact").log_artifact(artifact_or_path, name, type, aliases, tags)


def use_artifact(
    name_or_artifact: str | Artifact,
    type: str | None = None,
    alias: str | None = None,
    version: str | int | None = None,
    at: str | datetime | None = None,
) -> Artifact:
    """See `Run.use_artifact`. Raises `NotInitialized`."""
    return require_run("use_artifact").use_artifact(name_or_artifact, type, alias, version, at)


def login(key: str | None = None, base_url: str | None = None, relogin: bool = False) -> bool:
    """Check an API key with the server, and store it in the config file. Returns True, or raises.

    Without `key` the current one is checked; if there is none, or with `relogin`, the terminal prompts for it.
    Where the config file cannot be written, there is a warning, and this process has the key.
    Raises `AuthenticationError` if the server rejects the key, or if there is none and no terminal.
    """
    key = api_keys.clean(key)  # from here on, no traceback shows it
    try:
        sign_in(key, base_url, relogin)
    except settings.KeyNotStored as error:
        Console().warning(f"{error}. Until then only this process has it")
    return True


def sign_in(key: str | None, base_url: str | None, relogin: bool) -> dict[str, Any]:
    """`login`, returning the response of `/me` and the `base_url`. Raises `KeyNotStored` where that is the case."""
    current = settings.load(base_url=base_url, api_key=key)
    is_new = key is not None
    if key is None and (current.api_key is None or relogin):
        if not sys.stdin or not sys.stdin.isatty():
            raise errors.AuthenticationError(f"No API key for {current.base_url}: pass one, or set WANLLMDB_API_KEY")
        is_new = True
        typed = api_keys.clean(getpass.getpass(f"API key for {current.base_url}: "))
        current = settings.load(base_url=base_url, api_key=typed)
    viewer = Client(current.base_url, current.api_key).get("/me")
    if is_new and current.api_key:
        settings.store_key(current.base_url, current.api_key)
    return {"base_url": current.base_url, **viewer}


# --- The end of the program -------------------------------------------------------------------------------------------

_hooks_installed = False
_end_run: Callable[[Run], object] = Run.finish


def _install_exit_hooks() -> None:
    """Called with the first run: end the run with the program, in the state in which the program ends."""
    global _hooks_installed
    if _hooks_installed:
        return
    _hooks_installed = True
    atexit.register(_end_at_exit)
    sys.excepthook = _wrap_excepthook(sys.excepthook)
    sys.exit = _wrap_exit(sys.exit)


def _wrap_excepthook(original: Callable[..., Any]) -> Callable[..., Any]:
    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _end_run
        _end_run = Run.kill if issubclass(kind, KeyboardInterrupt) else _end_as_crashed
        original(kind, error, trace)

    return excepthook


def _wrap_exit(original: Callable[..., Any]) -> Callable[..., Any]:
    # No hook is called for a SystemExit: only here the status of `sys.exit(1)` is known.
    def exit(status: Any = None, /) -> Any:
        global _end_run
        _end_run = Run.finish if status is None or status == 0 else _end_as_crashed
        return original(status)

    return exit


def _end_as_crashed(run: Run) -> None:
    run.finish(1)


def _end_at_exit() -> None:
    global _run
    run, _run = _run, None
    if run is None:
        return
    try:
        if run.is_online:
            run._connection.client.retry_period = RETRY_PERIOD_AT_EXIT
        _end_run(run)
    except errors.WanLLMDBError as error:
        run._connection.console.warning(f"could not report the end of the run: {error}")
