"""`wanllmdb artifact alias …`: where the aliases are, where they were, and how they move."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Annotated, Any

import typer

from wanllmdb.sdk import aliases, errors, paths, timestamps, version_creation
from wanllmdb.sdk.cli.output import At, Json, Name, answer, answer_rows, connect
from wanllmdb.sdk.connection import Connection

alias_app = typer.Typer(
    help="Set, remove, list, undo and propose aliases. Exit code 3: it is not where --expect says. 4: it is protected.",
    no_args_is_help=True,
)

# By so much may this machine's clock be behind the server's.
CLOCKS_DIFFER = timedelta(minutes=5)

Alias = Annotated[str, typer.Argument(help="Such as production or v1.2.3.")]
Expect = Annotated[
    str | None, typer.Option(help="Only if the alias is at this version now; `none`: if it does not exist.")
]
Reason = Annotated[str | None, typer.Option(help="Kept in the history.")]
Propose = Annotated[bool, typer.Option("--propose", help="Let a second person decide, instead of doing it now.")]
Proposal = Annotated[str, typer.Argument(help="The id, as `proposals` lists it.")]
Comment = Annotated[str | None, typer.Option(help="Kept with the decision.")]


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
    """Point an alias at a version: made, or moved from where it was.

    With --at the version is meant that NAME:alias was at in that moment.
    """
    joined = connect(as_json)
    paths.check_alias(alias)
    full = joined.full_name(name)
    found = version_creation.resolve(joined, full, at=at)
    place, short = found["artifact_id"], found["artifact_name"]
    if propose:
        _propose(joined, place, alias, found["id"], expect, reason, as_json)
        return
    expected = aliases.expectation(joined, full, alias, expect)
    aliases.move(joined.client, place, {alias: found["id"]}, expected=expected, reason=reason)
    told = {"artifact": f"{found['project_name']}/{short}", "alias": alias}
    told |= {"version": found["version"], "version_id": found["id"]}
    answer(told, as_json, [f"{short}:{alias} is {found['version']} now"])


@alias_app.command("rm")
def remove_alias(
    name: Name,
    alias: Alias,
    expect: Expect = None,
    reason: Reason = None,
    propose: Propose = False,
    as_json: Json = False,
) -> None:
    """Remove an alias. The version stays."""
    joined = connect(as_json)
    paths.check_alias(alias)
    found = version_creation.find_named(joined, name)
    if propose:
        _propose(joined, found["id"], alias, None, expect, reason, as_json)
        return
    expected = aliases.expectation(joined, joined.full_name(name), alias, expect)
    aliases.move(joined.client, found["id"], {alias: None}, expected=expected, reason=reason)
    answer({"removed": alias}, as_json, [f"{found['name']} has no alias {alias!r} any more"])


@alias_app.command("ls")
def list_aliases(name: Name, at: At = None, as_json: Json = False) -> None:
    """List the aliases of an artifact with their versions, as they are or as they were."""
    joined = connect(as_json)
    place = version_creation.find_named(joined, name)["id"]
    if at is not None:
        rows = _listed_at(joined, place, at)
        answer_rows(rows, as_json, ("alias", "version", "changed_by", "since"))
        return
    kept = ("alias", "version", "protected", "created_by", "updated_at")
    found = aliases.listed(joined.client, place).values()
    answer_rows([{field: row[field] for field in kept} for row in found], as_json, kept)


@alias_app.command()
def history(
    name: Name,
    alias: Annotated[
        str | None, typer.Argument(help="May stand behind the name's colon; all of the artifact when absent.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many of the newest changes; 0: all.")] = 50,
    as_json: Json = False,
) -> None:
    """List what happened to an alias, newest first: from where, to where, by whom, and why."""
    joined = connect(as_json)
    rows = aliases.history(
        joined.client, version_creation.find_named(joined, name)["id"], alias or name.partition(":")[2]
    )
    columns = ("created_at", "alias", "from_version", "to_version", "changed_by", "face", "reason")
    answer_rows(list(islice(rows, limit or None)), as_json, columns)


@alias_app.command()
def rollback(name: Name, alias: Alias, expect: Expect = None, reason: Reason = None, as_json: Json = False) -> None:
    """Move an alias back to the version where it was before. A second rollback undoes the first."""
    joined = connect(as_json)
    paths.check_alias(alias)
    found = version_creation.find_named(joined, name)
    expected = aliases.expectation(joined, joined.full_name(name), alias, expect)
    row = aliases.rollback(joined.client, found["id"], alias, expected=expected, reason=reason)
    told = {"artifact": f"{found['project_name']}/{found['name']}", "alias": alias}
    told |= {"version": row["version"], "version_id": row["version_id"]}
    answer(told, as_json, [f"{found['name']}:{alias} is back at {row['version']}"])


@alias_app.command()
def swap(name: Name, one: Alias, other: Alias, reason: Reason = None, as_json: Json = False) -> None:
    """Let two aliases change places, both or none."""
    joined = connect(as_json)
    found = version_creation.find_named(joined, name)
    places = aliases.swap(joined.client, found["id"], one, other, reason)
    answer(places, as_json, [f"{found['name']}:{alias} is {version} now" for alias, version in places.items()])


@alias_app.command()
def proposals(
    name: Name,
    state: Annotated[str, typer.Option(help="open, approved, rejected, withdrawn, or all.")] = "open",
    as_json: Json = False,
) -> None:
    """List the moves that wait for a second person."""
    joined = connect(as_json)
    place = version_creation.find_named(joined, name)["id"]
    rows = aliases.proposals(joined.client, place, None if state == "all" else state)
    columns = ("id", "alias", "from_version", "to_version", "state", "proposed_by", "reason")
    answer_rows(list(rows), as_json, columns)


@alias_app.command()
def approve(proposal: Proposal, comment: Comment = None, as_json: Json = False) -> None:
    """Let a proposed move happen, if the alias is still where it was. Not for who proposed it."""
    _decide(proposal, "approve", comment, as_json)


@alias_app.command()
def reject(proposal: Proposal, comment: Comment = None, as_json: Json = False) -> None:
    """Decide that the alias stays where it is."""
    _decide(proposal, "reject", comment, as_json)


@alias_app.command()
def withdraw(proposal: Proposal, comment: Comment = None, as_json: Json = False) -> None:
    """Take your own proposal back."""
    _decide(proposal, "withdraw", comment, as_json)


# --- Inside -----------------------------------------------------------------------------------------------------------


def _propose(
    joined: Connection,
    place: str,
    alias: str,
    version_id: str | None,
    expect: str | None,
    reason: str | None,
    as_json: bool,
) -> None:
    if expect is not None:
        raise errors.Invalid("--expect and --propose: a proposal expects by itself that the alias stays where it is")
    made = aliases.propose(joined.client, place, alias, version_id, reason)
    there, then = made["from_version"] or "nowhere", made["to_version"] or "to be removed"
    lines = [f"Proposed: {alias}, which is {there} now, {'is' if version_id is None else 'becomes'} {then}"]
    answer(made, as_json, [*lines, f"Somebody else decides: wanllmdb artifact alias approve {made['id']}"])


def _decide(proposal: str, act: str, comment: str | None, as_json: bool) -> None:
    row = aliases.decide(connect(as_json).client, proposal, act, comment)
    answer(row, as_json, [f"{row['alias']}: {row['state']}"])


def _listed_at(joined: Connection, place: str, at: str) -> list[dict[str, Any]]:
    """Where all aliases were: of each the last thing that had happened to it by then."""
    moment, last = timestamps.parse(timestamps.stated(at)), dict[str, dict[str, Any]]()
    if moment > datetime.now(timezone.utc) + CLOCKS_DIFFER:
        raise errors.Invalid(f"{at!r} is still to come: nobody knows where the aliases will be")
    for row in aliases.history(joined.client, place, limit=1000):
        if timestamps.parse(row["created_at"]) <= moment:
            last.setdefault(row["alias"], row)
    return [
        {"alias": alias, "version": row["to_version"], "changed_by": row["changed_by"], "since": row["created_at"]}
        for alias, row in sorted(last.items())
        if row["to_version_id"] is not None
    ]
