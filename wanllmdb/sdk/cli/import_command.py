"""`wanllmdb import wandb`: copies a project of a server that the official `wandb` client speaks to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wanllmdb.sdk import errors
from wanllmdb.sdk.cli.options import Json, connect
from wanllmdb.sdk.cli.output import print_result
from wanllmdb.sdk.host_environment.directories import expand
from wanllmdb.sdk.local_cache import json_files
from wanllmdb.sdk.wandb_import.project import Selection, copy_project
from wanllmdb.sdk.wandb_import.report import Item, Report

import_app = typer.Typer(help="Copy projects from other servers.", no_args_is_help=True)

_MARKS = {"copied": "✓", "present": "✓", "planned": "…", "skipped": "-", "incomplete": "!", "failed": "×"}


@import_app.callback()
def import_group() -> None:
    """Copy projects from other servers."""


@import_app.command("wandb")
def import_wandb(
    *,
    base_url: Annotated[str, typer.Option("--from", help="URL of the server to read from.", metavar="URL")],
    project: Annotated[str, typer.Option(help="What to copy.", metavar="ENTITY/PROJECT")],
    target: Annotated[
        str | None,
        typer.Option("--to", help="Where to. Default: a project of the same name.", metavar="[TEAM/]PROJECT"),
    ] = None,
    runs: Annotated[
        list[str] | None,
        typer.Option(help="Only runs whose id or name is like this: 'train-*'. Can be repeated.", metavar="PATTERN"),
    ] = None,
    artifacts: Annotated[
        list[str] | None,
        typer.Option(help="Only artifacts whose name is like this. Can be repeated.", metavar="PATTERN"),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be copied, and copy nothing.")] = False,
    report_path: Annotated[
        Path | None, typer.Option("--report", help="Write what became of each run and version as JSON.", metavar="FILE")
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy a project of W&B, or of another server of its protocol, with its runs, artifacts and what ties them.

    Needs `pip install wandb`, which reads with its own key: WANDB_API_KEY, or what `wandb login --host URL` stored.
    It can be interrupted and started again: what was copied is not copied twice.

    Exit code 1 if something failed or lacks a part.
    """
    connection = connect(as_json)
    if project.count("/") != 1:
        raise errors.Invalid(f"{project!r} is not a project to copy: use 'entity/project'")
    to = connection.full_project(target or project.partition("/")[2])
    on_end = (lambda item: None) if as_json else _print
    base_url = base_url.rstrip("/")
    report = Report(f"{base_url}/{project}", f"{connection.settings.base_url}/{to}", on_end)
    try:
        copy_project(connection, base_url, project, to, report, Selection(runs, artifacts), is_dry_run=dry_run)
    finally:
        if report_path is not None:
            json_files.write(expand(report_path), report.as_dict())
        print_result(report.as_dict(), as_json, _summary(report))
    if not report.is_complete:
        raise typer.Exit(1)


def _print(item: Item) -> None:
    lines = [f"{_MARKS[item.outcome]} {item.kind} {item.name}: {item.outcome}"]
    print_result(None, False, map(_as_line, [*lines, *(f"    {note}" for note in item.notes)]))


def _as_line(text: str) -> str:
    """What the source says may hold what moves the cursor of a terminal, or writes over other lines."""
    return "".join(character if character.isprintable() else " " for character in text)


def _summary(report: Report) -> list[str]:
    lines = [f"{report.source} → {report.target}"]
    for kind, counts in report.counts().items():
        lines.append(f"  {kind}: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return lines
