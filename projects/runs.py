"""The verbs of runs: start, resume, change, heartbeat, stop, finish, delete.

Workers mark those whose heartbeat stopped as crashed.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.dispatch import Signal
from django.utils import timezone

from accounts import errors, permissions
from accounts.actor import Actor
from accounts.models import Role
from projects import run_columns, run_names
from projects.errors import RunEnded
from projects.models import Project, Resume, Run, RunEnvironment, State

# A run that says nothing for so long has crashed.
HEARTBEAT_GRACE = timedelta(minutes=5)
# Sent with `run`, in the same transaction, where its summary is written without saving the run.
summary_changed = Signal()
# Each try makes a collision a good deal less likely: the last number has nine digits.
_DIGITS = (2, 3, 5, 7, 9)


_ENDS = (State.FINISHED, State.FAILED, State.CRASHED, State.KILLED)


# What `update_state` does: from which states a run gets there.
_TRANSITIONS = {
    State.PENDING: (State.RUNNING, State.FAILED, State.CRASHED, State.PREEMPTED),
    State.FAILED: (State.PENDING, State.RUNNING),
}
_CHANGED_BY_STATE = ["state", "summary", "heartbeat_at", "finished_at", "exit_code", "error", "stop_requested"]


class Started(NamedTuple):
    """A run, and whether it is a new one."""

    run: Run
    created: bool


def start(
    actor: Actor, project: Project, *, name: str | None = None, idempotency_key: UUID | None = None, **columns: Any
) -> Run:
    """A new running run; without a name it gets one like `brisk-otter-12`.

    `columns` are those of `Run` that its owner fills in: display_name, config, tags, notes, job_type, group, host,
    git_commit, git_remote; and `started_at`, for a run that is only told of now. Raises `NameTaken` for a name that
    another run of the project has.
    The same `idempotency_key` again returns the run that it started.
    """
    permissions.require(actor, project.team, Role.EDITOR)
    if run := _started_before(actor, project, idempotency_key):
        return run
    columns["idempotency_key"] = idempotency_key
    if name:
        return _create(actor, project, name, columns)
    for digits in _DIGITS:
        try:
            return _create(actor, project, run_names.generate(digits), columns)
        except errors.NameTaken as error:
            taken = error
    raise taken


def start_or_resume(
    actor: Actor,
    project: Project,
    *,
    name: str | None = None,
    resume: Resume = Resume.NEVER,
    idempotency_key: UUID | None = None,
    environment: dict[str, Any] | None = None,
    **columns: Any,
) -> Started:
    """`start`, or with `resume` go on with the run of that name or id.

    `environment` has the columns of `RunEnvironment`, which replace those of a run that goes on.
    Raises `Invalid` without a name to resume, `Missing` if there must be a run and is none, and what `start` raises.
    """
    started = _start_or_resume(actor, project, name, resume, idempotency_key, columns)
    if environment:
        describe_environment(actor, started.run, **environment)
    return started


def _start_or_resume(
    actor: Actor,
    project: Project,
    name: str | None,
    resume: Resume,
    idempotency_key: UUID | None,
    columns: dict[str, Any],
) -> Started:
    permissions.require(actor, project.team, Role.EDITOR)
    if run := _started_before(actor, project, idempotency_key):
        return Started(run, True)
    if resume == Resume.NEVER:
        return Started(start(actor, project, name=name, idempotency_key=idempotency_key, **columns), True)
    if not name:
        raise errors.Invalid("Resuming needs the name or id of the run.")
    if run := Run.objects.called(project, name):
        return Started(_resume(actor, run, columns), False)
    if resume == Resume.MUST:
        raise errors.Missing(f"Project '{project.full_name}' has no run '{name}' to resume.")
    try:
        return Started(start(actor, project, name=name, idempotency_key=idempotency_key, **columns), True)
    except errors.NameTaken:
        # Another process has started it in the meantime.
        return Started(_resume(actor, project.runs.get(name=name), columns), False)


@transaction.atomic
def _resume(actor: Actor, run: Run, columns: dict[str, Any]) -> Run:
    """Let the run go on, whatever its state: its config and summary are kept, new values are added to the config."""
    run = _lock(run)
    columns.pop("started_at", None)
    columns |= {"state": State.RUNNING, "heartbeat_at": timezone.now(), "finished_at": None}
    columns |= {"exit_code": None, "error": "", "stop_requested": False}
    return update(actor, run, merge=True, **columns)


@transaction.atomic
def update(actor: Actor, run: Run, *, merge: bool = False, **changes: Any) -> Run:
    """Change columns that its owner fills in; also after the run has finished.

    With `merge` the keys of config and summary are added to those that the run has, whoever has set them; `add_tags`
    and `remove_tags` keep the other tags. `metrics` are definitions of metrics, which replace those of the same names.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    if metrics := changes.pop("metrics", None):
        changes["wandb"] = run_columns.with_metrics(_lock(run), metrics)
    added, removed = (list(changes.pop(name, ())) for name in ("add_tags", "remove_tags"))
    if added or removed:
        changes["tags"] = run_columns.with_tags(changes.get("tags", _lock(run).tags), added, removed)
    if merge:
        stored = _lock(run)
        for column in {"config", "summary"} & changes.keys():
            changes[column] = run_columns.checked_object(column, {**getattr(stored, column), **changes[column]})
    for column, value in changes.items():
        setattr(run, column, value)
    errors.check(run, changes)
    run.save(update_fields=list(changes))
    return run


