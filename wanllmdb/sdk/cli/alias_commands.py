"""`wanllmdb artifact alias …`: list, set, remove, roll back, swap and propose aliases, and their history."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Annotated, Any

import typer

from wanllmdb.sdk import aliases, errors, timestamps
from wanllmdb.sdk.cli.options import At, Json, Name, connect
from wanllmdb.sdk.cli.output import print_result, print_table
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.name_resolution import get_artifact, resolve
from wanllmdb.sdk.validators import validate_alias

alias_app = typer.Typer(
    help="Set, remove, list, roll back and propose aliases. "
    "Exit code 3: the alias is not at the version of --expect. Exit code 4: it is protected.",
    no_args_is_help=True,
)

# By so much this machine's clock may differ from the server's.
MAX_CLOCK_SKEW = timedelta(minutes=5)

Alias = Annotated[str, typer.Argument(help="Such as production or v1.2.3.")]
Expect = Annotated[
    str | None, typer.Option(help="Only if the alias is at this version now; `none`: only if it does not exist.")
]
Reason = Annotated[str | None, typer.Option(help="Recorded in the history.")]
Propose = Annotated[bool, typer.Option("--propose", help="Ask a second person for approval, instead of doing it now.")]
Proposal = Annotated[str, typer.Argument(help="The id, as listed by `proposals`.")]
Comment = Annotated[str | None, typer.Option(help="Recorded with the decision.")]


@alias_app.command("set")
def set_alias(
    name: Name,
    alias: Alias,
    expect: Expect = None,
    reason: Reason = None,
    propose: Propose = False,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Point an alias to a version. A missing alias is created.

    With --at, NAME is resolved as of that time.
    """
    connection = connect(as_json)
    validate_alias(alias)
    full_name = connection.full_name(name)
    record = resolve(connection, full_name, at=at)
    artifact_id, short_name = record["artifact_id"], record["artifact_name"]
    if propose:
        _propose(connection, artifact_id, alias, record["id"], expect, reason, as_json)
        return
    expected = aliases.parse_expectation(connection, full_name, alias, expect)
    aliases.move(connection.client, artifact_id, {alias: record["id"]}, expected=expected, reason=reason)
    result = {
        "artifact": f"{record['project_name']}/{short_name}",
        "alias": alias,
        "version": record["version"],
        "version_id": record["id"],
    }
    print_result(result, as_json, [f"{short_name}:{alias} is now {record['version']}"])


@alias_app.command("rm")
def remove_alias(
    name: Name,
    alias: Alias,
    expect: Expect = None,
    reason: Reason = None,
    propose: Propose = False,
    as_json: Json = False,
) -> None:
    """Remove an alias. The version is not deleted."""
    connection = connect(as_json)
    validate_alias(alias)
    artifact = get_artifact(connection, name)
    if propose:
        _propose(connection, artifact["id"], alias, None, expect, reason, as_json)
        return
    expected = aliases.parse_expectation(connection, connection.full_name(name), alias, expect)
    aliases.move(connection.client, artifact["id"], {alias: None}, expected=expected, reason=reason)
    print_result({"removed": alias}, as_json, [f"Removed alias {alias!r} from {artifact['name']}"])


@alias_app.command("ls")
def list_aliases(name: Name, at: At = None, as_json: Json = False) -> None:
    """List the aliases of an artifact with their versions, now or as of --at."""
    connection = connect(as_json)
    artifact_id = get_artifact(connection, name)["id"]
    if at is not None:
        rows = _list_aliases_at(connection, artifact_id, at)
        print_table(rows, as_json, ("alias", "version", "changed_by", "since"))
        return
    columns = ("alias", "version", "protected", "created_by", "updated_at")
    current = aliases.list_aliases(connection.client, artifact_id).values()
    print_table([{column: row[column] for column in columns} for row in current], as_json, columns)


@alias_app.command()
def history(
    name: Name,
    alias: Annotated[
        str | None, typer.Argument(help="Can also follow the colon of NAME. Default: all aliases of the artifact.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many of the newest changes; 0: all.")] = 50,
    as_json: Json = False,
) -> None:
    """List the changes of an alias, newest first: from which version, to which, by whom, and why."""
    connection = connect(as_json)
    artifact_id = get_artifact(connection, name)["id"]
    rows = aliases.history(connection.client, artifact_id, alias or name.partition(":")[2])
    columns = ("created_at", "alias", "from_version", "to_version", "changed_by", "face", "reason", "is_rollback")
    print_table(list(islice(rows, limit or None)), as_json, columns)


