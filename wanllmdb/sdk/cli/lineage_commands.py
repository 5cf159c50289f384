"""`wanllmdb artifact lineage` and `wanllmdb artifact impact`."""

from __future__ import annotations

import csv
import io
from typing import Annotated, Any

import typer

from wanllmdb.sdk import errors, name_resolution
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.cli.options import Json, Name, connect
from wanllmdb.sdk.cli.output import print_result, print_table
from wanllmdb.sdk.lineage import graph, tree
from wanllmdb.sdk.lineage.impact import Affected

_COLUMNS = ("kind", "name", "aliases", "protected_aliases", "state", "owner", "distance")
_CSV_COLUMNS = (*_COLUMNS, "type", "team", "id", "url")
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def show_lineage(
    name: Name,
    direction: Annotated[str, typer.Option(help="upstream, downstream or both.")] = "both",
    depth: Annotated[int, typer.Option(help="How many steps away, at most 50.")] = graph.DEPTH,
    limit: Annotated[int, typer.Option(help="How many versions and runs, at most 5000.")] = graph.LIMIT,
    as_json: Json = False,
    as_mermaid: Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flow chart, for Markdown.")] = False,
) -> None:
    """Show what a version was made from, and what was made from it."""
    if as_json and as_mermaid:
        raise errors.Invalid("Pass --json or --mermaid, not both")
    lineage = _find(name, as_json or as_mermaid).lineage(direction, depth, limit)
    if as_mermaid:
        print_result(None, False, [lineage.to_mermaid().rstrip("\n")])
        return
    print_result(lineage.as_dict(), as_json, tree.lines_of(lineage, direction))


def show_impact(
    name: Name,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values, with a header.")] = False,
) -> None:
    """List the versions and runs downstream of a version, which a change of it would affect."""
    if as_json and as_csv:
        raise errors.Invalid("Pass --json or --csv, not both")
    impact = _find(name, as_json or as_csv).impact()
    rows = [_row_of(item) for item in impact]
    if as_json:
        print_result({"summary": impact.summary, "results": rows}, True, [])
    elif as_csv:
        print_result(None, False, _csv_lines(rows))
    else:
        print_table(rows, False, _COLUMNS)


def _find(name: str, is_silent: bool) -> Artifact:
    connection = connect(is_silent)
    return Artifact._from_record(connection, name_resolution.resolve(connection, connection.full_name(name)))


def _row_of(item: Affected) -> dict[str, Any]:
    return {**vars(item), "name": item.qualified_name}


def _csv_lines(rows: list[dict[str, Any]]) -> list[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS)
    writer.writerows([_cell(row[column]) for column in _CSV_COLUMNS] for row in rows)
    return text.getvalue().splitlines()


def _cell(value: object) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
