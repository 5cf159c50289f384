"""`wandb.registry`: moves the aliases that say which version matters, with conditions, a history and approvals.

Artifact names are as for `Api().artifact`: `team/project/name`, where team and project can be omitted inside a run and
if the settings have them. Server and mode are those of the current run, else those of the settings. In mode `disabled`
every function raises `Invalid`, so that a trial run never moves an alias.

Conditions: with `expect="v3"` the alias moves only if it is at v3, with `expect="none"` only if it does not exist.
Otherwise `AliasMoved` is raised and nothing is changed. If a protection rule refuses the change, `AliasProtected` is
raised; its message says who can make it, or that `propose` asks a second person for approval.
"""

from __future__ import annotations

from typing import Any

from wanllmdb.sdk import aliases, errors, name_resolution, session
from wanllmdb.sdk.arguments import checked
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.connection import Connection, connect
from wanllmdb.sdk.models import AliasChange, AliasProposal
from wanllmdb.sdk.paginated_list import Page, PaginatedList, page_size
from wanllmdb.sdk.validators import validate_alias

# What editors and notebooks complete after `wandb.registry.`.
__all__ = [
    "approve",
    "history",
    "proposals",
    "propose",
    "propose_rollback",
    "reject",
    "rollback",
    "swap",
    "transition_stage",
    "withdraw",
]

# The stages of MLflow. A stage with any other name is the alias itself.
_STAGES = ("staging", "production")
_NO_STAGE = ("none", "archived")


@checked()
def transition_stage(
    name: str,
    version: str | int,
    stage: str | None = None,
    alias: str | None = None,
    comment: str | None = None,
    expect: str | int | None = None,
) -> Artifact:
    """Move the alias of a stage to a version, and return the version.

    The alias is `alias`, or else named by the stage: `Staging` and `Production`, in any case, are the aliases `staging`
    and `production`; any other stage is an alias as it is. `version` is `v3` or 3, or an alias of the artifact, such as
    `staging`. Other aliases of the version are not changed: a version moved from staging to production has both.

    The stages `None` and `Archived` remove `alias` from the version, or without it both `staging` and `production`.
    Aliases at other versions are not changed.

    `comment` is recorded as the reason. Raises `Invalid` if stage and alias contradict each other, `AliasMoved`,
    `AliasProtected`, `VersionNotFound`, `NotFound`.
    """
    connection, full_name = _connect_to(name, "transition_stage")
    return move_to_stage(connection, full_name, version, stage, alias, comment, expect)


def move_to_stage(
    connection: Connection,
    full_name: str,
    version: str | int,
    stage: str | None = None,
    alias: str | None = None,
    comment: str | None = None,
    expect: str | int | None = None,
) -> Artifact:
    """`transition_stage` of the artifact `team/project/name`."""
    removes, stage_aliases = _parse_stage(stage, alias)
    expected = {} if removes else aliases.parse_expectation(connection, full_name, stage_aliases[0], expect)
    record = name_resolution.resolve_version(connection, full_name, version)
    client, console, artifact_id = connection.client, connection.console, record["artifact_id"]
    if removes:
        released = [alias for alias in stage_aliases if alias in record["aliases"]]
        console.info(f"Removing {record['artifact_name']}:{record['version']} from its stage...")
        moved_away = aliases.move_or_release(client, artifact_id, record["id"], {}, released, comment)
        if not released:
            console.info(f"  It does not have the alias {' or '.join(map(repr, stage_aliases))}")
        for alias in released:
            is_moved = alias in {moved.alias for moved in moved_away}
            console.info(f"  ✓ {alias!r} {'was moved by someone else' if is_moved else 'removed'}")
    else:
        (alias,) = stage_aliases
        console.info(f"Moving alias {alias!r} of artifact {record['artifact_name']!r}...")
        aliases.move(client, artifact_id, {alias: record["id"]}, expected=expected, reason=comment)
        console.info(f"  ✓ {alias!r} → version {record['version']!r}")
    return _get_version(connection, full_name, record["version"])


