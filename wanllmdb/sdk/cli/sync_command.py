"""`wanllmdb sync`: sends what was logged in mode `offline`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from wanllmdb.sdk import errors
from wanllmdb.sdk.cli.options import Json, connect
from wanllmdb.sdk.cli.output import print_result, print_table
from wanllmdb.sdk.host_environment.directories import expand
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.offline import run_directory
from wanllmdb.sdk.offline.run_directory import RunDirectory
from wanllmdb.sdk.offline.sync import Report, sync


def sync_runs(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH]...",
            help="Directories of runs, or directories that contain them. Default: all runs in the cache directory.",
        ),
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="Delete the directory of each run once all of it is on the server.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs, and send nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Send runs that were logged in mode offline. What was sent before is not sent again.

    Exit code 1 if something was refused, or if a run that PATH names still goes on.
    """
    connection = connect(as_json)
    directories = [item for path in paths or [] for item in _find(path)]
    if not paths:
        directories = run_directory.find(connection.settings.cache_dir / "offline")
    if dry_run:
        rows = [_describe(directory, connection.settings.base_url) for directory in directories]
        print_table(rows, as_json, ("path", "name", "project", "started_at", "state"))
        return
    reports: list[Report] = []
    try:
        for directory in directories:
            reports.append(sync(connection, directory))
            if not as_json:
                _print(reports[-1])
        if clean:
            _clean(directories, reports)
    finally:
        counts = [
            f"{count} {state}"
            for state in ("sent", "sent before", "running", "failed")
            if (count := sum(report.state == state for report in reports))
        ]
        lines = [f"Runs: {', '.join(counts) or 'none to send'}"]
        print_result([report.as_dict() for report in reports], as_json, lines)
    is_incomplete = {"failed"} if not paths else {"failed", "running"}
    if is_incomplete & {report.state for report in reports}:
        raise typer.Exit(1)


def _clean(directories: list[RunDirectory], reports: list[Report]) -> None:
    """Delete what was sent, unless a run that was not uses its artifacts."""
    sent: list[RunDirectory] = []
    unsent: list[RunDirectory] = []
    for directory, report in zip(directories, reports, strict=True):
        (sent if report.state in ("sent", "sent before") else unsent).append(directory)
    needed = {run for directory in unsent for run in _used_runs(directory)}
    for directory in sent:
        if directory.read()["id"] not in needed:
            with json_files.refuse(directory.path):
                shutil.rmtree(directory.path)


def _used_runs(directory: RunDirectory) -> set[str]:
    """The ids of the offline runs whose artifacts this one uses."""
    references = [event.get("offline") for event in directory.events()[0]]
    return {str(reference.get("run")) for reference in references if isinstance(reference, dict)}


def _find(path: Path) -> list[RunDirectory]:
    path = expand(path)
    directories = run_directory.find(path)
    if not directories:
        raise errors.NotFound(f"{path} is not the directory of an offline run, and contains none")
    return directories


def _describe(directory: RunDirectory, base_url: str) -> dict[str, str]:
    row = {"path": str(directory.path), "name": "", "project": "", "started_at": "", "state": "unreadable"}
    try:
        run = directory.read()
        with directory.locked():
            row["state"] = "sent before" if directory.read_progress(base_url).get("is_complete") else "not sent"
    except errors.CacheError:
        return row
    except BlockingIOError:
        row["state"] = "running"
    return row | {"name": run["name"], "project": run["project"], "started_at": run["started_at"]}


def _print(report: Report) -> None:
    marks = {"sent": "✓", "sent before": "✓", "running": "…", "failed": "×"}
    lines = [f"{marks[report.state]} {report.name}: {report.state}" + (f", {report.url}" if report.url else "")]
    lines += [f"  {problem}" for problem in report.problems]
    print_result(None, False, lines)
