"""Options and arguments that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

from wanllmdb.sdk import connection

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ProgressJson = Annotated[
    bool, typer.Option("--progress-json", help="Print how far it is on standard error, as lines of JSON, and no texts.")
]
Name = Annotated[
    str, typer.Argument(help="team/project/name:alias. Team and project can be omitted if the settings have them.")
]
At = Annotated[
    str | None,
    typer.Option(help="As of this time, with a time zone: 2026-05-03T12:00:00Z.", metavar="TIMESTAMP"),
]


def connect(as_json: bool) -> connection.Connection:
    """A connection that prints nothing itself if the output is JSON."""
    return connection.connect(mode="online", silent=True if as_json else None)
