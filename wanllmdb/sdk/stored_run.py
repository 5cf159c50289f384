"""The class `StoredRun`: a run that `Api` reads from the server, with its history and its artifacts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from uuid import UUID

from wanllmdb.sdk import errors, name_resolution, paths, run_filters, version_creation, wandb_names
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.lineage import graph, usages
from wanllmdb.sdk.lineage.graph import Lineage
from wanllmdb.sdk.local_files import absolute_path
from wanllmdb.sdk.models import RunRecord
from wanllmdb.sdk.paginated_list import Page, PaginatedList, page_size
from wanllmdb.sdk.paths import StrPath
from wanllmdb.sdk.progress import ProgressCallback
from wanllmdb.sdk.run_artifacts import list_artifacts
from wanllmdb.sdk.run_files import stored_file, uploads
from wanllmdb.sdk.run_files.stored_file import RunFile
from wanllmdb.sdk.validators import validate_aliases, validate_tags

# Of a longer history, the server chooses the samples.
MAX_FETCHED_ROWS = 10_000


@dataclass(frozen=True)
class StoredRun(RunRecord):
    """A run as it was when it was fetched. Its history and artifacts are fetched when they are asked for."""

    notes: str
    heartbeat_at: str
    last_step: int | None
    """The largest step of the history; None if there is none."""
    exit_code: int | None
    """None while it runs, and if it was killed."""
    error: str
    """The last line of the error that ended it; empty if none did."""
    _name: str = field(repr=False, compare=False)
    """The last part of its URL."""
    _project_id: str = field(repr=False, compare=False)
    _row_count: int = field(repr=False, compare=False)
    _connection: Connection = field(repr=False, compare=False)

    @property
    def path(self) -> str:
        """`team/project/id`, which `Api.run` takes."""
        return f"{self.project}/{self.id}"

    @property
    def entity(self) -> str:
        """The team."""
        return self.project.partition("/")[0]

    @property
    def username(self) -> str:
        """The same as `created_by`."""
        return self.created_by

    @property
    def created_at(self) -> str:
        """The same as `started_at`."""
        return self.started_at

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """The same as `summary`."""
        return self.summary

    def __getattr__(self, name: str) -> Any:
        raise wandb_names.missing("StoredRun", name)

    @checked()
    def delete(self) -> None:
        """Delete the run with its history. The versions that it logged stay. Raises `NotFound`, `Denied`."""
        self._connection.client.delete(f"/runs/{self.id}")

    @checked(ignored=wandb_names.HISTORY)
    def scan_history(
        self,
        keys: str | Sequence[str] | None = None,
        page_size: int = 10_000,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """What the run logged, in the order in which it arrived: dicts with `_step`, `_timestamp` (seconds), values.

        Values that were logged for one step by calls one after the other are in one dict. With `keys` only these, of
        the rows that have all of them. Steps are at least `min_step` and less than `max_step`. Fetched in pages of
        `page_size` rows, at most 10,000.
        """
        if page_size < 1:
            raise errors.Invalid(f"page_size is a number of rows, at least 1, not {page_size!r}")
        pages = self._connection.client.iter_cursor_pages(
            f"/runs/{self.id}/history", limit=min(page_size, 10_000), min_step=min_step, max_step=max_step
        )
        rows = _join_steps(row for page in pages for row in page["items"])
        names = [keys] if isinstance(keys, str) else keys
        if names is None:
            return rows
        return ({name: row[name] for name in names} for row in rows if all(name in row for name in names))

    @checked(ignored=wandb_names.HISTORY)
    def history(
        self,
        samples: int | None = None,
        keys: str | Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
        *,
        x_axis: str | None = None,
        pandas: bool = False,
    ) -> Any:
        """`scan_history` as a list; with `samples` at most so many rows, evenly spread from the first to the last.

        Samples of more than `MAX_FETCHED_ROWS` rows are chosen by the server, from rows as they were logged.

        With `x_axis` rows have that value too, and are in its order where it is a number. With `pandas` it is a
        `pandas.DataFrame`; raises `Invalid` where pandas is not installed.
        """
        if samples is not None and samples < 1:
            raise errors.Invalid(f"samples is a number of rows, at least 1, not {samples!r}")
        names = [keys] if isinstance(keys, str) else keys
        if names is not None and x_axis is not None:
            names = list(dict.fromkeys((x_axis, *names)))
        if samples is not None and self._row_count > MAX_FETCHED_ROWS:
            rows = self._sampled(samples, names, min_step, max_step)
        else:
            rows = list(self.scan_history(names, min_step=min_step, max_step=max_step))
        if x_axis is not None:
            rows = [row for row in rows if isinstance(row.get(x_axis), (int, float))]
            rows.sort(key=lambda row: float(row[x_axis]))
        if samples is not None and samples < len(rows):
            gap = (len(rows) - 1) / max(samples - 1, 1)
            rows = [rows[round(number * gap)] for number in range(samples)]
        return _to_frame(rows) if pandas else rows

    def _sampled(
        self, samples: int, names: Sequence[str] | None, min_step: int | None, max_step: int | None
    ) -> list[dict[str, Any]]:
        query = {"samples": min(samples, 10_000), "keys": names, "min_step": min_step, "max_step": max_step}
        rows: list[dict[str, Any]] = self._connection.client.get(f"/runs/{self.id}/history", **query)["items"]
        return rows if names is None else [{name: row[name] for name in names} for row in rows]

    @checked(ignored=wandb_names.FILES)
    def logged_artifacts(self) -> list[Artifact]:
        """The versions that the run logged, newest first, at most 1,000."""
        return list_artifacts(self._connection, self.id, "logged")

    @checked(ignored=wandb_names.FILES)
    def used_artifacts(self) -> list[Artifact]:
        """The versions that the run used, newest first, at most 1,000. `requested_as` of each says by which names."""
        return list_artifacts(self._connection, self.id, "used")

    @checked()
    def lineage(self, direction: str = "both", depth: int = graph.DEPTH, limit: int = graph.LIMIT) -> Lineage:
        """The versions and runs around this run, as `Artifact.lineage` has them. Raises `Invalid`, `NotFound`."""
        return graph.fetch(self._connection.client, f"/runs/{self.id}/lineage", direction, depth, limit)

    @checked(ignored=wandb_names.FILES)
    def files(self, names: str | Iterable[str] | None = None) -> list[RunFile]:
        """The files that the run kept with `save` or `log`, by their paths, or those of these paths."""
        wanted = [names] if isinstance(names, str) else names
        return list(stored_file.find(self._connection, self.id, wanted))

    @checked()
    def file(self, name: str) -> RunFile:
        """The file of this path. Raises `NotFound`."""
        for found in self.files(name):
            return found
        raise errors.NotFound(f"Run {self.name!r} kept no file {name!r}")

    @checked()
    def upload_file(self, path: StrPath, root: StrPath = ".") -> RunFile:
        """Keep a file with the run, also after its end, under its path below `root`. Raises `Invalid`, `Denied`."""
        source = absolute_path(path)
        name = paths.from_local(os.path.relpath(source, absolute_path(root)))
        uploads.send(self._connection.client, self.id, {name: source})
        return self.file(name)

    @checked()
    def stop(self) -> None:
        """Ask the program of the run to stop: it is interrupted when it sends something next. Raises `Denied`."""
        self._connection.client.post(f"/runs/{self.id}/stop", idempotent=True)

    @checked()
    def log_artifact(
        self,
        artifact: Artifact,
        aliases: str | Iterable[str] | None = None,
        tags: str | Iterable[str] | None = None,
        progress: ProgressCallback | None = None,
    ) -> Artifact:
        """Create a version as logged by this run, even if the run has ended; see `Run.log_artifact`."""
        alias_names, tag_names = validate_aliases(aliases), validate_tags(tags)
        state = artifact._state
        if isinstance(state, Draft):
            record = version_creation.create_version(
                *(self._connection, state, self._project_id, alias_names, self.id, tag_names), progress=progress
            )
            artifact._set_logged(self._connection, record)
            return artifact
        raise errors.AlreadyLogged(f"{state.qualified_name} is already logged, by the run that logged_by() returns")

    @checked(ignored=wandb_names.USE_ARTIFACT, renamed={"artifact": "name"})
    def use_artifact(self, name: str | Artifact, type: str | None = None) -> Artifact:
        """Find a version, and record that this run used it, even if that has ended; see `Run.use_artifact`."""
        version_id = requested_as = None
        if isinstance(name, Artifact):
            used = name.wait()._logged("use_artifact")
            version_id, name = used.record["id"], used.qualified_name
            requested_as = next(iter(usages.names_of(used.record)), None)
        full_name = self._connection.full_name(name, self.project)
        record = name_resolution.resolve_and_record_usage(
            self._connection,
            self.id,
            full_name if "/" in name else name,
            version_id=version_id,
            alias=None,
            version=None,
            type=type,
            requested_as=requested_as,
        )
        return Artifact._from_record(self._connection, record)


def find_run(connection: Connection, path: str) -> StoredRun:
    """The run `team/project/run`, by its id or name. Raises `NotFound`, and `Invalid` if several have that name."""
    if not isinstance(path, str):
        raise errors.Invalid(f"{path!r} is not the path of a run: use 'team/project/run' or its id")
    project, _, name = path.strip("/").rpartition("/")
    project = project.removesuffix("/runs")
    if _is_id(name):
        try:
            return _from_record(connection, connection.client.get(f"/runs/{name}"))
        except errors.NotFound:
            pass  # it may be a name of this form
    full_name = connection.full_project(project or None)
    records = connection.client.get("/runs", project=full_name, name=name[:128])["items"]
    if not records:
        # What a program calls `run.name` is its display name, if it has one.
        found = connection.client.iter_pages("/runs", project=full_name, search=name[:100])
        records = [record for record in found if record["display_name"] == name]
    if not records:
        raise errors.NotFound(f"Project {full_name!r} has no run {name!r}")
    if len(records) > 1:
        ids = ", ".join(record["id"] for record in records[:5])
        raise errors.Invalid(f"{len(records)} runs of {full_name!r} are named {name!r}: use an id, such as {ids}")
    return _from_record(connection, *_complete(connection, records))


def find_runs(
    connection: Connection,
    project: str | None,
    filters: run_filters.Filters | None,
    order: str,
    per_page: int | None = None,
    q: str | None = None,
) -> PaginatedList[StoredRun]:
    """The runs of a project that pass the filters, and match the query."""
    filters = filters or {}
    run_filters.require_valid(filters)
    path, is_descending = order.lstrip("+-"), order.startswith("-")
    run_filters.require_valid({path: None})
    query = {"project": connection.full_project(project), "q": q, **run_filters.exact(filters)}
    size = page_size(per_page)

    def matching(records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        whole = _complete(connection, records)
        return (record for record in whole if run_filters.matches(filters, record))

    def fetch(cursor: str) -> Page[StoredRun]:
        response = connection.client.get("/runs", cursor=cursor, page_size=size, **query)
        found = [_from_record(connection, record) for record in matching(response["items"])]
        return found, response["next_cursor"]

    def fetch_ordered(cursor: str) -> Page[StoredRun]:
        records = run_filters.ordered(matching(connection.client.iter_pages("/runs", **query)), path, is_descending)
        return [_from_record(connection, record) for record in records], None

    if order not in ("-created_at", "-createdAt"):
        return PaginatedList(fetch_ordered)
    if run_filters.exact(filters).keys() == filters.keys():
        return PaginatedList(fetch, lambda: int(connection.client.get("/runs", page_size=1, **query)["total"]))
    return PaginatedList(fetch)


def _complete(connection: Connection, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Records of a list, with what it left out because it was too long."""
    return (connection.client.complete(record, f"/runs/{record['id']}") for record in records)


