"""What runs streamed, read back: history, system metrics and console."""

from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLResolveInfo

from core import errors
from projects.models import Run
from tracking import console, history
from tracking.console import ConsoleLine
from tracking.models import Stream
from wandb_api import cursors
from wandb_api.context import Context
from wandb_api.resolvers import Resolvers
from wandb_api.scalars import to_json

run = Resolvers("Run")

_SAMPLES = 500
# What is counted for reading up to 32 MiB, of which a few are kept, and for keeping all of them.
_READS_OF_SAMPLE = 10
_READS_OF_PAGE = 40
# Each may read as much as a sample of the whole history.
_MAX_SPECS = 10
_MAX_KEYS = 1_000


@run(name="history")
def history_lines(
    row: Run,
    info: GraphQLResolveInfo,
    min_step: int | None = None,
    max_step: int | None = None,
    samples: int | None = None,
) -> list[str]:
    """Rows of these steps in their order, or an even choice of all."""
    size = info.context.page_size(samples, _SAMPLES)
    if min_step is None and max_step is None:
        info.context.count_reads(_READS_OF_SAMPLE)
        return [to_json(one) for one in history.spread(row, size)]
    info.context.count_reads(_READS_OF_PAGE)
    return [to_json(one) for one in history.read(row, min_step=min_step, max_step=max_step, limit=size)]


@run
def events(row: Run, info: GraphQLResolveInfo, samples: int | None = None) -> list[str]:
    size = info.context.page_size(samples, _SAMPLES)
    info.context.count_reads(_READS_OF_SAMPLE)
    return [to_json(one) for one in history.spread(row, size, Stream.EVENTS)]


@run
def sampled_history(row: Run, info: GraphQLResolveInfo, specs: list[Any]) -> list[list[dict[str, Any]]]:
    """A list of rows for each spec, of those that have all of its keys."""
    if len(specs) > _MAX_SPECS:
        raise errors.Invalid(f"At most {_MAX_SPECS} specs are sampled at once.")
    return [_sample(row, info.context, spec) for spec in specs]


@run
def parquet_history(row: Run, info: GraphQLResolveInfo, live_keys: list[str]) -> dict[str, Any]:
    """No files: all is live, from the first step on."""
    first = history.first_step(row)
    return {"parquet_urls": [], "live_data": [] if first is None else [{"_step": first}]}


@run
def log_lines(
    row: Run,
    info: GraphQLResolveInfo,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    use_improved_pagination: bool | None = None,
) -> dict[str, Any]:
    """The first lines after a cursor, or the last ones; fewer, where these are long."""
    info.context.count_reads(_READS_OF_SAMPLE)
    if last is not None:
        found = console.read(row, last=info.context.page_size(last))
        return cursors.connection([_log_line(one) for one in found], [one.number for one in found], False)
    size = info.context.page_size(first, 10_000)
    lines = console.read(row, first=size, after=cursors.offset(after) if after else None)
    has_next = bool(lines) and lines[-1].number + 1 < console.line_count(row)
    return cursors.connection([_log_line(one) for one in lines], [one.number for one in lines], has_next)


def _sample(row: Run, context: Context, spec: Any) -> list[dict[str, Any]]:
    if not isinstance(spec, dict) or not isinstance(spec.get("keys"), list):
        raise errors.Invalid("A spec is an object with a list of `keys`.")
    keys = spec["keys"]
    if len(keys) > _MAX_KEYS or not all(isinstance(key, str) for key in keys):
        raise errors.Invalid(f"A spec has at most {_MAX_KEYS:,} keys, which are texts.")
    numbers = {name: _integer(spec, name) for name in ("samples", "minStep", "maxStep")}
    size = context.page_size(numbers["samples"], _SAMPLES)
    context.count_reads(_READS_OF_SAMPLE)
    return history.sample(row, keys, size, numbers["minStep"], numbers["maxStep"])


def _integer(spec: dict[str, Any], name: str) -> int | None:
    value = spec.get(name)
    if value is None:
        return None
    is_integer = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not is_integer or abs(value) >= 2**63:
        raise errors.Invalid(f"`{name}` of a spec is an integer.")
    return int(value)


def _log_line(line: ConsoleLine) -> dict[str, Any]:
    at = _time(line.timestamp)
    return {"number": line.number, "timestamp": at, "level": line.level, "label": line.label, "line": line.text}


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