@alias_app.command()
def rollback(
    name: Name,
    alias: Alias,
    expect: Expect = None,
    reason: Reason = None,
    propose: Propose = False,
    as_json: Json = False,
) -> None:
    """Move an alias back to its previous version. A second rollback undoes the first."""
    connection = connect(as_json)
    validate_alias(alias)
    artifact = get_artifact(connection, name)
    if propose:
        _refuse_expectation(expect)
        _print_proposed(aliases.propose_rollback(connection.client, artifact["id"], alias, reason), as_json)
        return
    expected = aliases.parse_expectation(connection, connection.full_name(name), alias, expect)
    row = aliases.rollback(connection.client, artifact["id"], alias, expected=expected, reason=reason)
    result = {
        "artifact": f"{artifact['project_name']}/{artifact['name']}",
        "alias": alias,
        "version": row["version"],
        "version_id": row["version_id"],
    }
    print_result(result, as_json, [f"{artifact['name']}:{alias} is back at {row['version']}"])


@alias_app.command()
def swap(name: Name, one: Alias, other: Alias, reason: Reason = None, as_json: Json = False) -> None:
    """Exchange the versions of two aliases in one step."""
    connection = connect(as_json)
    artifact = get_artifact(connection, name)
    versions = aliases.swap(connection.client, artifact["id"], one, other, reason)
    lines = [f"{artifact['name']}:{alias} is now {version}" for alias, version in versions.items()]
    print_result(versions, as_json, lines)


@alias_app.command()
def proposals(
    name: Name,
    state: Annotated[str, typer.Option(help="open, approved, rejected, withdrawn, or all.")] = "open",
    as_json: Json = False,
) -> None:
    """List the proposals that need approval by a second person."""
    connection = connect(as_json)
    artifact_id = get_artifact(connection, name)["id"]
    rows = aliases.list_proposals(connection.client, artifact_id, None if state == "all" else state)
    columns = ("id", "alias", "from_version", "to_version", "state", "proposed_by", "reason", "is_rollback")
    print_table(list(rows), as_json, columns)


@alias_app.command()
def approve(proposal: Proposal, comment: Comment = None, as_json: Json = False) -> None:
    """Approve a proposal: the alias moves, if it has not moved since. Nobody can approve their own."""
    _decide(proposal, "approve", comment, as_json)


@alias_app.command()
def reject(proposal: Proposal, comment: Comment = None, as_json: Json = False) -> None:
    """Reject a proposal: the alias stays at its version."""
    _decide(proposal, "reject", comment, as_json)


@alias_app.command()
def withdraw(proposal: Proposal, comment: Comment = None, as_json: Json = False) -> None:
    """Withdraw your own proposal."""
    _decide(proposal, "withdraw", comment, as_json)


def _propose(
    connection: Connection,
    artifact_id: str,
    alias: str,
    version_id: str | None,
    expect: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    _refuse_expectation(expect)
    _print_proposed(aliases.propose(connection.client, artifact_id, alias, version_id, reason), as_json)


def _refuse_expectation(expect: str | None) -> None:
    if expect is not None:
        raise errors.Invalid(
            "--expect cannot be combined with --propose: a proposal always expects the current version"
        )


def _print_proposed(row: dict[str, Any], as_json: bool) -> None:
    change = f"{row['from_version'] or 'none'} → {row['to_version'] or 'removed'}"
    lines = [
        f"Proposed: {row['alias']}: {'rollback, ' if row['is_rollback'] else ''}{change}",
        f"To approve, a second person runs: wanllmdb artifact alias approve {row['id']}",
    ]
    print_result(row, as_json, lines)


def _decide(proposal: str, action: str, comment: str | None, as_json: bool) -> None:
    row = aliases.decide(connect(as_json).client, proposal, action, comment)
    print_result(row, as_json, [f"{row['alias']}: {row['state']}"])


def _list_aliases_at(connection: Connection, artifact_id: str, at: str) -> list[dict[str, Any]]:
    """The aliases as of `at`: for each of them the last change before."""
    time, last_changes = timestamps.parse(at), dict[str, dict[str, Any]]()
    if time > datetime.now(timezone.utc) + MAX_CLOCK_SKEW:
        raise errors.Invalid(f"{at!r} is in the future: pass a time in the past")
    for row in aliases.history(connection.client, artifact_id, limit=1000):
        if timestamps.parse(row["created_at"]) <= time:
            last_changes.setdefault(row["alias"], row)
    return [
        {"alias": alias, "version": row["to_version"], "changed_by": row["changed_by"], "since": row["created_at"]}
        for alias, row in sorted(last_changes.items())
        if row["to_version_id"] is not None
    ]
