"""Alias operations: list, move, roll back, swap, propose.

Each may be sent twice if a response was lost, and takes effect once: it is atomic, names the version where the aliases
are expected, and succeeds if a refusal turns out to be caused by its own earlier attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from wanllmdb.sdk import errors
from wanllmdb.sdk.connection import Connection
from wanllmdb.sdk.http_client import Client, quote_segment
from wanllmdb.sdk.name_resolution import get_by_number

DOES_NOT_EXIST = "none"
"""Passed as the expected version of an alias that must not exist yet."""

AliasTargets = Mapping[str, str | None]
"""Aliases with the ids of versions, or None for no version."""


def list_aliases(client: Client, artifact_id: str) -> dict[str, dict[str, Any]]:
    """The current aliases by name."""
    return {row["alias"]: row for row in client.get(_path(artifact_id))["items"]}


def move(
    client: Client,
    artifact_id: str,
    targets: AliasTargets,
    *,
    expected: AliasTargets | None = None,
    reason: str | None = None,
) -> None:
    """Create, move and (for None) remove aliases, all in one step.

    Nothing is changed unless the aliases in `expected` are at these versions. Raises `AliasMoved`, `AliasProtected`,
    `AliasNotFound`, `AliasTargetRefused`.
    """
    body = {"aliases": dict(targets), "expected": dict(expected or {}), "reason": reason or ""}
    try:
        client.put(_path(artifact_id), body, idempotent=True)
    except (errors.AliasMoved, errors.AliasNotFound) as error:
        if not error.response_lost or not _is_own_change(client, artifact_id, targets, expected or {}):
            raise


def move_or_release(
    client: Client,
    artifact_id: str,
    version_id: str,
    targets: AliasTargets,
    released: Iterable[str],
    reason: str | None = None,
) -> list[errors.AliasMoved]:
    """Move aliases to `targets` and remove the `released` ones from this version, in one step.

    A released alias that is no longer at this version is left alone, and its `AliasMoved` is returned.
    """
    leaving = dict.fromkeys(released, version_id)
    moved_away: list[errors.AliasMoved] = []
    while targets or leaving:
        try:
            move(client, artifact_id, {**targets, **dict.fromkeys(leaving)}, expected=leaving, reason=reason)
            break
        except errors.AliasMoved as error:
            # After a lost response it is not known what was done, so another attempt could undo a change of others.
            if error.alias not in leaving or error.response_lost:
                raise
            del leaving[error.alias]
            moved_away.append(error)
    return moved_away


def rollback(
    client: Client, artifact_id: str, alias: str, *, expected: AliasTargets, reason: str | None = None
) -> dict[str, Any]:
    """Move the alias to its previous version, if it is at the expected one; without one, at the current one.

    A rollback without a condition would undo itself if it was sent twice.
    """
    if alias not in expected:
        current = list_aliases(client, artifact_id).get(alias)
        expected = {alias: current["version_id"] if current else None}
    body = {"expected_version_id": expected[alias], "reason": reason or ""}
    try:
        return dict(client.post(f"{_path(artifact_id, alias)}/rollback", body, idempotent=True))
    except errors.AliasMoved as error:
        row = list_aliases(client, artifact_id).get(alias) if error.response_lost else None
        if row is None or not _is_own_change(client, artifact_id, {alias: row["version_id"]}, expected):
            raise
        return row


def swap(client: Client, artifact_id: str, one: str, other: str, reason: str | None = None) -> dict[str, str]:
    """Exchange the versions of two aliases, if neither moves in the meantime. Returns their new versions.

    The request names the target of each alias: a plain swap would undo itself if it was sent twice.
    """
    if one == other:
        raise errors.Invalid(f"Pass two different aliases: {one!r} cannot be swapped with itself")
    rows = list_aliases(client, artifact_id)
    for alias in (one, other):
        if alias not in rows:
            rows[alias] = client.get(_path(artifact_id, alias))
    current = {alias: rows[alias]["version_id"] for alias in (one, other)}
    move(client, artifact_id, {one: current[other], other: current[one]}, expected=current, reason=reason)
    return {one: rows[other]["version"], other: rows[one]["version"]}


def history(
    client: Client, artifact_id: str, alias: str | None = None, *, limit: int = 200
) -> Iterator[dict[str, Any]]:
    """All changes of one alias or of all, newest first; `limit` is the page size."""
    pages = client.iter_cursor_pages(f"{_path(artifact_id, alias)}/history", limit=limit)
    return (row for page in pages for row in page["items"])


def history_page(
    client: Client, artifact_id: str, alias: str | None, *, limit: int, cursor: str | None
) -> dict[str, Any]:
    """One page of `history`: its `items`, and the `next_cursor`."""
    return dict(client.get(f"{_path(artifact_id, alias)}/history", limit=limit, cursor=cursor))


def propose(
    client: Client, artifact_id: str, alias: str, version_id: str | None, reason: str | None = None
) -> dict[str, Any]:
    """Propose to move the alias, or to remove it if `version_id` is None. Raises `ProposalOpen`."""
    return _propose(client, artifact_id, {"alias": alias, "version_id": version_id, "reason": reason or ""})


def propose_rollback(client: Client, artifact_id: str, alias: str, reason: str | None = None) -> dict[str, Any]:
    """Propose to move the alias back to its previous version. Raises `ProposalOpen`, `NothingBefore`."""
    return _propose(client, artifact_id, {"alias": alias, "is_rollback": True, "reason": reason or ""})


def list_proposals(client: Client, artifact_id: str, state: str | None = None) -> Iterator[dict[str, Any]]:
    """The proposals of an artifact, newest first."""
    pages = client.iter_cursor_pages(f"/artifacts/{artifact_id}/alias-proposals", state=state)
    return (row for page in pages for row in page["items"])


def decide(client: Client, proposal_id: str, action: str, comment: str | None = None) -> dict[str, Any]:
    """`approve`, `reject` or `withdraw` a proposal. Raises `ProposalDecided`, `AliasMoved`, `Denied`, `Invalid`."""
    try:
        path = f"/alias-proposals/{UUID(proposal_id)}"
    except ValueError as error:
        raise errors.Invalid(f"{proposal_id!r} is not the id of a proposal") from error
    try:
        return dict(client.post(f"{path}/{action}", {"comment": comment or ""}, idempotent=True))
    except errors.ProposalDecided as error:
        row = dict(client.get(path))
        state = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}[action]
        if error.response_lost and (row["state"], row["decided_by"]) == (state, _username(client)):
            return row
        raise


def parse_expectation(connection: Connection, name: str, alias: str, expect: str | int | None) -> dict[str, str | None]:
    """`expect` as an argument of `move`: empty, `{alias: version id}`, or `{alias: None}` if it must not exist."""
    if expect is None:
        return {}
    if expect == DOES_NOT_EXIST:
        return {alias: None}
    return {alias: get_by_number(connection, name.partition(":")[0], expect)["id"]}


def _propose(client: Client, artifact_id: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return dict(client.post(f"/artifacts/{artifact_id}/alias-proposals", body, idempotent=True))
    except errors.ProposalOpen as error:
        if error.response_lost:
            username = _username(client)
            for row in list_proposals(client, artifact_id, "open"):
                is_same = row["is_rollback"] if "is_rollback" in body else row["to_version_id"] == body["version_id"]
                if is_same and (row["alias"], row["proposed_by"]) == (body["alias"], username):
                    return row
        raise


def _is_own_change(client: Client, artifact_id: str, targets: AliasTargets, expected: AliasTargets) -> bool:
    """Whether the aliases are at their targets, and those with an expectation were moved from there by this user."""
    username = _username(client)
    for alias, target in targets.items():
        last = next(history(client, artifact_id, alias, limit=1), None)
        if last is None or last["to_version_id"] != target:
            return False
        source = expected.get(alias, target)
        if source != target and (last["from_version_id"], last["changed_by"]) != (source, username):
            return False
    return True


def _username(client: Client) -> str:
    return str(client.get("/me")["username"])


def _path(artifact_id: str, alias: str | None = None) -> str:
    path = f"/artifacts/{artifact_id}/aliases"
    return f"{path}/{quote_segment(alias)}" if alias else path
