"""What a run wrote to its console: lines as they came, and what is in them."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from projects.models import Run
from tracking import chunks, lines, streams
from tracking.models import HistoryWriter, Stream

# Of one console, what is shown. Downloads have all of it.
MAX_LINES = 100_000
MAX_BYTES = 8 * 2**20
_FORM = re.compile(
    r"(?P<error>ERROR )?(?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)"
    r"(?: \[(?P<label>[^]]+)\](?= ))?(?: (?P<text>.*))?",
    re.DOTALL,
)


class ConsoleLine(NamedTuple):
    """A line with its number from 0; `timestamp` is ISO 8601 in UTC without zone, empty where the line has none."""

    number: int
    timestamp: str
    level: str
    label: str
    text: str


def parse(number: int, text: str) -> ConsoleLine:
    found = _FORM.fullmatch(text)
    if found is None:
        return ConsoleLine(number, "", "info", "", text)
    level = "error" if found["error"] else "info"
    return ConsoleLine(number, found["timestamp"], level, found["label"] or "", found["text"] or "")


def read(run: Run, *, first: int | None = None, after: int | None = None, last: int | None = None) -> list[ConsoleLine]:
    """The first lines after number `after`, or with `last` the last lines; at most `MAX_LINES`, and `MAX_BYTES`."""
    if last is not None:
        return _parsed(streams.numbered_tail(run, Stream.CONSOLE, min(last, MAX_LINES)))
    start = 0 if after is None else after + 1
    return _parsed(_first(run, start, min(MAX_LINES if first is None else first, MAX_LINES)))


@transaction.atomic
def append(actor: Actor, run: Run, writer: UUID, offset: int, texts: Sequence[str]) -> None:
    """Add the lines that the writer counts from `offset`, behind those of all others; also after the run has ended.

    Those that arrived before are skipped, so that a request can be repeated. Raises `TooLarge`, `StreamFull`.
    """
    permissions.require(actor, run.project.team, Role.EDITOR)
    locked = streams.lock(run)
    progress = HistoryWriter.objects.filter(run=locked, writer=writer).first() or HistoryWriter(
        run=locked, writer=writer
    )
    if new := texts[max(progress.row_count - offset, 0) :]:
        streams.extend(locked, Stream.CONSOLE, lines.parse(Stream.CONSOLE, new))
        progress.row_count = offset + len(texts)
        progress.save()


def line_count(run: Run) -> int:
    return streams.line_count(run, Stream.CONSOLE)


def _first(run: Run, start: int, count: int) -> Iterable[tuple[int, str]]:
    size = 0
    for number, text in islice(chunks.read_all(run, Stream.CONSOLE, start), count):
        if size and size + len(text) > MAX_BYTES:
            return
        size += len(text)
        yield number, text


def _parsed(found: Iterable[tuple[int, str]]) -> list[ConsoleLine]:
    return [parse(number, text) for number, text in found]