@checked()
def rollback(name: str, alias: str, expect: str | int | None = None, reason: str | None = None) -> Artifact:
    """Move an alias back to its previous version, and return that version.

    This also restores a removed alias. A second rollback undoes the first. Raises `NothingBefore` if the alias has only
    ever pointed to its current version, `AliasMoved`, `AliasProtected`, `AliasNotFound`.
    """
    connection, full_name = _connect_to(name, "rollback")
    validate_alias(alias)
    artifact = name_resolution.get_artifact(connection, full_name)
    expected = aliases.parse_expectation(connection, full_name, alias, expect)
    connection.console.info(f"Rolling back alias {alias!r} of artifact {artifact['name']!r}...")
    row = aliases.rollback(connection.client, artifact["id"], alias, expected=expected, reason=reason)
    connection.console.info(f"  ✓ {alias!r} → version {row['version']!r}")
    return _get_version(connection, full_name, row["version"])


@checked()
def swap(name: str, one: str, other: str, reason: str | None = None) -> dict[str, str]:
    """Exchange the versions of two aliases in one step, and return their new versions: `{"blue": "v2", "green": "v1"}`.

    Raises `AliasNotFound`, `AliasProtected`, and `AliasMoved` if somebody else moves one of them at the same time.
    """
    connection, full_name = _connect_to(name, "swap")
    console = connection.console
    console.info(f"Swapping aliases {one!r} and {other!r} of artifact {full_name.rpartition('/')[2]!r}...")
    artifact = name_resolution.get_artifact(connection, full_name)
    versions = aliases.swap(connection.client, artifact["id"], one, other, reason)
    for alias, version in versions.items():
        console.info(f"  ✓ {alias!r} → version {version!r}")
    return versions


@checked()
def history(name: str, alias: str | None = None, per_page: int | None = None) -> PaginatedList[AliasChange]:
    """All changes of one alias, or of all aliases of the artifact, newest first: a list that is fetched page by page.

    The history is permanent, also for deleted aliases and versions. Raises `NotFound`, and `AliasNotFound` for an alias
    that never existed.
    """
    connection, full_name = _connect_to(name, "history")
    artifact = name_resolution.get_artifact(connection, full_name)
    size = page_size(per_page)

    def fetch(cursor: str) -> Page[AliasChange]:
        page = aliases.history_page(connection.client, artifact["id"], alias, limit=size, cursor=cursor or None)
        return [AliasChange._from_record(row) for row in page["items"]], page["next_cursor"]

    return PaginatedList(fetch)


@checked()
def propose(name: str, version: str | int | None, alias: str, reason: str | None = None) -> AliasProposal:
    """Propose to move the alias to this version, or to remove it if `version` is None.

    The change is made when a person with the role that the rules require approves it, if the alias is still at the same
    version. Raises `ProposalOpen` if there is an open proposal for the alias, `Conflict` if it is already at `version`.
    """
    connection, full_name = _connect_to(name, "propose")
    validate_alias(alias)
    if version is None:
        artifact_id = name_resolution.get_artifact(connection, full_name)["id"]
        version_id, target = None, "removal"
    else:
        record = name_resolution.resolve_version(connection, full_name, version)
        artifact_id, version_id, target = record["artifact_id"], record["id"], f"version {record['version']!r}"
    row = aliases.propose(connection.client, artifact_id, alias, version_id, reason)
    return _proposed(connection, full_name, row, target)


@checked()
def propose_rollback(name: str, alias: str, reason: str | None = None) -> AliasProposal:
    """Propose to move an alias back to its previous version, also one that was removed.

    The history records the approved change as a rollback. Raises `ProposalOpen`, `NothingBefore`, `AliasNotFound`.
    """
    connection, full_name = _connect_to(name, "propose_rollback")
    validate_alias(alias)
    artifact_id = name_resolution.get_artifact(connection, full_name)["id"]
    row = aliases.propose_rollback(connection.client, artifact_id, alias, reason)
    return _proposed(connection, full_name, row, f"back to version {row['to_version']!r}")


