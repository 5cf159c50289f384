"""What a run wrote to its console: lines as they came, what is in them, and where a text is among them."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Role
from projects.models import Run
from tracking import chunks, lines, streams, terminal_text
from tracking.models import HistoryWriter, RunStream, Stream

# Of one console, what is shown. Downloads have all of it.
MAX_LINES = 100_000
MAX_BYTES = 8 * 2**20
# What one page has, whatever its lines are.
MAX_PAGE_BYTES = 2**18
# What one search may cost: after that it says how far it came, and goes on from there when it is asked again.
MAX_SEARCHED_BYTES = 64 * 2**20
MAX_SEARCH_SECONDS = 2.0
MAX_MATCHES = 200
_DOWNLOAD_BYTES = 2**18
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


class Progress(NamedTuple):
    """How far a console has come. `version` is another one whenever any of its lines is."""

    line_count: int
    version: str


def progress(run: Run) -> Progress:
    columns = ("line_count", "size", "revision")
    found = RunStream.objects.filter(run=run, stream=Stream.CONSOLE).values_list(*columns).first()
    return Progress(found[0], "-".join(map(str, found))) if found else Progress(0, "0")


def page(run: Run, end: int, count: int, length: int) -> list[ConsoleLine]:
    """The last `count` lines in front of number `end`, oldest first, of each its first `length` characters.

    There are fewer where they have more than `MAX_PAGE_BYTES` together.
    """
    found: list[ConsoleLine] = []
    size = 0
    for batch in chunks.read_backwards(run, Stream.CONSOLE, end):
        for number, text in reversed(batch):
            line = _cut(parse(number, text), length)
            size += len(line.text)
            if len(found) == count or (found and size > MAX_PAGE_BYTES):
                return found[::-1]
            found.append(line)
        if len(found) == count:
            break
    return found[::-1]


class Search(NamedTuple):
    """Lines with the text, oldest first. All lines from number `start` up to `end` were looked at."""

    lines: list[ConsoleLine]
    start: int
    end: int


def search(run: Run, text: str, end: int, length: int) -> Search:
    """The last lines in front of number `end` with the text, in upper or lower case; of each `length` characters.

    It ends at `MAX_MATCHES` lines, and stops once it has cost `MAX_SEARCHED_BYTES` or `MAX_SEARCH_SECONDS`.
    """
    wanted = text.lower()
    found: list[ConsoleLine] = []
    searched, start = 0, end
    deadline = time.monotonic() + MAX_SEARCH_SECONDS
    for batch in chunks.read_backwards(run, Stream.CONSOLE, end):
        for line in _matches(batch, wanted, length):
            found.append(line)
            if len(found) == MAX_MATCHES:
                return Search(found[::-1], line.number, end)
        start = batch[0][0] if batch else start
        searched += sum(len(line) for _, line in batch)
        if searched >= MAX_SEARCHED_BYTES or time.monotonic() >= deadline:
            return Search(found[::-1], start, end)
    return Search(found[::-1], 0, end)


def content(run: Run) -> Iterator[bytes]:
    """All that the run wrote, as a text file that a terminal can show: without times, colours and control sequences."""
    buffered: list[str] = []
    size = 0
    for number, text in chunks.read_all(run, Stream.CONSOLE):
        line = terminal_text.plain(parse(number, text).text)
        buffered.append(line + "\n")
        size += len(line)
        if size >= _DOWNLOAD_BYTES:
            yield "".join(buffered).encode()
            buffered, size = [], 0
    yield "".join(buffered).encode()


def line_count(run: Run) -> int:
    return streams.line_count(run, Stream.CONSOLE)


def _matches(batch: list[tuple[int, str]], wanted: str, length: int) -> Iterator[ConsoleLine]:
    """The lines with the text, the last one first. Most batches have none, which is found out for all lines at once."""
    if wanted not in terminal_text.plain("\n".join(text for _, text in batch)).lower():
        return
    for number, text in reversed(batch):
        line = parse(number, text)
        text = terminal_text.plain(line.text)
        position = text.lower().find(wanted)
        if position >= 0:
            # Of a long line, the part where it is.
            begin = max(0, position - length // 2) if len(text) > length else 0
            yield line._replace(text="…" * bool(begin) + _excerpt(text[begin:], length))


def _cut(line: ConsoleLine, length: int) -> ConsoleLine:
    return line._replace(text=_excerpt(line.text, length))


def _excerpt(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


def _first(run: Run, start: int, count: int) -> Iterable[tuple[int, str]]:
    size = 0
    for number, text in islice(chunks.read_all(run, Stream.CONSOLE, start), count):
        if size and size + len(text) > MAX_BYTES:
            return
        size += len(text)
        yield number, text


def _parsed(found: Iterable[tuple[int, str]]) -> list[ConsoleLine]:
    return [parse(number, text) for number, text in found]
