"""The current run of the process: `init`, the module-level functions, and the end of the program."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from wanllmdb.sdk import errors, process_end, provenance, run_settings, timestamps, wandb_names
from wanllmdb.sdk.arguments import AlertLevel, checked
from wanllmdb.sdk.artifact import Artifact, StrPath
from wanllmdb.sdk.connection import Connection, connect
from wanllmdb.sdk.json_limits import fit
from wanllmdb.sdk.json_values import to_jsonable, to_object
from wanllmdb.sdk.lineage import usages
from wanllmdb.sdk.local_files import absolute_path
from wanllmdb.sdk.metrics import Metric
from wanllmdb.sdk.offline import run as offline_run
from wanllmdb.sdk.progress import ProgressCallback
from wanllmdb.sdk.resumption import Unfinished
from wanllmdb.sdk.run import Run
from wanllmdb.sdk.run_artifacts import RunArtifacts
from wanllmdb.sdk.run_settings import Settings
from wanllmdb.sdk.stored_run import find_run
from wanllmdb.sdk.validators import validate_tags

# Shorter than usual: a program that ends should not hang.
RETRY_PERIOD_AT_EXIT = 10.0

_run: Run | None = None
_runs_beside: list[Run] = []
"""Those that `init(reinit="create_new")` has started."""


def current_run() -> Run | None:
    """The run of this process, or None before `init` and after `finish`."""
    return _run if _run is not None and _run.state == "running" else None


def _current_artifacts() -> RunArtifacts | None:
    run = current_run()
    return None if run is None else run._artifacts


usages.set_active(_current_artifacts)


def require_run(operation: str) -> Run:
    """The run of this process. Raises `NotInitialized`."""
    run = current_run()
    if run is None:
        raise errors.NotInitialized(f"wanllmdb.{operation} needs a run: call wanllmdb.init() first")
    return run


@checked(ignored=wandb_names.INIT, leaves=("notes",))
def init(
    project: str | None = None,
    entity: str | None = None,
    name: str | None = None,
    config: Mapping[str, Any] | object | None = None,
    tags: str | Sequence[str] | None = None,
    notes: str | None = None,
    job_type: str | None = None,
    group: str | None = None,
    reinit: bool | str | None = None,
    mode: str | None = None,
    id: str | None = None,
    resume: str | bool | None = None,
    *,
    dir: StrPath | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
) -> Run:
    """Start a run. If one is active, `init` returns it; with `reinit` it ends that run and starts another.

    `project` is `team/project`, or `project` of the team `entity` or your own. If it does not exist, a private project
    is created. `config` is a mapping, or an object with fields, such as the result of argparse; of its keys those of
    `config_include_keys` are taken, or all but those of `config_exclude_keys`.
    `id` names the run for `resume`: it is the `id` of a run, or a name of your own, which no other run of the project
    has. With `resume="allow"` the run of this id goes on if there is one; with `"must"` it is an error if there is
    none, with `"never"`, the default, if there is one. `"auto"`, the same as True, is `"allow"`, and without an id goes
    on with the last run that was begun so in this directory and project, unless that has finished. Config, summary
    and history are kept; `config` is added.
    `reinit` can be `"return_previous"`, the default, `"finish_previous"`, the same as True, or `"create_new"`, which
    starts a run beside the active one that only the caller has.
    `mode` is `online`, `offline` for a run that is kept on this machine until `wanllmdb sync` sends it, or `disabled`
    for a run that needs no server and stores nothing.
    `dir` is where `Run.dir` lies. `settings` are more arguments, by the names of `wandb.Settings`.
    Missing arguments come from the settings; the default project is `uncategorized`. Other arguments of `wandb.init`
    do nothing, and a warning says so.
    Raises `AuthenticationError` without a key, `Denied`, `Unreachable`, `Invalid`, and offline `CacheError`.
    """
    values = _select(config, config_include_keys, config_exclude_keys)
    arguments = run_settings.merge(
        settings, project=project, entity=entity, mode=mode, name=name, tags=tags, notes=notes, job_type=job_type,
        group=group, reinit=reinit, id=id, resume=resume, dir=dir,
    )  # fmt: skip
    return _init(values, **arguments)


def _init(
    values: dict[str, Any],
    *,
    name: str | None,
    tags: str | Sequence[str] | None,
    notes: str | None,
    job_type: str | None,
    group: str | None,
    reinit: bool | str | None,
    id: str | None,
    resume: str | bool | None,
    dir: StrPath | None,
    console: str | None = None,
    **arguments: Any,
) -> Run:
    """`init` with the values of the config and what its settings add: of the connection, and of where the run is."""
    global _run
    identity = _identity(id, resume)
    is_beside = reinit == "create_new"
    active = None if is_beside else current_run()
    if active is not None:
        if not _ends_active(reinit):
            return active
        active.finish()
    origin: dict[str, Any] = {
        name: arguments.pop(name) for name in ("host", "git_commit", "git_remote") if name in arguments
    }
    connection = connect(**arguments)
    texts: dict[str, Any] = {"display_name": name, "notes": notes, "job_type": job_type, "group": group, **origin}
    fields = {field: to_jsonable(value) for field, value in texts.items() if value is not None}
    if values:
        fields["config"] = fit(values)[0]
    if tags is not None:
        fields["tags"] = validate_tags(tags)
    project = connection.settings.project or "uncategorized"
    # Without an entity the server chooses the user's own team.
    project = connection.full_project(project) if connection.settings.entity else project
    unfinished = Unfinished(connection.settings, project) if identity["resume"] == "allow" and id is None else None
    if unfinished is not None:
        identity["name"] = unfinished.id()
    run = _start(connection, {"project": project, **identity, **fields})
    run._unfinished = unfinished
    run._parent_dir = None if dir is None else absolute_path(dir)
    if values:
        run.config.update(values)  # also what the server does not take
    if is_beside:
        _runs_beside.append(run)
    else:
        _run = run
    _end_with_process()
    if run._updates is not None and console != "off":
        run._updates.capture_console()
    if run.is_online:
        verb = "Resuming run" if run.resumed else "Run"
        connection.console.info(f"{verb} {run.name!r} of {run.entity}/{run.project}: {run.url}")
    return run


def _select(config: object, included: Sequence[str] | None, excluded: Sequence[str] | None) -> dict[str, Any]:
    """What of the config is taken. Raises `Invalid`."""
    values = to_object(config, "config") if config is not None else {}
    if included and excluded:
        raise errors.Invalid("init: pass config_include_keys or config_exclude_keys, not both")
    chosen = set(included or values) - set(excluded or ())
    return {name: value for name, value in values.items() if name in chosen}


def _ends_active(reinit: bool | str | None) -> bool:
    if isinstance(reinit, str) and reinit not in ("default", "return_previous", "finish_previous"):
        raise errors.Invalid(
            f"init: reinit takes True, False, 'return_previous', 'finish_previous' or 'create_new', not {reinit!r}"
        )
    return reinit == "finish_previous" if isinstance(reinit, str) else bool(reinit)


def _start(connection: Connection, fields: dict[str, Any]) -> Run:
    if connection.settings.mode == "offline":
        return offline_run.start(connection, fields)
    if connection.settings.mode == "disabled":
        nobodys = {"id": "disabled", "name": "disabled"}
        project = fields["project"] if "/" in fields["project"] else f"nobody/{fields['project']}"
        times = {"started_at": timestamps.now()}
        return Run(connection, {**offline_run.BLANK_RECORD, **times, **fields, **nobodys, "project_name": project})
    # A request that is repeated, because its response was lost, starts one run.
    return Run(connection, connection.client.post("/runs", {**provenance.collect(), **fields}, idempotent=True))


def _identity(run_id: str | None, resume: str | bool | None) -> dict[str, Any]:
    """What says which run is started or resumed. Raises `Invalid`."""
    is_auto = resume is True or resume == "auto"
    mode = "allow" if is_auto else resume or "never"
    if mode not in ("never", "allow", "must"):
        raise errors.Invalid(f'resume takes "allow", "must", "never" or "auto", not {resume!r}')
    if run_id is not None and (not isinstance(run_id, str) or not run_id):
        raise errors.Invalid(f"id takes the id of a run or a name of your own, not {run_id!r}")
    if run_id is None and mode != "never" and not is_auto:
        raise errors.Invalid(f'resume={resume!r} needs the id of the run: init(id=…, resume="{mode}")')
    identity: dict[str, Any] = {"idempotency_key": str(uuid4()), "resume": mode}
    return identity if run_id is None else {**identity, "name": run_id}


@checked(ignored=wandb_names.FINISH)
def finish(exit_code: int | None = None) -> None:
    """End the run of this process, if there is one; see `Run.finish`."""
    global _run
    ended, _run = _run, None
    if ended is not None:
        ended.finish(exit_code)


@checked()
def setup(settings: Settings | Mapping[str, Any] | None = None) -> None:
    """Check the settings, as `wandb.setup` does: `init` needs no preparation. Raises `Invalid`."""
    run_settings.merge(settings)


def teardown(exit_code: int | None = None) -> None:
    """The same as `finish`, for all runs of this process."""
    beside = [*_runs_beside]
    _runs_beside.clear()
    for run in beside:
        run.finish(exit_code)
    finish(exit_code)


@checked(ignored=wandb_names.LOG)
def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """See `Run.log`. Raises `NotInitialized`."""
    require_run("log").log(data, step, commit)


@checked()
def log_artifact(
    artifact_or_path: Artifact | StrPath,
    name: str | None = None,
    type: str | None = None,
    aliases: str | Iterable[str] | None = None,
    tags: str | Iterable[str] | None = None,
    exclude: StrPath | Iterable[StrPath] | None = None,
    wait: bool = True,
    progress: ProgressCallback | None = None,
) -> Artifact:
    """See `Run.log_artifact`. Raises `NotInitialized`."""
    return require_run("log_artifact").log_artifact(
        *(artifact_or_path, name, type, aliases, tags, exclude, wait, progress)
    )


@checked(ignored=wandb_names.SAVE)
def save(glob_str: StrPath, base_path: StrPath | None = None, policy: str = "live") -> list[str]:
    """See `Run.save`. Raises `NotInitialized`."""
    return require_run("save").save(glob_str, base_path, policy)


@checked()
def restore(name: str, run_path: str | None = None, replace: bool = False, root: StrPath | None = None) -> TextIO:
    """Download a file that a run kept with `save`, by default the current run, and open it for reading as text.

    It goes to its path below `root`, by default the `dir` of the current run, or else the working directory. If there
    is a file, that is opened, unless it is to be replaced. Raises `NotFound`, `NotInitialized`.
    """
    run = current_run()
    if run_path is None:
        run_path = require_run("restore").path
    connection = run._connection if run is not None else connect()
    target = root if root is not None else run.dir if run is not None else "."
    path = find_run(connection, run_path).file(name).download(target, replace, exist_ok=True)
    return Path(path).open(encoding="utf-8")


@checked(ignored=wandb_names.USE_ARTIFACT, renamed={"artifact_or_name": "name_or_artifact"})
def use_artifact(
    name_or_artifact: str | Artifact,
    type: str | None = None,
    alias: str | None = None,
    version: str | int | None = None,
    at: str | datetime | None = None,
) -> Artifact:
    """See `Run.use_artifact`. Raises `NotInitialized`."""
    return require_run("use_artifact").use_artifact(name_or_artifact, type, alias, version, at)


def log_model(path: StrPath, name: str | None = None, aliases: str | Iterable[str] | None = None) -> Artifact:
    """See `Run.log_model`. Raises `NotInitialized`."""
    return require_run("log_model").log_model(path, name, aliases)


def link_model(
    path: StrPath,
    registered_model_name: str,
    name: str | None = None,
    aliases: str | Iterable[str] | None = None,
) -> Artifact:
    """See `Run.link_model`. Raises `NotInitialized`."""
    return require_run("link_model").link_model(path, registered_model_name, name, aliases)


def use_model(name: str) -> str:
    """See `Run.use_model`. Raises `NotInitialized`."""
    return require_run("use_model").use_model(name)


def define_metric(
    name: str,
    step_metric: str | Metric | None = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | Sequence[str] | None = None,
    goal: str | None = None,
    overwrite: bool | None = None,
) -> Metric:
    """See `Run.define_metric`. Raises `NotInitialized`."""
    run = require_run("define_metric")
    return run.define_metric(name, step_metric, step_sync, hidden, summary, goal, overwrite)


def watch(models: Any, *args: Any, **kwargs: Any) -> None:
    """Does nothing but say so."""
    require_run("watch").watch(models)


def unwatch(models: Any = None) -> None:
    """Does nothing: no model is watched."""


def alert(
    title: str,
    text: str = "",
    level: str | AlertLevel | None = None,
    wait_duration: float | timedelta | None = None,
) -> None:
    """See `Run.alert`. Raises `NotInitialized`."""
    require_run("alert").alert(title, text, level, wait_duration)


def mark_preempting() -> None:
    """Does nothing but say so."""
    require_run("mark_preempting").mark_preempting()


# --- The end of the program -------------------------------------------------------------------------------------------

_hooked_in = 0


def _end_with_process() -> None:
    """Called with each run: end the run with the program, in the state in which the program ends."""
    global _hooked_in
    if _hooked_in == os.getpid():
        return
    if not _hooked_in and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_continue_in_fork)
    _hooked_in = os.getpid()
    process_end.call_at_end(_end_at_exit)


def _continue_in_fork() -> None:
    for run in (current_run(), *_runs_beside):
        if run is not None:
            run._continue_in_fork()


def _end_at_exit(outcome: process_end.Outcome) -> None:
    global _run
    runs, _run = [*_runs_beside, _run], None
    _runs_beside.clear()
    for run in runs:
        if run is not None:
            if run.is_online:
                run._connection.client.retry_period = RETRY_PERIOD_AT_EXIT
            run._end(outcome)
