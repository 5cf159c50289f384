"""The one run that a program has at a time: begun by `init`, meant by the module's own functions, ended with the
program if nobody ends it before."""

from __future__ import annotations

import atexit
import getpass
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Any

from wanllmdb.sdk import connection, environment, errors, json_values, settings
from wanllmdb.sdk.artifact import Artifact, StrPath
from wanllmdb.sdk.client import Client
from wanllmdb.sdk.run import Run

# At the end of a program nobody waits as long as in its middle.
PATIENCE_AT_EXIT = 10.0

_run: Run | None = None


def current() -> Run | None:
    """The run of this process, or None before `init` and after `finish`."""
    return _run if _run is not None and _run.state == "running" else None


def needed(act: str) -> Run:
    """The run of this process. Raises `NotInitialized`."""
    run = current()
    if run is None:
        raise errors.NotInitialized(f"wanllmdb.{act} needs a run: call wanllmdb.init() first")
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
    """Begin a run. While one is under way, `init` returns that one; with `reinit` it ends it and begins another.

    `project` is `project`, of the team `entity` or your own, or `team/project`; one that does not exist is made,
    private. `config` is a mapping, or an object whose attributes are meant, such as what argparse makes.
    `mode` is `online`, or `disabled` for a run that works without a server and keeps nothing.
    What is not given comes from the settings; without any project the name is `uncategorized`.
    Raises `AuthenticationError` without a key, `Denied`, `Unreachable`, `Invalid`.
    """
    global _run
    under_way = current()
    if under_way is not None:
        if not reinit:
            return under_way
        under_way.finish()
    joined = connection.connect(project=project, entity=entity, mode=mode)
    wanted = {
        "display_name": name,
        "config": json_values.plain(config if isinstance(config, Mapping) else vars(config))
        if config is not None
        else None,
        "tags": [tags] if isinstance(tags, str) else list(tags) if tags is not None else None,
        "notes": notes,
        "job_type": job_type,
        "group": group,
    }
    about = {field: value for field, value in wanted.items() if value is not None}
    chosen = joined.settings.project or "uncategorized"
    if joined.settings.mode == "disabled":
        record: dict[str, Any] = _pretended(chosen, about)
    else:
        full = joined.full_project(chosen) if joined.settings.entity else chosen
        record = joined.client.post("/runs", {"project": full, **environment.here(), **about})
    _run = Run(joined, record)
    _watch_the_end()
    if _run.is_online:
        joined.console.say(f"Run {_run.name!r} of {record['project_name']}: {_run.url}")
    return _run


def _pretended(project: str, about: dict[str, Any]) -> dict[str, Any]:
    """A run that no server knows."""
    blank = {"config": {}, "summary": {}, "tags": [], "notes": "", "job_type": "", "group": "", "display_name": ""}
    place = project if "/" in project else f"nobody/{project}"
    return {
        **blank,
        "id": "disabled",
        "name": "disabled",
        "project_name": place,
        "state": "running",
        "url": None,
        **about,
    }


def finish(exit_code: int = 0) -> None:
    """End the run of this process, if there is one; see `Run.finish`."""
    global _run
    ended, _run = _run, None
    if ended is not None:
        ended.finish(exit_code)


def log(data: Mapping[str, Any], step: int | None = None) -> None:
    """See `Run.log`. Raises `NotInitialized`."""
    needed("log").log(data, step)


def log_artifact(
    artifact_or_path: Artifact | StrPath,
    name: str | None = None,
    type: str | None = None,
    aliases: str | Iterable[str] | None = None,
    tags: str | Iterable[str] | None = None,
) -> Artifact:
    """See `Run.log_artifact`. Raises `NotInitialized`."""
    return needed("log_artifact").log_artifact(artifact_or_path, name, type, aliases, tags)


def use_artifact(
    name_or_artifact: str | Artifact,
    type: str | None = None,
    alias: str | None = None,
    version: str | int | None = None,
    at: str | datetime | None = None,
) -> Artifact:
    """See `Run.use_artifact`. Raises `NotInitialized`."""
    return needed("use_artifact").use_artifact(name_or_artifact, type, alias, version, at)


def login(key: str | None = None, base_url: str | None = None, relogin: bool = False) -> bool:
    """Keep an API key for a server in the config file, once the server has taken it. True, or an exception.

    Without `key` the one in force is checked; where there is none, or with `relogin`, the terminal is asked.
    Raises `AuthenticationError` for a key that is not taken, or none where there is no terminal.
    """
    return bool(sign_in(key, base_url, relogin))


def sign_in(key: str | None, base_url: str | None, relogin: bool) -> dict[str, Any]:
    """What `login` does. Answers whose key it is, as `/me` does, and the `base_url`."""
    found = settings.load(base_url=base_url, api_key=key)
    if key is None and (found.api_key is None or relogin):
        if not sys.stdin or not sys.stdin.isatty():
            raise errors.AuthenticationError(f"No API key for {found.base_url}: pass one, or set WANLLMDB_API_KEY")
        key = getpass.getpass(f"API key for {found.base_url}: ").strip()
        found = replace(found, api_key=key)
    viewer = Client(found.base_url, found.api_key).get("/me")
    if key is not None:
        settings.remember_key(found.base_url, key)
    return {"base_url": found.base_url, **viewer}


# --- The end of the program -------------------------------------------------------------------------------------------

_is_watched = False
_ending: Callable[[Run], object] = Run.finish


def _watch_the_end() -> None:
    """Installed with the first run: learn how the program ends, and say so."""
    global _is_watched
    if _is_watched:
        return
    _is_watched = True
    atexit.register(_end_with_program)
    sys.excepthook = _noting_crash(sys.excepthook)
    sys.exit = _noting_exit(sys.exit)


def _noting_crash(hook: Callable[..., Any]) -> Callable[..., Any]:
    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _ending
        _ending = Run.kill if issubclass(kind, KeyboardInterrupt) else _crash
        hook(kind, error, trace)

    return excepthook


def _noting_exit(leave: Callable[..., Any]) -> Callable[..., Any]:
    # A SystemExit reaches no hook: this is the only place that learns of `sys.exit(1)`.
    def exit(status: Any = None, /) -> Any:
        global _ending
        _ending = Run.finish if status is None or status == 0 else _crash
        return leave(status)

    return exit


def _crash(run: Run) -> None:
    run.finish(1)


def _end_with_program() -> None:
    global _run
    run, _run = _run, None
    if run is None:
        return
    try:
        if run.is_online:
            run._connection.client.patience = PATIENCE_AT_EXIT
        _ending(run)
    except errors.WanLLMDBError as error:
        run._connection.console.warn(f"the end of the run could not be reported: {error}")
