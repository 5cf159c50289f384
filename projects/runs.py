"""The verbs of runs: start, resume, change, heartbeat, finish, delete.

Workers mark those whose heartbeat stopped as crashed.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, Value, When
from django.dispatch import Signal
from django.utils import timezone

from accounts import errors, permissions
from accounts.actor import Actor
from accounts.models import Role
from core.validators import MAX_TAGS, validate_json_object
from projects import run_names
from projects.errors import RunEnded
from projects.models import Project, Resume, Run, RunEnvironment, State

# A run that says nothing for so long has crashed.
HEARTBEAT_GRACE = timedelta(minutes=5)
# Sent with `run`, in the same transaction, where its summary is written without saving the run.
summary_changed = Signal()
# Each try makes a collision a good deal less likely: the last number has nine digits.
_DIGITS = (2, 3, 5, 7, 9)


_ENDS = (State.FINISHED, State.FAILED, State.CRASHED, State.KILLED)


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
        _describe_environment(started.run, environment)
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
    columns |= {"exit_code": None, "error": ""}
    return update(actor, run, merge=True, **columns)


@transaction.atomic
def update(actor: Actor, run: Run, *, merge: bool = False, **changes: Any) -> Run:
    """Change columns that its owner fills in; also after the run has finished.

    With `merge` the keys of config and summary are added to those that the run has, whoever has set them; `add_tags`
    and `remove_tags` keep the other tags.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    added, removed = (list(changes.pop(name, ())) for name in ("add_tags", "remove_tags"))
    if added or removed:
        changes["tags"] = _with_tags(changes.get("tags", _lock(run).tags), added, removed)
    if merge:
        stored = _lock(run)
        for column in {"config", "summary"} & changes.keys():
            changes[column] = _within_limits(column, {**getattr(stored, column), **changes[column]})
    for column, value in changes.items():
        setattr(run, column, value)
    errors.check(run)
    run.save(update_fields=list(changes))
    return run


def heartbeat(actor: Actor, run: Run) -> Run:
    """Record that the script is alive; a run that crashed, waited or was preempted is running. Raises `RunEnded` for a finished one."""
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
    changes: dict[str, Any] = {"exit_code": exit_code, "error": error}
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


def _describe_environment(run: Run, environment: dict[str, Any]) -> None:
    errors.check(RunEnvironment(run=run, **environment))
    RunEnvironment.objects.update_or_create(run=run, defaults=environment)


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


def _within_limits(column: str, value: dict[str, Any]) -> dict[str, Any]:
    try:
        return validate_json_object(value)
    except ValidationError as error:
        raise errors.Invalid(f"{column}: {error.messages[0]}", errors={column: error.messages}) from error


def _with_tags(tags: list[str], added: list[str], removed: list[str]) -> list[str]:
    """The tags in their order, with and without these. Raises `Invalid` where they are too many."""
    changed = [tag for tag in dict.fromkeys([*tags, *added]) if tag not in removed]
    if len(changed) > MAX_TAGS:
        raise errors.Invalid(f"It would have {len(changed)} tags: at most {MAX_TAGS} are allowed.")
    return changed


def _reload(run: Run) -> None:
    try:
        run.refresh_from_db(fields=["state", "summary", "heartbeat_at", "finished_at", "exit_code", "error"])
    except Run.DoesNotExist as error:
        raise errors.Missing("The run has been deleted.") from error


def _ended(run: Run) -> RunEnded:
    return RunEnded(f"Run '{run.name}' has already ended: it is {run.state}.", state=run.state)