def upsert(actor: Actor, project: Project, *, name: str | None, **columns: Any) -> Started:
    """The run of that name with these values, or a new one: pending or running as `state` says, otherwise running.

    What is None stays as it is. A new run without a display name gets one like `brisk-otter-12`; without a name, its
    name is one. The state of a run that exists stays. Raises what `start` raises, but not `NameTaken`.
    """
    permissions.require(actor, project.team, Role.EDITOR)
    changes = run_columns.checked(columns)
    if run := name and Run.objects.for_change().filter(project=project, name=name).first():
        return Started(change(actor, run, **changes), False)
    state = changes.get("state", State.RUNNING)
    if state not in (State.RUNNING, State.PENDING):
        raise errors.Invalid("A run begins as running or pending.")
    display_name = changes.pop("display_name", "") or run_names.generate()
    try:
        return Started(start(actor, project, name=name, display_name=display_name, **changes), True)
    except errors.NameTaken:
        # Another request has made it in the meantime.
        run = Run.objects.for_change().get(project=project, name=name)
        return Started(change(actor, run, **changes), False)


def change(actor: Actor, run: Run, **columns: Any) -> Run:
    """`update`, where None leaves a column as it is. The state stays in any case."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    changes = run_columns.checked({**columns, "state": None})
    return update(actor, run, **changes) if changes else run


def describe_environment(actor: Actor, run: Run, **environment: Any) -> None:
    """Record what the run was started with, in place of what was known: the columns of `RunEnvironment`."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    errors.check(RunEnvironment(run=run, **environment))
    RunEnvironment.objects.update_or_create(run=run, defaults=environment)


def resume(actor: Actor, run: Run) -> Run:
    """Record that the process of the run is alive. A run that had ended goes on, unless it was killed."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    state = Case(When(state=State.PREEMPTING, then=Value(State.PREEMPTING)), default=Value(State.RUNNING))
    goes_on = Case(When(finished_at=None, then=F("stop_requested")), default=Value(False))
    columns = {"state": state, "stop_requested": goes_on, "heartbeat_at": timezone.now(), "finished_at": None}
    Run.objects.filter(pk=run.pk).exclude(state=State.KILLED).update(**columns, exit_code=None, error="")
    _reload(run)
    return run


@transaction.atomic
def complete(actor: Actor, run: Run, exit_code: int) -> Run:
    """Record that the process of the run ended: with 0 it finished, with another code it failed.

    Twice is once. A run that was killed stays so, and one that had ended otherwise has gone on in between.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    state = State.FAILED if exit_code else State.FINISHED
    stored = _lock(run)
    is_known = (stored.state, stored.exit_code) == (state, exit_code)
    if not is_known and stored.state != State.KILLED:
        now = timezone.now()
        columns = {"state": state, "exit_code": exit_code, "heartbeat_at": now, "finished_at": now, "error": ""}
        Run.objects.filter(pk=run.pk).update(**columns, stop_requested=False)
    _reload(run)
    return run


def mark_preempting(actor: Actor, run: Run) -> Run:
    """Record that the run is about to lose its machine."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    Run.objects.filter(pk=run.pk, state=State.RUNNING).update(state=State.PREEMPTING, heartbeat_at=timezone.now())
    _reload(run)
    return run


def stop(actor: Actor, run: Run) -> Run:
    """Ask the process of the run to stop, which it learns when it sends something. Of a run that ended nothing."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    Run.objects.open().filter(pk=run.pk).update(stop_requested=True)
    _reload(run)
    return run


