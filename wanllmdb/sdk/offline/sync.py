"""Sends an offline run: the run, its history and artifacts, and its end. Whatever arrived before is not sent again.

What was sent is written down after each step. Where a step arrived and that could not be written down, the server
recognises the run by its id, and an artifact is found by its digest among the versions that the run logged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from wanllmdb.sdk import errors, links, version_creation
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.draft import Draft
from wanllmdb.sdk.http_client import quote_segment
from wanllmdb.sdk.json_limits import FitOnce, fit
from wanllmdb.sdk.lineage import sources
from wanllmdb.sdk.lineage.sources import Source
from wanllmdb.sdk.manifest import Entry
from wanllmdb.sdk.offline.events import Outcome, fold
from wanllmdb.sdk.offline.run_directory import RunDirectory, find
from wanllmdb.sdk.run_files import uploads
from wanllmdb.sdk.tags import tag_changes
from wanllmdb.sdk.validators import validate_aliases, validate_tags

Result = TypeVar("Result")

MAX_ROWS_PER_REQUEST = 10_000
MAX_BYTES_PER_REQUEST = 4_000_000

# These would happen to every run: there is no sense in trying the next one.
_ABORT = (errors.AuthenticationError, errors.Unreachable, errors.ServerError)


@dataclass
class Report:
    """What became of one directory."""

    path: str
    state: str = "failed"
    """`sent`, `sent before`, `running` or `failed`."""
    name: str = ""
    url: str | None = None
    artifacts: list[str] = field(default_factory=list)
    """The versions that were made or found: `team/project/name:v3`."""
    problems: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def sync(connection: Connection, directory: RunDirectory) -> Report:
    """Send what was not sent yet. What the server refuses is in the report, and the rest is sent nevertheless.

    Raises `Unreachable`, `ServerError` and `AuthenticationError`; calling it again goes on from there.
    """
    report = Report(str(directory.path), name=directory.path.name)
    try:
        description = directory.read()
        report.name = str(description["fields"].get("display_name") or description["name"])
        with directory.locked():
            Sender(connection, directory, report).send(description)
    except BlockingIOError:
        report.state = "running"
    except _ABORT:
        raise
    except errors.WanLLMDBError as error:
        report.problems.append(str(error))
    return report


class Sender:
    """One directory on its way to the server."""

    def __init__(self, connection: Connection, directory: RunDirectory, report: Report) -> None:
        self._connection = connection
        self._client = connection.client
        self._directory = directory
        self._report = report
        self._progress = directory.read_progress(self._client.base_url)
        self._sent: dict[str, dict[str, Any]] = self._progress.setdefault("events", {})
        """By the number of its event, what became of it."""
        self._logged: list[dict[str, Any]] = []
        """The versions of the run that the server has, oldest first."""
        self._cannot_save = False

    def send(self, description: dict[str, Any]) -> None:
        """Raises what the server answers to the run itself; other refusals are added to the report."""
        if self._progress.get("is_complete"):
            self._report.state, self._report.url = "sent before", self._progress["url"]
            self._report.artifacts = self._artifacts()
            return
        console = self._connection.console
        console.info(f"Sending run {self._report.name!r} of {description['project']}...")
        events, broken = self._directory.events()
        if broken:
            console.warning(f"{self._directory.path}: {broken} incomplete events are left out")
        outcome = fold(description, events)
        run = self._send_run(description)
        self._attempt("config and summary", lambda: self._send_values(run, description["fields"], outcome))
        self._attempt("the files of the run", lambda: self._send_files(run, outcome))
        self._attempt("history", lambda: self._send_history(run, description["id"], outcome))
        self._logged = list(reversed(self._client.get(f"/runs/{run['id']}/artifacts")["logged"]))
        for number, event in outcome.actions:
            if str(number) not in self._sent:
                self._send_action(run, str(number), event)
        self._attempt("the end of the run", lambda: self._send_end(run, outcome))
        self._report.artifacts = self._artifacts()
        if not self._report.problems:
            self._report.state = "sent"
            self._save(is_complete=True)

    def _send_run(self, description: dict[str, Any]) -> dict[str, Any]:
        body = {
            **description["fields"],
            **{field: description[field] for field in ("project", "name", "resume", "started_at")},
            "idempotency_key": description["id"],
        }
        run: dict[str, Any] = self._client.post("/runs", body, idempotent=True)
        self._report.url = run["url"]
        # The first time only: after that the last step is one of ours.
        known = self._progress.get("steps_before", 0 if run["created"] else run["last_step"] or 0)
        self._save(run_id=run["id"], url=run["url"], steps_before=known)
        return run

    def _send_values(self, run: dict[str, Any], fields: dict[str, Any], outcome: Outcome) -> None:
        fitting = FitOnce(self._connection.console.warning)
        values = {name: fitting.fit(f"the run's {name}", outcome.values[name]) for name in ("config", "summary")}
        # What a resumed run had before stays.
        body = {**outcome.values, **values, "merge": not run["created"]}
        if "tags" in body:
            body |= tag_changes(fields.get("tags") or [], body.pop("tags"))
        self._client.patch(f"/runs/{run['id']}", body)

    def _send_end(self, run: dict[str, Any], outcome: Outcome) -> None:
        body = {"state": outcome.state, "finished_at": outcome.ended_at, **outcome.reason}
        self._client.post(f"/runs/{run['id']}/finish", body, idempotent=True)

    def _send_history(self, run: dict[str, Any], writer: str, outcome: Outcome) -> None:
        rows, before = outcome.rows, self._progress["steps_before"]
        for row in rows[: outcome.counted]:
            row["_step"] += before
        # The server skips what it has of this writer.
        for offset, batch in _batches([fit(row)[0] for row in rows]):
            body = {"writer": writer, "offset": offset, "rows": batch}
            self._client.post(f"/runs/{run['id']}/history", body, idempotent=True)

    def _send_files(self, run: dict[str, Any], outcome: Outcome) -> None:
        """Before the history, whose rows name them."""
        if self._progress.get("are_files_sent"):
            return
        entries = [
            Entry(path, file["size"], file["sha256"], executable=file.get("executable") is True)
            for path, file in outcome.files.items()
        ]
        known = len(self._report.problems)
        files = {}
        for entry in entries:
            source = self._attempt(f"the file {entry.path}", partial(self._directory.files.checked_path, entry))
            if source is not None:
                files[entry.path] = source
        try:
            uploads.send(self._client, run["id"], files)
        except _ABORT:
            raise
        except errors.WanLLMDBError:
            # One of them is refused, which keeps no other.
            for path, source in files.items():
                self._attempt(f"the file {path}", partial(uploads.send, self._client, run["id"], {path: source}))
        if len(self._report.problems) == known:
            self._save(are_files_sent=True)

    def _send_alert(self, run: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        self._client.post(f"/runs/{run['id']}/alerts", event["alert"], idempotent=True)
        return {"is_sent": True}

    # --- Artifacts ----------------------------------------------------------------------------------------------------

    def _send_action(self, run: dict[str, Any], number: str, event: dict[str, Any]) -> None:
        actions = {
            "log_artifact": self._log_artifact,
            "add_aliases": self._add_aliases,
            "use_artifact": self._use_artifact,
            "link_artifact": self._link_artifact,
            "alert": self._send_alert,
        }
        label = str(event.get("artifact_name") or event.get("qualified_name") or "an artifact of an offline run")
        result = self._attempt(f"{event['type']} {label}", lambda: actions[event["type"]](run, event))
        if result is not None:
            self._sent[number] = result
            self._save()

    def _log_artifact(self, run: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        aliases, tags = validate_aliases(event["aliases"]), validate_tags(event["tags"])
        derived_from = [self._source_of(source) for source in event.get("derived_from") or ()]
        draft = Draft(
            event["artifact_name"], event["artifact_type"], event["description"], event["metadata"], derived_from
        )
        draft.tags = list(event.get("version_tags") or ())
        draft.ttl = timedelta(seconds=event["ttl_seconds"]) if event.get("ttl_seconds") else None
        record = self._find_logged(draft.name, event["digest"])
        if record is None:
            for entry in self._directory.read_manifest(event["id"]):
                if entry.is_reference:
                    draft.add_reference(entry)
                else:
                    draft.add_file(self._directory.files.checked_path(entry), entry.path)
            record = version_creation.create_version(
                *(self._connection, draft, run["project"], aliases, run["id"], tags), expected_digest=event["digest"]
            )
        name = f"{record['project_name']}/{record['artifact_name']}:{record['version']}"
        return {"artifact": event["id"], "version_id": record["id"], "qualified_name": name}

    def _find_logged(self, name: str, digest: str) -> dict[str, Any] | None:
        """The version that an earlier attempt made, which could not write that down."""
        known = {result.get("version_id") for result in self._sent.values()}
        for record in self._logged:
            if (record["artifact_name"], record["digest"]) == (name, digest) and record["id"] not in known:
                return record
        return None

    def _source_of(self, source: dict[str, Any]) -> Source:
        if "name" in source:
            return sources.of_name(source["name"])
        version = self._version_of(source)
        return Source(version["qualified_name"], version_id=version["version_id"])

    def _add_aliases(self, run: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        aliases, tags = validate_aliases(event["aliases"]), validate_tags(event["tags"])
        version = self._version_of(event)
        record = self._client.get(f"/artifacts/versions/{quote_segment(version['version_id'])}")
        if record["project_name"] != run["project_name"]:
            raise errors.AlreadyLogged(f"{version['qualified_name']} was logged in another project")
        version_creation.add_aliases(self._connection, record, aliases, tags)
        return version

    def _use_artifact(self, run: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        version = self._version_of(event)
        name, _, number = version["qualified_name"].partition(":")
        body = {"name": name, "version": number}
        if event.get("requested_as"):
            body["requested_as"] = event["requested_as"]
        self._client.post(f"/runs/{run['id']}/use-artifact", body, idempotent=True)
        return version

    def _link_artifact(self, run: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        aliases = validate_aliases(event["aliases"])
        name = links.full_name(self._connection, event["collection"], run["project_name"])
        version = self._version_of(event)
        if event.get("create_project"):
            record = self._client.get(f"/artifacts/versions/{quote_segment(version['version_id'])}", limit=1)
            links.create_collection(self._client, name, record["artifact_type"])
        links.create(self._client, version["version_id"], name, aliases)
        return {"is_sent": True}

    def _version_of(self, event: dict[str, Any]) -> dict[str, Any]:
        """The version that an event is about: of the server, or one that an offline run logged."""
        offline = event.get("offline")
        if offline is None:
            return {"version_id": event["version_id"], "qualified_name": event["qualified_name"]}
        others = (other.read_progress(self._client.base_url) for other in find(self._directory.path.parent))
        for results in (self._sent, *(other.get("events", {}) for other in others)):
            for result in results.values():
                if result.get("artifact") == offline["artifact"]:
                    return {"version_id": result["version_id"], "qualified_name": result["qualified_name"]}
        raise errors.NotFound(f"Send the run {offline['run']} first, which logged it")

    # --- Progress -----------------------------------------------------------------------------------------------------

    def _attempt(self, label: str, operation: Callable[[], Result]) -> Result | None:
        """Its result, or None after a refusal, which is added to the report."""
        try:
            return operation()
        except _ABORT:
            raise
        except (errors.WanLLMDBError, KeyError, TypeError) as error:
            self._report.problems.append(f"{label}: {error}")
            return None

    def _artifacts(self) -> list[str]:
        return list(dict.fromkeys(sent["qualified_name"] for sent in self._sent.values() if "artifact" in sent))

    def _save(self, **changes: Any) -> None:
        self._progress |= changes
        try:
            self._directory.write_progress(self._client.base_url, self._progress)
        except errors.CacheError as error:
            if not self._cannot_save:
                self._connection.console.warning(f"{error}. What was sent cannot be noted there.")
            self._cannot_save = True


def _batches(rows: list[dict[str, Any]]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The rows in lists that one request can take, each with the number of its first row."""
    batch: list[dict[str, Any]] = []
    size = offset = 0
    for number, row in enumerate(rows):
        cost = len(json.dumps(row))
        if batch and (len(batch) == MAX_ROWS_PER_REQUEST or size + cost > MAX_BYTES_PER_REQUEST):
            yield offset, batch
            batch, size, offset = [], 0, number
        batch.append(row)
        size += cost
    if batch:
        yield offset, batch
