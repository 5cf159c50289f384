"""Images, tables, sounds and whatever else of a run is more than a number: which there are, and at which steps.

Which keys have any is known of the history as a whole. Where in it they are is looked for from its end, a few MiB at a
time: whoever wants to see earlier ones asks again.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from projects.models import Run
from tracking import chunks, history_keys, lines, media_records
from tracking.media_records import Item
from tracking.models import RunStream, Stream

# Of the history, for the newest records of all keys, and for a page of one of them.
MAX_LATEST_BYTES = 4 * 2**20
MAX_PAGE_BYTES = 16 * 2**20
MAX_RECORDS = 24
MAX_PAGE_ITEMS = 120


class MediaKey(NamedTuple):
    """A key with media; `count` is how many records of the history have it, 0 where only the summary has."""

    name: str
    kind: str
    count: int


class Record(NamedTuple):
    """What a key had at a step; without a step, in the summary. `item_count` is how many items it has or had."""

    key: str
    step: int | None
    items: list[Item]
    item_count: int
    line: int = 0


class Page(NamedTuple):
    """Records of a key, newest first, and in front of which line the next page begins; None after the last page."""

    records: list[Record]
    next_line: int | None


def keys(run: Run) -> list[MediaKey]:
    """The keys that have media in the history or in the summary, by name. One query."""
    found: dict[str, MediaKey] = {}
    counted = RunStream.objects.filter(run=run, stream=Stream.HISTORY).values_list("keys", flat=True).first() or {}
    for name, about in counted.items():
        counts = {kind: count for kind, count in about["types"].items() if kind in media_records.KINDS}
        if counts:
            most = max(counts, key=lambda kind: counts[kind])
            found[name] = MediaKey(name, media_records.KINDS[most], sum(counts.values()))
    for name, value in _media_of(run.summary):
        if name not in found:
            found[name] = MediaKey(name, media_records.kind_of(value) or "file", 0)
    return sorted(found.values(), key=lambda key: (key.name.casefold(), key.name))


def latest(run: Run, names: list[str]) -> dict[str, Record]:
    """The newest record of each of these keys, as far back as `MAX_LATEST_BYTES` go; else what the summary has."""
    found: dict[str, Record] = {}
    missing = set(names)
    for line, row in _rows_backwards(run, None, MAX_LATEST_BYTES):
        if row is None or not missing:
            break
        for name, value in _media_of(row):
            if name in missing:
                missing.discard(name)
                found[name] = _record(name, value, lines.step_of(row), line)
    for name, value in _media_of(run.summary) if missing else ():
        if name in missing:
            found[name] = _record(name, value, None, 0)
    return found


def page(run: Run, name: str, end: int | None = None) -> Page:
    """The newest records of a key in front of line `end`. There may be fewer, or none, before the next page."""
    found: list[Record] = []
    count = 0
    for line, row in _rows_backwards(run, end, MAX_PAGE_BYTES):
        if row is None:
            return Page(found, line)
        value = next((value for key, value in _media_of(row) if key == name), None)
        if value is None:
            continue
        record = _record(name, value, lines.step_of(row), line)
        count += len(record.items)
        if found and (len(found) == MAX_RECORDS or count > MAX_PAGE_ITEMS):
            return Page(found, found[-1].line)
        found.append(record)
    return Page(found, None)


def of_summary(run: Run, name: str) -> Record | None:
    """What the summary has under a key."""
    return next((_record(key, value, None, 0) for key, value in _media_of(run.summary) if key == name), None)


def _rows_backwards(run: Run, end: int | None, max_bytes: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """The rows with records in front of line `end`, newest first; None in place of one where there is more to read."""
    read = 0
    for batch in chunks.read_backwards(run, Stream.HISTORY, 2**31 if end is None else end):
        for number, text in reversed(batch):
            read += len(text)
            row = lines.load(text) if '"_type"' in text else None
            if row is not None:
                yield number, row
        begin = batch[0][0] if batch else 0
        if read >= max_bytes and begin:
            yield begin, None
            return


def _media_of(row: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, value in history_keys.flatten(dict(row)):
        if media_records.kind_of(value):
            yield name, value


def _record(name: str, value: Mapping[str, Any], step: int | None, line: int) -> Record:
    found, count = media_records.items(value)
    return Record(name, step, found, count, line)
