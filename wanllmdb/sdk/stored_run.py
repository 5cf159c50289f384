"""The class `StoredRun`: a run that `Api` reads from the server, with its history and its artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from wanllmdb.sdk import errors, name_resolution, run_filters, version_creation
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.models import RunRecord
from wanllmdb.sdk.validators import validate_aliases, validate_tags


@dataclass(frozen=True)
class StoredRun(RunRecord):
    """A run as it was when it was fetched. Its history and artifacts are fetched when they are asked for."""

    notes: str
    heartbeat_at: str
    last_step: int | None
    """The largest step of the history; None if there is none."""
    _project_id: str = field(repr=False, compare=False)
    _connection: Connection = field(repr=False, compare=False)

    @property
    def path(self) -> str:
        """`team/project/id`, which `Api.run` takes."""
        return f"{self.project}/{self.id}"

    def scan_history(
        self, keys: Sequence[str] | None = None, min_step: int | None = None, max_step: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """What the run logged, in the order in which it arrived: dicts with `_step`, `_timestamp` (seconds), values.

        Values that were logged for one step by calls one after the other are in one dict. With `keys` only these, of
        the rows that have all of them. Steps are at least `min_step` and less than `max_step`. Fetched page by page.
        """
        pages = self._connection.client.iter_cursor_pages(
            f"/runs/{self.id}/history", limit=10_000, min_step=min_step, max_step=max_step
        )
        rows = _join_steps(row for page in pages for row in page["items"])
        names = [keys] if isinstance(keys, str) else keys
        if names is None:
            return rows
        return ({name: row[name] for name in names} for row in rows if all(name in row for name in names))

    def history(
        self,
        samples: int | None = None,
        keys: Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> list[dict[str, Any]]:
        """`scan_history` as a list; with `samples` at most so many rows, evenly spread from the first to the last."""
        rows = list(self.scan_history(keys, min_step, max_step))
        if samples is None or samples >= len(rows):
            return rows
        if samples < 1:
            raise errors.Invalid(f"samples is a number of rows, at least 1, not {samples!r}")
        gap = (len(rows) - 1) / max(samples - 1, 1)
        return [rows[round(number * gap)] for number in range(samples)]

    def logged_artifacts(self) -> list[Artifact]:
        """The versions that the run logged, newest first, at most 1,000."""
        return self._artifacts("logged")

    def used_artifacts(self) -> list[Artifact]:
        """The versions that the run used, newest first, at most 1,000."""
        return self._artifacts("used")

    def log_artifact(
        self, artifact: Artifact, aliases: str | Iterable[str] | None = None, tags: str | Iterable[str] | None = None
    ) -> Artifact:
        """Create a version as logged by this run, even if the run has ended; see `Run.log_artifact`."""
        alias_names, tag_names = validate_aliases(aliases), validate_tags(tags)
        state = artifact._state
        if isinstance(state, Draft):
            record = version_creation.create_version(
                self._connection, state, self._project_id, alias_names, self.id, tag_names
            )
            artifact._set_logged(self._connection, record)
            return artifact
        raise errors.AlreadyLogged(f"{state.qualified_name} is already logged, by the run that logged_by() returns")

    def use_artifact(self, name: str | Artifact, type: str | None = None) -> Artifact:
        """Find a version, and record that this run used it, even if that has ended; see `Run.use_artifact`."""
        version_id = None
        if isinstance(name, Artifact):
            version_id, name = name.wait().id, name.qualified_name
        full_name = self._connection.full_name(name, self.project)
        record = name_resolution.resolve_and_record_usage(
            self._connection,
            self.id,
            full_name if "/" in name else name,
            version_id=version_id,
            alias=None,
            version=None,
            type=type,
        )
        return Artifact._from_record(self._connection, record)

    def _artifacts(self, role: str) -> list[Artifact]:
        records = self._connection.client.get(f"/runs/{self.id}/artifacts")[role]
        return [Artifact._from_record(self._connection, record) for record in records]


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
    connection: Connection, project: str | None, filters: run_filters.Filters | None, order: str
) -> Iterator[StoredRun]:
    """The runs of a project that pass the filters."""
    filters = filters or {}
    run_filters.require_valid(filters)
    path, is_descending = order.lstrip("+-"), order.startswith("-")
    run_filters.require_valid({path: None})
    full_name = connection.full_project(project)
    records = _complete(
        connection, connection.client.iter_pages("/runs", project=full_name, **run_filters.exact(filters))
    )
    matching: Iterator[dict[str, Any]] = (record for record in records if run_filters.matches(filters, record))
    if order not in ("-created_at", "-createdAt"):
        matching = iter(run_filters.ordered(matching, path, is_descending))
    return (_from_record(connection, record) for record in matching)


def _complete(connection: Connection, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Records of a list, with what it left out because it was too long."""
    return (connection.client.complete(record, f"/runs/{record['id']}") for record in records)


def _from_record(connection: Connection, record: dict[str, Any]) -> StoredRun:
    return StoredRun(
        **vars(RunRecord._from_record(record)),
        notes=record["notes"],
        heartbeat_at=record["heartbeat_at"],
        last_step=record["last_step"],
        _project_id=record["project"],
        _connection=connection,
    )


def _join_steps(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Join neighbouring rows of one step, unless they have different values of one name."""
    joined: dict[str, Any] | None = None
    for row in rows:
        if joined is None:
            joined = row
        elif row["_step"] == joined["_step"] and (row.keys() & joined.keys()) <= {"_step", "_timestamp"}:
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
