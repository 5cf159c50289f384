"""Where the aliases of an artifact are, and how they move.

A change may be sent twice, where an answer was lost on the way, and is made once: it is all or nothing, says where the
aliases are expected to be, and one that finds its own work done has succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from wanllmdb.sdk import errors, version_creation
from wanllmdb.sdk.client import Client, segment
from wanllmdb.sdk.connection import Connection

NOWHERE = "none"
"""Said instead of a version by who expects that the alias does not exist."""

Places = Mapping[str, str | None]
"""Aliases with the ids of versions, or None for none."""


def listed(client: Client, artifact_id: str) -> dict[str, dict[str, Any]]:
    """All aliases as they are now."""
    return {row["alias"]: row for row in client.get(_of(artifact_id))["items"]}


def move(
    client: Client, artifact_id: str, wanted: Places, *, expected: Places | None = None, reason: str | None = None
) -> None:
    """Make, move and (where it is None) remove aliases: all of them, or none.

    Those that `expected` names only if they are there. Raises `AliasMoved`, `AliasProtected`, `AliasNotFound`,
    `AliasTargetRefused`.
    """
    body = {"aliases": dict(wanted), "expected": dict(expected or {}), "reason": reason or ""}
    try:
        client.put_json(_of(artifact_id), body, repeatable=True)
    except (errors.AliasMoved, errors.AliasNotFound) as refusal:
        if not refusal.answer_lost or not _is_ours(client, artifact_id, wanted, expected or {}):
            raise


def release(
    client: Client, artifact_id: str, version_id: str, taken: Places, released: Iterable[str], reason: str | None = None
) -> list[errors.AliasMoved]:
    """Move aliases as `taken` says, and remove others from this version, in one step.

    An alias that is at another version by now, or nowhere, is not this version's to lose: it stays, and is told of.
    """
    leaving = dict.fromkeys(released, version_id)
    stayed: list[errors.AliasMoved] = []
    while taken or leaving:
        try:
            move(client, artifact_id, {**taken, **dict.fromkeys(leaving)}, expected=leaving, reason=reason)
            break
        except errors.AliasMoved as moved:
            # Where an answer was lost it is not sure what was done: not for us to take what was wanted once more.
            if moved.alias not in leaving or moved.answer_lost:
                raise
            del leaving[moved.alias]
            stayed.append(moved)
    return stayed


def rollback(
    client: Client, artifact_id: str, alias: str, *, expected: Places, reason: str | None = None
) -> dict[str, Any]:
    """Move the alias to where it was before, if it is where `expected` says, or where it is when this looks.

    A rollback without condition that is sent twice would undo itself.
    """
    if alias not in expected:
        now = listed(client, artifact_id).get(alias)
        expected = {alias: now["version_id"] if now else None}
    body = {"expected_version_id": expected[alias], "reason": reason or ""}
    try:
        return dict(client.post(f"{_of(artifact_id)}/{segment(alias)}/rollback", body, repeatable=True))
    except errors.AliasMoved as refusal:
        row = listed(client, artifact_id).get(alias) if refusal.answer_lost else None
        if row is None or not _is_ours(client, artifact_id, {alias: row["version_id"]}, expected):
            raise
        return row


def swap(client: Client, artifact_id: str, one: str, other: str, reason: str | None = None) -> dict[str, str]:
    """Let two aliases change places, if they are still where they are when this looks. Returns their versions.

    What is sent says where each of them goes: a plain swap that is sent twice would undo itself.
    """
    if one == other:
        raise errors.Invalid(f"Name two aliases: {one!r} cannot change places with itself")
    there = listed(client, artifact_id)
    for alias in (one, other):
        if alias not in there:
            there[alias] = client.get(f"{_of(artifact_id)}/{segment(alias)}")
    before = {alias: there[alias]["version_id"] for alias in (one, other)}
    move(client, artifact_id, {one: before[other], other: before[one]}, expected=before, reason=reason)
    return {one: there[other]["version"], other: there[one]["version"]}


def history(
    client: Client, artifact_id: str, alias: str | None = None, *, limit: int = 200
) -> Iterator[dict[str, Any]]:
    """Every change, newest first, asked for page by page: of one alias, or of all."""
    path = f"{_of(artifact_id)}/{segment(alias)}/history" if alias else f"{_of(artifact_id)}/history"
    return (row for page in client.scroll(path, limit=limit) for row in page["items"])


def propose(
    client: Client, artifact_id: str, alias: str, version_id: str | None, reason: str | None = None
) -> dict[str, Any]:
    """Ask that somebody else make the move (None: remove the alias). Raises `ProposalOpen`."""
    body = {"alias": alias, "version_id": version_id, "reason": reason or ""}
    try:
        return dict(client.post(f"/artifacts/{artifact_id}/alias-proposals", body, repeatable=True))
    except errors.ProposalOpen as refusal:
        mine = (alias, version_id, _username(client)) if refusal.answer_lost else None
        for row in proposals(client, artifact_id, "open"):
            if (row["alias"], row["to_version_id"], row["proposed_by"]) == mine:
                return row
        raise


def proposals(client: Client, artifact_id: str, state: str | None = None) -> Iterator[dict[str, Any]]:
    """Those of an artifact, newest first, asked for page by page."""
    pages = client.scroll(f"/artifacts/{artifact_id}/alias-proposals", state=state)
    return (row for page in pages for row in page["items"])


def decide(client: Client, proposal_id: str, act: str, comment: str | None = None) -> dict[str, Any]:
    """`approve`, `reject` or `withdraw` a proposal. Raises `ProposalDecided`, `AliasMoved`, `Denied`, `Invalid`."""
    try:
        path = f"/alias-proposals/{UUID(proposal_id)}"
    except ValueError as error:
        raise errors.Invalid(f"{proposal_id!r} is not the id of a proposal") from error
    try:
        return dict(client.post(f"{path}/{act}", {"comment": comment or ""}, repeatable=True))
    except errors.ProposalDecided as refusal:
        row = dict(client.get(path))
        done = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}[act]
        if refusal.answer_lost and (row["state"], row["decided_by"]) == (done, _username(client)):
            return row
        raise


def expectation(connection: Connection, name: str, alias: str, expect: str | int | None) -> dict[str, str | None]:
    """Where `expect` says that an alias of `team/project/name` is: nothing, or `{alias: id}`, or `{alias: None}`."""
    if expect is None:
        return {}
    if expect == NOWHERE:
        return {alias: None}
    return {alias: version_creation.numbered(connection, name.partition(":")[0], expect)["id"]}


def _is_ours(client: Client, artifact_id: str, wanted: Places, expected: Places) -> bool:
    """Whether the aliases are where we wanted them, and those of which we had expectations by our own doing."""
    username = _username(client)
    for alias, target in wanted.items():
        last = next(history(client, artifact_id, alias, limit=1), None)
        if last is None or last["to_version_id"] != target:
            return False
        source = expected.get(alias, target)
        if source != target and (last["from_version_id"], last["changed_by"]) != (source, username):
            return False
    return True


def _username(client: Client) -> str:
    return str(client.get("/me")["username"])


def _of(artifact_id: str) -> str:
    return f"/artifacts/{artifact_id}/aliases"
