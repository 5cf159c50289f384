"""How the command line asks and answers: what its commands have in common."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console as Terminal
from rich.table import Table

from wanllmdb.sdk import connection
from wanllmdb.sdk.console import Console

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]
Name = Annotated[str, typer.Argument(help="team/project/name:alias; what is left out comes from the settings.")]
At = Annotated[
    str | None,
    typer.Option(help="As it was at that moment, with its time zone: 2026-05-03T12:00:00Z.", metavar="TIMESTAMP"),
]

_TITLES = {"from_version": "from", "to_version": "to", "changed_by": "by", "proposed_by": "by"}
_WHOLE = {"id", "alias", "version", "created_at", "updated_at", "since"}


def connect(as_json: bool) -> connection.Connection:
    """A connection that says nothing of its own where only JSON is wanted."""
    return connection.connect(mode="online", silent=True if as_json else None)


def answer(value: Any, as_json: bool, lines: list[str]) -> None:
    for line in [json.dumps(value, indent=2)] if as_json else lines:
        Console().say(line)


def answer_rows(rows: list[dict[str, Any]], as_json: bool, columns: tuple[str, ...]) -> None:
    """A table on a terminal, tab-separated in a pipe."""
    if as_json:
        answer(rows, as_json, [])
        return
    texts = [[_text(row[column]) for column in columns] for row in rows]
    if not sys.stdout.isatty():
        answer(None, False, ["\t".join(row) for row in texts])
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        # What people copy is never cut; the rest makes room for it.
        table.add_column(_TITLES.get(column, column), no_wrap=column in _WHOLE, overflow="fold")
    for row in texts:
        table.add_row(*row)
    Terminal().print(table)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
