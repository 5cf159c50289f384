"""What clients change of runs and their files."""

from datetime import timedelta
from typing import Any

from graphql import GraphQLResolveInfo

from artifacts import run_deletion
from core import errors
from projects import projects, runs
from projects.models import Project, Run, State
from tracking import alerts, files, history
from tracking.models import RunFile
from wandb_api import file_stream, ids, run_config, summaries
from wandb_api.context import Context
from wandb_api.queries.run_files import KIND, RunFileNode
from wandb_api.resolvers import Resolvers

mutation = Resolvers("Mutation")

_SUCCESS = {"success": True}
_MAX_MILLISECONDS = alerts.MAX_PAUSE // timedelta(milliseconds=1)
# Columns by the key of the input.
_COLUMNS = {
    "display_name": "display_name",
    "notes": "notes",
    "tags": "tags",
    "group_name": "group",
    "job_type": "job_type",
    "host": "host",
    "commit": "git_commit",
    "job_repo": "git_remote",
    "job_program": "program",
    "sweep": "sweep_name",
}


@mutation
def upsert_bucket(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Make the run of that name, or change it."""
    context = info.context
    columns = {column: input.get(key) for key, column in _COLUMNS.items()} | _json_columns(input)
    if input.get("id"):
        run, created = runs.change(context.actor, _find(context, input["id"]), **columns), False
    else:
        project = _project(context, input)
        state = _state(input.get("state"))
        run, created = runs.upsert(context.actor, project, name=input.get("name"), state=state, **columns)
    if environment := run_config.start_of(columns.get("wandb") or {}):
        runs.describe_environment(context.actor, run, **environment)
    return {"bucket": run, "inserted": created, "server_settings": {"server_messages": []}}


@mutation
def create_run_files(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """A URL for the bytes of each file."""
    run = _named(info.context, input)
    found = files.begin(info.context.actor, run, input["files"])
    nodes = [RunFileNode(file, url) for file, url in found]
    return {"run_id": ids.encode("Run", run.pk), "upload_headers": [], "files": nodes}


@mutation
def mark_run_files_uploaded(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    files.mark_uploaded(info.context.actor, _named(info.context, input), input["files"])
    return _SUCCESS


@mutation
def delete_files(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete files of runs. Those that are not there are no error: deletions are repeated."""
    context = info.context
    keys = [key for text in input["files"] if (key := ids.decode(KIND, text))]
    visible = RunFile.objects.filter(run__in=Run.objects.visible_to(context.user), pk__in=keys)
    files.delete(context.actor, visible.select_related("run__project__team"))
    return _SUCCESS


@mutation
def delete_run(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete the run, and with it what it logged if that is said. One that is not there is no error."""
    context = info.context
    run = ids.find(_visible(context), "Run", input["id"])
    if run is not None:
        run_deletion.delete(context.actor, run, with_versions=bool(input.get("delete_artifacts")))
    return _SUCCESS


@mutation
def stop_run(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    runs.stop(info.context.actor, _find(info.context, input["id"]))
    return _SUCCESS


@mutation
def notify_scriptable_run_alert(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Tell people what the run says. That one of the same title came too early is no error: programs repeat them."""
    run = _named(info.context, input)
    level = alerts.AlertLevel(input.get("severity") or alerts.AlertLevel.INFO)
    pause = _milliseconds(input.get("wait_duration") or 0)
    alerts.send(info.context.actor, run, input["title"], input["text"], level=level, pause=pause)
    return _SUCCESS


@mutation
def update_run_state(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    runs.update_state(info.context.actor, _find(info.context, input["id"]), input["state"])
    return _SUCCESS


@mutation
def rewind_run(root: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Forget the rows of the history after a step."""
    step = input["metric_value"]
    if input["metric_name"] != history.STEP or step != step // 1 or abs(step) >= 2**53:
        raise errors.Invalid("A run is rewound to a whole number of `_step`.")
    run = _named(info.context, input)
    history.rewind(info.context.actor, run, int(step))
    return {"rewound_run": _visible(info.context).get(pk=run.pk)}


def _visible(context: Context) -> Any:
    return Run.objects.visible_to(context.user).for_change()


def _find(context: Context, text: str) -> Run:
    return ids.get(_visible(context), "Run", text, "Run")


def _named(context: Context, input: dict[str, Any]) -> Run:
    full_name = context.full_name(input.get("entity_name"), input.get("project_name"))
    return file_stream.find_run(context, full_name, input["run_name"])


def _project(context: Context, input: dict[str, Any]) -> Project:
    full_name = context.full_name(input.get("entity_name"), input.get("model_name"))
    return projects.get_or_create(context.actor, full_name)


def _milliseconds(count: int) -> timedelta:
    return timedelta(milliseconds=min(max(count, 0), _MAX_MILLISECONDS))


def _state(text: str | None) -> State | None:
    if text is None:
        return None
    if text not in (State.RUNNING, State.PENDING):
        raise errors.Invalid(f"A run does not begin as '{text}': only as running or pending.")
    return State(text)


def _json_columns(input: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if input.get("config") is not None:
        config = run_config.from_wire(_object("config", input["config"]))
        found |= {"config": config.values, "wandb": config.wandb}
    if input.get("summary_metrics") is not None:
        found["summary"] = summaries.fit(_object("summaryMetrics", input["summary_metrics"]))
    return found


def _object(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise errors.Invalid(f"`{name}` is JSON of an object.")
    return value