def _from_record(connection: Connection, record: dict[str, Any]) -> StoredRun:
    return StoredRun(
        **vars(RunRecord._from_record(record)),
        notes=record["notes"],
        heartbeat_at=record["heartbeat_at"],
        last_step=record["last_step"],
        # Older servers do not have these.
        exit_code=record.get("exit_code"),
        error=record.get("error") or "",
        _name=record["name"],
        _project_id=record["project"],
        _row_count=record.get("history_row_count") or 0,
        _connection=connection,
    )


def _to_frame(rows: list[dict[str, Any]]) -> Any:
    if find_spec("pandas") is None:
        raise errors.Invalid("history(pandas=True) needs pandas, which is not installed: pip install pandas")
    return import_module("pandas").DataFrame.from_records(rows)


def _join_steps(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Join neighbouring rows of one step, unless they have different values of one name."""
    joined: dict[str, Any] | None = None
    for row in rows:
        if joined is None:
            joined = row
        elif row["_step"] == joined["_step"] and (row.keys() & joined.keys()) <= {"_step", "_timestamp", "_runtime"}:
            joined |= row
        else:
            yield joined
            joined = row
    if joined is not None:
        yield joined


def _is_id(name: str) -> bool:
    try:
        return len(name) == 36 and UUID(name) is not None
    except ValueError:
        return False
