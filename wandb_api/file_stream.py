"""`POST /files/{entity}/{project}/{run}/file_stream`: what the process of a run tells while it runs, and how it ended.

All of it can be sent again: lines have their numbers, and the rest is what holds now.
"""

import json
import re
import zlib
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest

from accounts.actor import Actor
from core import errors, request_bodies
from projects import runs
from projects.models import Project, Run, State
from tracking import files, streams
from tracking.errors import StreamFull
from tracking.models import Stream
from wandb_api import summaries
from wandb_api.context import Context

_STREAMS = {
    "wandb-history.jsonl": Stream.HISTORY,
    "wandb-events.jsonl": Stream.EVENTS,
    "output.log": Stream.CONSOLE,
}
_SUMMARY = "wandb-summary.json"
# What text of a console may hold, and no database.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_MAX_INT = 2**31 - 1


def read_body(request: HttpRequest) -> dict[str, Any]:
    """What a request brings, bounded as it comes and once it is inflated. Raises `PayloadTooLarge`, `Invalid`."""
    limit = request_bodies.max_bytes(request.path_info)
    body = request_bodies.read(request, request, limit)
    if request.headers.get("Content-Encoding", "").strip().lower() == "gzip":
        body = _inflate(body, limit)
    request_bodies.require_few_values(body)
    try:
        value = json.loads(body.decode(errors="replace") or "{}")
    except (ValueError, RecursionError) as error:
        raise errors.Invalid("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise errors.Invalid("The body is a JSON object.")
    return value


def find_run(context: Context, project: str, name: str) -> Run:
    """The run of that name that the caller sees in `team/project`. Raises `Missing`."""
    found = Project.objects.visible_to(context.user).named(project)
    run = found and Run.objects.for_change().filter(project=found, name=name).first()
    if run is None:
        raise errors.Missing(f"Run '{project}/{name}' not found: it was deleted, or you don't have access.")
    return run


def receive(actor: Actor, run: Run, body: dict[str, Any]) -> dict[str, Any]:
    """Keep what the body brings, and tell what the process has to know. Raises what the verbs raise."""
    is_complete = body.get("complete") is True
    if not is_complete:
        run = runs.resume(actor, run)
    changes: dict[str, Any] = {}
    for name, offset, lines in _chunks(body.get("files")):
        if name == _SUMMARY:
            if lines and (summary := summaries.read(lines[-1])) is not None:
                changes["summary"] = summary
        elif stream := _STREAMS.get(name):
            _append(actor, run, stream, offset, lines)
            if stream == Stream.EVENTS and lines and (metrics := summaries.read(lines[-1])) is not None:
                changes["system_metrics"] = metrics
    if changes:
        runs.update(actor, run, **changes)
    if uploaded := _texts(body.get("uploaded")):
        files.mark_uploaded(actor, run, uploaded)
    if body.get("preempting") is True:
        runs.mark_preempting(actor, run)
    if is_complete:
        runs.complete(actor, run, _exit_code(body.get("exitcode")))
    is_stopped = run.stop_requested or run.state == State.KILLED
    return {"exitcode": None, "limits": {}} | ({"stopped": True} if is_stopped and not is_complete else {})


def _append(actor: Actor, run: Run, stream: Stream, offset: int, lines: list[str]) -> None:
    """Keep the lines. A console or system metrics without end are cut: the run's history is worth more."""
    try:
        streams.append(actor, run, stream, offset, lines)
    except StreamFull:
        if stream == Stream.HISTORY:
            raise


def _inflate(body: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise errors.Invalid("The body is not gzip.") from error
    if len(inflated) > limit:
        raise request_bodies.too_large(limit)
    if not inflater.eof:
        raise errors.Invalid("The body's gzip ends early.")
    return inflated


def _chunks(value: Any) -> Iterator[tuple[str, int, list[str]]]:
    """Names of files, numbers of the first line, and the lines. Raises `Invalid`."""
    for name, chunk in _dict(value).items():
        offset, content = _dict(chunk).get("offset", 0), _dict(chunk).get("content")
        if not _is_integer(offset) or offset < 0:
            raise errors.Invalid(f"The offset of {name} is a number of lines.")
        yield name, offset, _texts(content)


def _dict(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict | None):
        raise errors.Invalid("`files` has an object for each file.")
    return value or {}


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise errors.Invalid("Lines and names of files are texts.")
    return [_NO_TEXT.sub("\ufffd", one) for one in value]


def _exit_code(value: Any) -> int:
    """Of a program that was ended before it could tell, 1."""
    return max(-_MAX_INT, min(value, _MAX_INT)) if _is_integer(value) else 1


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
