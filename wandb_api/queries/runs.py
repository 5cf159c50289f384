"""Runs. `bucket` is their old name on the wire."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet, prefetch_related_objects
from graphql import GraphQLResolveInfo

from accounts import permissions
from accounts.models import Role, User
from core import long_values
from projects.models import Project, Run, State
from tracking import history_keys, streams
from tracking.models import RunStream, Stream
from wandb_api import cursors, filters, ids, run_config
from wandb_api.resolvers import Resolvers, selected_fields

project = Resolvers("Project")
run = Resolvers("Run")

# Columns that are only read for fields that need them.
_COLUMNS = {
    "config": {"config", "wandbConfig", "runInfo"},
    "wandb": {"config", "wandbConfig", "runInfo"},
    "summary": {"summaryMetrics"},
    "system_metrics": {"systemMetrics"},
    "notes": {"notes"},
}
_COUNTS = {"historyKeys", "historyLineCount", "eventsLineCount", "logLineCount"}
_FAILED = (State.FAILED, State.CRASHED)


@project(name="run")
def find_run(row: Project, info: GraphQLResolveInfo, name: str, desc: str | None = None) -> Run | None:
    return Run.objects.for_change().with_role_of(info.context.user).filter(project=row, name=name).first()


@project
def bucket(
    row: Project, info: GraphQLResolveInfo, name: str, desc: str | None = None, missing_ok: bool | None = None
) -> Run | None:
    return find_run(row, info, name)


@project
def run_count(row: Project, info: GraphQLResolveInfo, filters: Any = None) -> int:
    return _filtered(row, filters).count()


@project(name="runs")
def runs_(
    row: Project,
    info: GraphQLResolveInfo,
    filters: Any = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    return _page(row, info, _filtered(row, filters), order, first, after)


@project
def buckets(
    row: Project,
    info: GraphQLResolveInfo,
    filters: Any = None,
    order: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    return _page(row, info, _filtered(row, filters), order, first, after)


@project
def internal_id(row: Project, info: GraphQLResolveInfo) -> str:
    return ids.encode("ProjectInternalId", row.serial)


def _filtered(row: Project, condition: Any) -> "QuerySet[Run]":
    return Run.objects.filter(filters.read(condition), project=row)


def _page(
    row: Project,
    info: GraphQLResolveInfo,
    rows: "QuerySet[Run]",
    order: str | None,
    first: int | None,
    after: str | None,
) -> dict[str, Any]:
    """A page of as many runs as fit: those with long values come fewer at once."""
    wanted = selected_fields(info)
    columns = [column for column, fields in _COLUMNS.items() if fields & wanted]
    size, start = info.context.page_size(first), cursors.offset(after)
    ordered = rows.order_by(*filters.order(order, default="+created_at"))
    pks, has_next = _within_budget(ordered, columns, start, size)
    loaded = Run.objects.filter(pk__in=pks).defer(*(_COLUMNS.keys() - set(columns)))
    loaded = loaded.select_related("created_by").with_role_of(info.context.user)
    if wanted & _COUNTS:
        loaded = loaded.prefetch_related("streams")
    by_pk = {one.pk: one for one in loaded}
    nodes = [by_pk[pk] for pk in pks if pk in by_pk]
    for node in nodes:
        node.project = row
    total = {"total_count": rows.count()} if "totalCount" in wanted else {}
    return cursors.connection(nodes, range(start + 1, start + 1 + len(nodes)), has_next, **total)


def _within_budget(rows: "QuerySet[Run]", columns: list[str], start: int, size: int) -> tuple[list[UUID], bool]:
    """The ids of the runs of a page, at least one if there is one, and whether there are more after them."""
    lengths = {f"{column}_length": long_values.ByteLength(column) for column in columns}
    budget = long_values.page_budget() if columns else 0
    found: list[UUID] = []
    for pk, *sizes in rows.annotate(**lengths).values_list("pk", *lengths)[start : start + size + 1]:
        budget -= sum(sizes)
        if len(found) == size or (budget < 0 and found):
            return found, True
        found.append(pk)
    return found, False


# --- A run ------------------------------------------------------------------------------------------------------------


@run(name="id")
def run_id(row: Run, info: GraphQLResolveInfo) -> str:
    return ids.encode("Run", row.pk)


@run
def display_name(row: Run, info: GraphQLResolveInfo) -> str:
    return row.display_name or row.name


@run
def sweep_name(row: Run, info: GraphQLResolveInfo) -> str | None:
    return row.sweep_name or None


@run
def config(row: Run, info: GraphQLResolveInfo) -> dict[str, Any]:
    return run_config.to_wire(row)


@run
def wandb_config(row: Run, info: GraphQLResolveInfo, keys: list[str] | None = None) -> dict[str, Any]:
    """What the client keeps for itself: with `t` once it has begun the run."""
    return {key: value for key, value in row.wandb.items() if keys is None or key in keys}


@run
def group(row: Run, info: GraphQLResolveInfo) -> str | None:
    return row.group or None


@run
def job_type(row: Run, info: GraphQLResolveInfo) -> str | None:
    return row.job_type or None


@run
def commit(row: Run, info: GraphQLResolveInfo) -> str | None:
    return row.git_commit or None


@run
def read_only(row: Run, info: GraphQLResolveInfo) -> bool:
    # Lists bring the role of the caller with each row.
    role = row.role if hasattr(row, "role") else permissions.role_in(info.context.user, row.project.team)
    return role is None or not Role(role).covers(Role.EDITOR)


@run
def created_at(row: Run, info: GraphQLResolveInfo) -> Any:
    return row.started_at


@run
def updated_at(row: Run, info: GraphQLResolveInfo) -> Any:
    return row.finished_at or row.heartbeat_at


@run
def description(row: Run, info: GraphQLResolveInfo) -> None:
    """What notes were called long ago."""
    return None


@run
def summary_metrics(row: Run, info: GraphQLResolveInfo) -> dict[str, Any]:
    return row.summary


@run
def stopped(row: Run, info: GraphQLResolveInfo) -> bool:
    return row.stop_requested or row.state == State.KILLED


@run
def should_stop(row: Run, info: GraphQLResolveInfo) -> bool:
    return stopped(row, info)


@run
def failed(row: Run, info: GraphQLResolveInfo) -> bool:
    return row.state in _FAILED


@run
def running(row: Run, info: GraphQLResolveInfo) -> bool:
    return row.state == State.RUNNING


@run
def exitcode(row: Run, info: GraphQLResolveInfo) -> int | None:
    return row.exit_code


@run(name="user")
def started_by(row: Run, info: GraphQLResolveInfo) -> User:
    return row.created_by


@run
def project_id(row: Run, info: GraphQLResolveInfo) -> str:
    return str(row.project.serial)


@run
def run_info(row: Run, info: GraphQLResolveInfo) -> dict[str, Any]:
    return run_config.describe_environment(row)


# --- What its streams hold --------------------------------------------------------------------------------------------


@run(name="history_keys")
def keys_of_history(row: Run, info: GraphQLResolveInfo) -> dict[str, Any] | None:
    state = _state(row, Stream.HISTORY)
    if state is None or not state.line_count:
        return None
    return {"keys": history_keys.describe(state.keys), "sets": [], "lastStep": row.last_step}


@run
def history_line_count(row: Run, info: GraphQLResolveInfo) -> int:
    return _line_count(row, Stream.HISTORY)


@run
def events_line_count(row: Run, info: GraphQLResolveInfo) -> int:
    return _line_count(row, Stream.EVENTS)


@run
def log_line_count(row: Run, info: GraphQLResolveInfo) -> int:
    return _line_count(row, Stream.CONSOLE)


@run
def history_tail(row: Run, info: GraphQLResolveInfo) -> list[str]:
    return streams.tail(row, Stream.HISTORY, 1)


@run
def events_tail(row: Run, info: GraphQLResolveInfo) -> list[str]:
    return streams.tail(row, Stream.EVENTS, 1)


def _line_count(row: Run, stream: Stream) -> int:
    state = _state(row, stream)
    return state.line_count if state else 0


def _state(row: Run, stream: Stream) -> RunStream | None:
    """The stream of the run, which is read once with the others. Lists bring them with their rows."""
    prefetch_related_objects([row], "streams")
    return next((one for one in row.streams.all() if one.stream == stream), None)