@checked()
def proposals(name: str, state: str | None = "open") -> list[AliasProposal]:
    """The proposals for the aliases of an artifact, newest first; in any state if `state` is None."""
    connection, full_name = _connect_to(name, "proposals")
    artifact = name_resolution.get_artifact(connection, full_name)
    rows = aliases.list_proposals(connection.client, artifact["id"], state)
    return [AliasProposal._from_record(row) for row in rows]


@checked()
def approve(proposal: AliasProposal | str, comment: str | None = None) -> AliasProposal:
    """Approve a proposal: the alias moves now. Nobody can approve their own.

    Raises `Denied`, `ProposalDecided`, and `AliasMoved` if the alias has moved since it was proposed.
    """
    return _decide(proposal, "approve", comment)


@checked()
def reject(proposal: AliasProposal | str, comment: str | None = None) -> AliasProposal:
    """Reject a proposal: the alias stays at its version. Raises `Denied`, `ProposalDecided`."""
    return _decide(proposal, "reject", comment)


@checked()
def withdraw(proposal: AliasProposal | str, comment: str | None = None) -> AliasProposal:
    """Withdraw your own proposal. Raises `Denied`, `ProposalDecided`."""
    return _decide(proposal, "withdraw", comment)


def __dir__() -> list[str]:
    return __all__


# --- Internal ---------------------------------------------------------------------------------------------------------


def connect_for(operation: str, *, needs_project: bool = True) -> tuple[Connection, str | None]:
    """The connection and, if needed, the project of the current run as it is called now, else those of the settings."""
    run = session.current_run()
    connection = run._connection if run else connect()
    connection.require_online(operation)
    return connection, run._artifacts.fetch_project() if run and needs_project else None


def _connect_to(name: str, operation: str) -> tuple[Connection, str]:
    """The connection, and `team/project/name` of the artifact."""
    is_full_name = name.partition(":")[0].count("/") == 2
    connection, project = connect_for(f"registry.{operation}", needs_project=not is_full_name)
    full_name = connection.full_name(name, project)
    if ":" in full_name:
        raise errors.Invalid(f"{name!r} names a version: pass the name of the artifact only")
    return connection, full_name


def _proposed(connection: Connection, full_name: str, row: dict[str, Any], target: str) -> AliasProposal:
    artifact = full_name.rpartition("/")[2]
    connection.console.info(f"Proposed: alias {row['alias']!r} of artifact {artifact!r} → {target}")
    connection.console.info("  Waiting for approval by a second person")
    return AliasProposal._from_record(row)


def _parse_stage(stage: str | None, alias: str | None) -> tuple[bool, list[str]]:
    """Whether aliases are removed, and which aliases are meant."""
    stage_name = (stage or "").strip().lower()
    if alias is not None:
        validate_alias(alias)
        if stage_name in _STAGES and alias in _STAGES and alias != stage_name:
            raise errors.Invalid(f"The stage {stage!r} and the alias {alias!r} contradict each other: pass one of them")
        return stage_name in _NO_STAGE, [alias]
    if stage_name in _NO_STAGE:
        return True, list(_STAGES)
    if not stage:
        raise errors.Invalid("No stage and no alias given: pass one, such as stage='Production'")
    return False, [stage_name if stage_name in _STAGES else validate_alias(stage)]


def _decide(proposal: AliasProposal | str, action: str, comment: str | None) -> AliasProposal:
    connection, _ = connect_for(f"registry.{action}", needs_project=False)
    proposal_id = proposal.id if isinstance(proposal, AliasProposal) else proposal
    decided = AliasProposal._from_record(aliases.decide(connection.client, proposal_id, action, comment))
    connection.console.info(f"Proposal for alias {decided.alias!r} {decided.state}")
    return decided


def _get_version(connection: Connection, full_name: str, version: str) -> Artifact:
    return Artifact._from_record(connection, name_resolution.resolve(connection, f"{full_name}:{version}"))
