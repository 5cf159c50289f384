"""The output of the command line: text for people, tab-separated values in a pipe, JSON with `--json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console as RichConsole
from rich.table import Table

from wanllmdb.sdk.console import Console
from wanllmdb.sdk.progress import TransferProgress

_TITLES = {
    "from_version": "from",
    "to_version": "to",
    "changed_by": "by",
    "proposed_by": "by",
    "face": "channel",
    "is_rollback": "rollback",
}
_NEVER_WRAPPED = {"id", "alias", "version", "created_at", "updated_at", "since"}


def print_result(value: Any, as_json: bool, lines: Iterable[str]) -> None:
    for line in [json.dumps(value, indent=2)] if as_json else lines:
        Console().info(line)


def print_progress(progress: TransferProgress) -> None:
    """A line of JSON on standard error."""
    print(json.dumps(asdict(progress)), file=sys.stderr, flush=True)


def print_table(rows: list[dict[str, Any]], as_json: bool, columns: Sequence[str]) -> None:
    """A table on a terminal, tab-separated values in a pipe."""
    if as_json:
        print_result(rows, as_json, [])
        return
    texts = [[_format(row[column]) for column in columns] for row in rows]
    if not sys.stdout.isatty():
        print_result(None, False, ["\t".join(row) for row in texts])
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        # Columns that people copy from stay on one line; the others wrap.
        table.add_column(_TITLES.get(column, column), no_wrap=column in _NEVER_WRAPPED, overflow="fold")
    for row in texts:
        table.add_row(*row)
    RichConsole().print(table)


def _format(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