@transaction.atomic
def update_state(actor: Actor, run: Run, state: str) -> Run:
    """Put a run back to `pending`, or give it up as `failed`. The state that it has is no change.

    Raises `Invalid` for another state, `Conflict` for a run that does not get there from the state that it is in.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    if state not in _TRANSITIONS:
        raise errors.Invalid(f"A run's state cannot be set to '{state}': only to {' or '.join(_TRANSITIONS)}.")
    stored = _lock(run)
    if stored.state != state:
        if stored.state not in _TRANSITIONS[State(state)]:
            raise errors.Conflict(f"Run '{run.name}' is {stored.state}: it cannot become {state}.", state=stored.state)
        finished_at = timezone.now() if state == State.FAILED else None
        Run.objects.filter(pk=run.pk).update(state=state, finished_at=finished_at, exit_code=None, error="")
    _reload(run)
    return run


def heartbeat(actor: Actor, run: Run) -> Run:
    """Record that the script is alive; a run that crashed, waited or was preempted is running.

    Raises `RunEnded` for one that has ended.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    open_run = Run.objects.open().filter(pk=run.pk)
    state = Case(When(state=State.PREEMPTING, then=Value(State.PREEMPTING)), default=Value(State.RUNNING))
    is_open = open_run.update(state=state, heartbeat_at=timezone.now())
    _reload(run)
    if not is_open:
        raise _ended(run)
    return run


@transaction.atomic
def finish(
    actor: Actor,
    run: Run,
    state: State,
    summary: dict[str, Any] | None = None,
    finished_at: datetime | None = None,
    exit_code: int | None = None,
    error: str = "",
) -> Run:
    """Record how the run ended, now or earlier, and why: the exit code, and the last line of the error.

    The same state again changes nothing; another one raises `RunEnded`.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    if state not in _ENDS:
        raise errors.Invalid("A run ends as finished, failed, crashed or killed.")
    at = max(run.started_at, _not_in_future(finished_at))
    changes: dict[str, Any] = {"exit_code": exit_code, "error": error, "stop_requested": False}
    if summary is not None:
        changes["summary"] = summary
    open_run = Run.objects.open().filter(pk=run.pk)
    open_run.update(state=state, heartbeat_at=at, finished_at=at, **changes)
    _reload(run)
    if run.state != state:
        raise _ended(run)
    if summary is not None:
        summary_changed.send(Run, run=run)
    return run


@transaction.atomic
def delete(actor: Actor, run: Run) -> None:
    """Delete the run with its history, and that it used versions. The versions that it logged stay."""
    permissions.require(actor, run.project.team, Role.EDITOR)
    _lock(run).delete()


def mark_crashed() -> int:
    """Mark runs without a heartbeat for longer than `HEARTBEAT_GRACE` as crashed; returns how many.

    Those that said before that they lose their machine are preempted.
    """
    became = Case(When(state=State.PREEMPTING, then=Value(State.PREEMPTED)), default=Value(State.CRASHED))
    return Run.objects.stale(timezone.now() - HEARTBEAT_GRACE).update(state=became)


def _create(actor: Actor, project: Project, name: str, columns: dict[str, Any]) -> Run:
    columns = {**columns, "started_at": _not_in_future(columns.get("started_at"))}
    run = Run(project=project, name=name, created_by=actor.user, **columns)
    errors.check(run)
    taken = errors.NameTaken(f"The project already has a run '{name}': choose another name, or resume that run.")
    repeated = errors.Conflict("The same request is starting this run already.")
    try:
        with errors.refuse(run_name_unique=taken, run_idempotency_key_unique=repeated):
            run.save(force_insert=True)
    except errors.Conflict as error:
        first = _started_before(actor, project, run.idempotency_key)
        # A repeated request with a name may be refused for the name as well.
        if first is None:
            raise error
        return first
    return run


def _not_in_future(at: datetime | None) -> datetime:
    """Now, or a time before: the clock of a client may be ahead."""
    now = timezone.now()
    return min(at or now, now)


def _started_before(actor: Actor, project: Project, idempotency_key: UUID | None) -> Run | None:
    if idempotency_key is None:
        return None
    run = project.runs.filter(idempotency_key=idempotency_key).first()
    if run is not None and run.created_by_id != actor.user.pk:
        raise errors.Conflict("This idempotency key has been used by someone else: use a random one.")
    return run


def _lock(run: Run) -> Run:
    """The run as it is now, until the end of the transaction nobody else changes it."""
    rows = Run.objects.select_related("project__team", "created_by").select_for_update(no_key=True, of=("self",))
    locked = rows.filter(pk=run.pk).first()
    if locked is None:
        raise errors.Missing("The run has been deleted.")
    return locked


def _reload(run: Run) -> None:
    try:
        run.refresh_from_db(fields=_CHANGED_BY_STATE)
    except Run.DoesNotExist as error:
        raise errors.Missing("The run has been deleted.") from error


def _ended(run: Run) -> RunEnded:
    return RunEnded(f"Run '{run.name}' has already ended: it is {run.state}.", state=run.state)
