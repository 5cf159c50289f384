"""The verbs of runs: start, change, heartbeat, finish; and workers mark those whose heartbeat stopped as crashed."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts import errors, permissions
from accounts.actor import Actor
from accounts.models import Role
from projects import run_names
from projects.errors import RunEnded
from projects.models import Project, Run, State

# A run that says nothing for so long has crashed.
HEARTBEAT_GRACE = timedelta(minutes=5)
# Each try makes a collision a good deal less likely: the last number has nine digits.
_DIGITS = (2, 3, 5, 7, 9)


def start(actor: Actor, project: Project, *, name: str | None = None, **columns: Any) -> Run:
    """A new running run; without a name it gets one like `brisk-otter-12`.

    `columns` are those of `Run` that its owner fills in: display_name, config, tags, notes, job_type, group, host,
    git_commit, git_remote. Raises `NameTaken` for a name that another run of the project has.
    """
    permissions.require(actor, project.team, Role.EDITOR)
    if name:
        return _create(actor, project, name, columns)
    for digits in _DIGITS:
        try:
            return _create(actor, project, run_names.generate(digits), columns)
        except errors.NameTaken as error:
            taken = error
    raise taken


def update(actor: Actor, run: Run, **changes: Any) -> Run:
    """Change columns that its owner fills in; also after the run has finished."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    for column, value in changes.items():
        setattr(run, column, value)
    errors.check(run)
    run.save(update_fields=list(changes))
    return run


def heartbeat(actor: Actor, run: Run) -> Run:
    """Record that the script is alive; a crashed run is running again. Raises `RunEnded` for a finished one."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    open_run = Run.objects.open().filter(pk=run.pk)
    is_open = open_run.update(state=State.RUNNING, heartbeat_at=timezone.now())
    _reload(run)
    if not is_open:
        raise _ended(run)
    return run


def finish(actor: Actor, run: Run, state: State, summary: dict[str, Any] | None = None) -> Run:
    """Record how the run ended. The same state again changes nothing; another one raises `RunEnded`."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    if state == State.RUNNING:
        raise errors.Invalid("A run ends as finished, crashed or killed.")
    now = timezone.now()
    changes = {} if summary is None else {"summary": summary}
    open_run = Run.objects.open().filter(pk=run.pk)
    open_run.update(state=state, heartbeat_at=now, finished_at=now, **changes)
    _reload(run)
    if run.state != state:
        raise _ended(run)
    return run


def mark_crashed() -> int:
    """Mark runs without a heartbeat for longer than `HEARTBEAT_GRACE` as crashed; returns how many."""
    return Run.objects.stale(timezone.now() - HEARTBEAT_GRACE).update(state=State.CRASHED)


def _create(actor: Actor, project: Project, name: str, columns: dict[str, Any]) -> Run:
    run = Run(project=project, name=name, created_by=actor.user, **columns)
    errors.check(run)
    with errors.refuse(run_name_unique=errors.NameTaken(f"The project already has a run '{name}'.")):
        run.save(force_insert=True)
    return run


def _reload(run: Run) -> None:
    try:
        run.refresh_from_db(fields=["state", "summary", "heartbeat_at", "finished_at"])
    except Run.DoesNotExist as error:
        raise errors.Missing("The run has been deleted.") from error


def _ended(run: Run) -> RunEnded:
    return RunEnded(f"Run '{run.name}' has already ended: it is {run.state}.", state=run.state)
