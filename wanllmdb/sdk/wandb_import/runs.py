"""Copies one run: what it was told, its files, its streams and its end.

All of it can be done again: the server knows the run by its id, and lines by their numbers. The end comes last, so a
run that has ended as at the source was copied whole.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from wanllmdb.sdk import errors, timestamps
from wanllmdb.sdk.run_files import uploads
from wanllmdb.sdk.wandb_import import transfer
from wanllmdb.sdk.wandb_import.report import Item
from wanllmdb.sdk.wandb_import.source import Source, SourceError, reading, run_attribute, time_of
from wanllmdb.sdk.wandb_import.target import Target

# What cannot be refused to one run alone.
ABORT = (errors.AuthenticationError, errors.Unreachable, errors.ServerError)
# The official client reads system metrics as a sample, of which this is the most that servers give.
MAX_SYSTEM_ROWS = 10_000
_ENDS = ("finished", "failed", "crashed", "killed")
_CONSOLE = "output.log"


class RunFile(NamedTuple):
    name: str
    size: int
    md5: str | None
    """In base64."""
    url: str


def copy_run(source: Source, target: Target, run_id: str, directory: Path, *, is_dry_run: bool) -> Item:
    """Copy the run, as far as it is not there. Raises what would happen to every run."""
    item = Item("run", run_id)
    try:
        run = source.run(run_id)
        if run.state not in _ENDS:
            item.end("skipped", f"it is {run.state} at the source: import it when it has ended")
        elif is_dry_run:
            item.end("present" if _is_complete(run, target.find_run(run_id)) else "planned")
        else:
            _Copy(source, target, run, directory, item).copy()
    except ABORT:
        raise
    except (errors.WanLLMDBError, OSError) as error:
        item.end("failed", str(error))
    return item


def _is_complete(run: Any, record: dict[str, Any] | None) -> bool:
    """Whether the run of the server ended when that of the source did."""
    ended_at = time_of(run, "heartbeatAt")
    if record is None or record["state"] != run.state or not record["finished_at"] or not ended_at:
        return False
    # It cannot have ended before it began, by either clock.
    expected = max(timestamps.parse(ended_at), timestamps.parse(record["started_at"]))
    return abs((timestamps.parse(record["finished_at"]) - expected).total_seconds()) < 1


class _Copy:
    def __init__(self, source: Source, target: Target, run: Any, directory: Path, item: Item) -> None:
        self._source, self._target, self._run, self._item = source, target, run, item
        self._directory = directory
        self._id = str(run.id)

    def copy(self) -> None:
        try:
            record = self._target.begin_run(self._id, time_of(self._run, "createdAt"), str(self._run.name or ""))
        except errors.NameTaken as error:
            raise errors.NameTaken(
                f"{self._target.project} has a run {self._id} that this import did not make: rename that, or import "
                "into another project with --to"
            ) from error
        if _is_complete(self._run, record):
            self._item.end("present")
            return
        for part, copy in self._parts(record):
            self._attempt(part, copy)
        self._target.end_run(record, self._run.state, time_of(self._run, "heartbeatAt"))
        self._item.end("incomplete" if self._item.notes else "copied")

    def _parts(self, record: dict[str, Any]) -> Iterable[tuple[str, Callable[[], object]]]:
        yield "config", lambda: self._describe(config=_to_json(_config_of(self._run)))
        yield "summary", lambda: self._describe(summaryMetrics=_to_json(run_attribute(self._run, "summaryMetrics", {})))
        yield "tags, notes and group", lambda: self._describe(**_columns_of(self._run))
        # Before the history, whose rows name them.
        yield "files", lambda: self._copy_files(record["id"])
        yield "history", lambda: self._append("wandb-history.jsonl", self._history())
        yield "system metrics", lambda: self._append("wandb-events.jsonl", self._system_metrics())
        yield "console", lambda: self._append(_CONSOLE, self._console())

    def _attempt(self, part: str, copy: Callable[[], object]) -> None:
        """What the server refuses will be refused again: it is noted, and the rest is copied."""
        try:
            copy()
        except (*ABORT, SourceError):
            raise
        except errors.WanLLMDBError as error:
            self._item.notes.append(f"{part}: {error}")
        except RecursionError:
            self._item.notes.append(f"{part}: it is nested too deeply")

    def _describe(self, **values: Any) -> None:
        self._target.describe_run(self._id, **values)

    def _append(self, stream: str, lines: Iterable[str]) -> None:
        self._target.append_lines(self._id, stream, lines)

    # --- Streams ------------------------------------------------------------------------------------------------------

    def _history(self) -> Iterator[str]:
        with reading(f"The history of {self._id}"):
            for row in self._run.scan_history(page_size=1000):
                # The client may give a row each name that any row has.
                yield _to_json({name: value for name, value in row.items() if value is not None})

    def _system_metrics(self) -> Iterator[str]:
        with reading(f"The system metrics of {self._id}"):
            rows = self._run.history(samples=MAX_SYSTEM_ROWS, pandas=False, stream="system")
        said = run_attribute(self._run, "eventsLineCount")
        if isinstance(said, int) and said > len(rows):
            self._item.notes.append(f"system metrics: the source gives {len(rows):,} of {said:,} rows")
        return map(_to_json, rows)

    def _console(self) -> Iterator[str]:
        """From the client as far as it reads that, else from the file."""
        if hasattr(self._run, "console_logs"):
            with reading(f"The console of {self._id}"):
                yield from map(_console_line, self._run.console_logs())
            return
        for file in self._list_files([_CONSOLE]):
            path = transfer.new_path(self._directory, file.size)
            try:
                self._source.download(file.url, path, file.size)
                with path.open(encoding="utf-8", errors="replace") as lines:
                    yield from (line.rstrip("\n") for line in lines)
            finally:
                path.unlink(missing_ok=True)

    # --- Files --------------------------------------------------------------------------------------------------------

    def _copy_files(self, run: str) -> None:
        known = {
            (item["name"], item["size"], item["md5"])
            for page in self._target.rest.iter_cursor_pages(f"/runs/{run}/files")
            for item in page["items"]
        }
        missing = (file for file in self._list_files() if not _is_known(file, known))
        for batch in transfer.batches(missing):
            self._copy_batch(run, batch)

    def _copy_batch(self, run: str, batch: list[RunFile]) -> None:
        sent: dict[str, str] = {}
        try:
            for file in batch:
                path = transfer.new_path(self._directory, file.size)
                sent[file.name] = str(path)
                self._source.download(file.url, path, file.size)
            uploads.send(self._target.rest, run, sent)
        finally:
            for text in sent.values():
                Path(text).unlink(missing_ok=True)

    def _list_files(self, names: list[str] | None = None) -> Iterator[RunFile]:
        """Those that the server can keep; the others are noted."""
        with reading(f"The list of files of {self._id}"):
            for file in self._run.files(names=names, per_page=100):
                try:
                    name = transfer.require_path(file.name)
                    size = transfer.require_size(file.size, name)
                except (errors.InvalidPath, SourceError) as error:
                    self._item.notes.append(f"files: {error}")
                    continue
                if size > uploads.MAX_FILE_BYTES:
                    self._item.notes.append(f"files: {name} is larger than a file of a run can be")
                elif size or file.md5:  # else it has never arrived
                    yield RunFile(name, size, file.md5, str(file.url))


def _is_known(file: RunFile, known: set[tuple[Any, ...]]) -> bool:
    if not file.md5:
        return False
    try:
        md5 = transfer.in_hex(file.md5)
    except ValueError:
        return False
    return (file.name, file.size, md5) in known


def _config_of(run: Any) -> dict[str, Any]:
    config = dict(run.rawconfig)
    return {str(name): {"desc": None, "value": value} for name, value in config.items()}


def _columns_of(run: Any) -> dict[str, Any]:
    """By the names of the wire; what is null stays as it is."""
    names = {"notes": "notes", "group": "groupName", "jobType": "jobType", "commit": "commit", "host": "host"}
    names |= {"sweepName": "sweep", "displayName": "displayName", "tags": "tags"}
    return {key: run_attribute(run, name) for name, key in names.items()}


def _console_line(line: Any) -> str:
    """In the form in which clients send it."""
    at = "" if line.timestamp is None else line.timestamp.strftime("%Y-%m-%dT%H:%M:%S.%f ")
    if not at:
        return str(line.content)
    label = f"[{line.label}] " if line.label else ""
    return f"{'ERROR ' if line.level == 'error' else ''}{at}{label}{line.content}"


def _to_json(value: Any) -> str:
    return json.dumps(_finite(value), separators=(",", ":"), default=str, allow_nan=False)


def _finite(value: Any) -> Any:
    """The value with texts for the numbers that JSON does not have, as clients send them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(name): _finite(item) for name, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value
