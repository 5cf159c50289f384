"""`wandb.registry`: which version matters, moved on purpose, on record, and back again.

Names are those of `Api().artifact`: `team/project/name`, of which team and project may be left out inside a run, and
where the settings have them. The server and the mode are those of the run under way, else of the settings; nothing of
this works in mode `disabled`, so that a program that is only tried out moves nothing.

Conditions: `expect="v3"` is "only if the alias is at v3", `expect="none"` "only if there is no such alias"; where it is
elsewhere `AliasMoved` is raised and nothing is changed. An alias that a rule protects is refused with `AliasProtected`,
whose sentence says who may move it, or that `propose` lets a second person decide.
"""

from __future__ import annotations

from collections.abc import Iterator

from wanllmdb.sdk import aliases, connection, errors, paths, session, version_creation
from wanllmdb.sdk.artifact import Artifact
from wanllmdb.sdk.models import AliasChange, AliasProposal

# What is offered when somebody types `wandb.registry.` and waits.
__all__ = [
    "approve",
    "history",
    "proposals",
    "propose",
    "reject",
    "rollback",
    "swap",
    "transition_stage",
    "withdraw",
]

# What MLflow calls its stages. A stage of any other name is the alias itself.
_STAGES = ("staging", "production")
_NO_STAGE = ("none", "archived")


def transition_stage(
    name: str,
    version: str | int,
    stage: str | None = None,
    alias: str | None = None,
    comment: str | None = None,
    expect: str | int | None = None,
) -> Artifact:
    """Make this version the one of a stage: move the stage's alias to it, and return the version.

    The alias is `alias` where it is given; else the stage names it: `Staging` and `Production`, in any spelling, mean
    `staging` and `production`, any other stage is the alias as it stands. `version` is `v3` or 3, or an alias of the
    artifact, such as `staging`. Other aliases of the version stay: from staging to production it is in both.

    The stages `None` and `Archived` take the version out: they remove `alias`, or without it both `staging` and
    `production`, from this version. What is at another version stays there.

    `comment` is recorded as the reason. Raises `Invalid` for a stage and an alias that contradict one another,
    `AliasMoved`, `AliasProtected`, `VersionNotFound`, `NotFound`.
    """
    joined, full = _where(name, "transition_stage")
    leaves, named = _read_stage(stage, alias)
    expected = {} if leaves else aliases.expectation(joined, full, named[0], expect)
    found = version_creation.meant(joined, full, version)
    client, place = joined.client, found["artifact_id"]
    if leaves:
        released = [each for each in named if each in found["aliases"]]
        joined.console.say(f"Taking {found['artifact_name']}:{found['version']} out of its stage...")
        stayed = {moved.alias for moved in aliases.release(client, place, found["id"], {}, released, comment)}
        if not released:
            joined.console.say(f"  It has no {' or '.join(map(repr, named))}")
        for each in released:
            joined.console.say(f"  ✓ {each!r} {'was moved away meanwhile' if each in stayed else 'removed'}")
    else:
        joined.console.say(f"Moving alias {named[0]!r} of artifact {found['artifact_name']!r}...")
        aliases.move(client, place, {named[0]: found["id"]}, expected=expected, reason=comment)
        joined.console.say(f"  ✓ {named[0]!r} → version {found['version']!r}")
    return _artifact(joined, full, found["version"])


def rollback(name: str, alias: str, expect: str | int | None = None, reason: str | None = None) -> Artifact:
    """Move an alias back to the version where it was before, and return that version.

    It also brings back an alias that was removed. A second rollback undoes the first. Raises `NothingBefore` where the
    alias has been nowhere else, `AliasMoved`, `AliasProtected`, `AliasNotFound`.
    """
    joined, full = _where(name, "rollback")
    paths.check_alias(alias)
    place = version_creation.find_named(joined, full)["id"]
    expected = aliases.expectation(joined, full, alias, expect)
    joined.console.say(f"Rolling back alias {alias!r} of artifact {full.rpartition('/')[2]!r}...")
    row = aliases.rollback(joined.client, place, alias, expected=expected, reason=reason)
    joined.console.say(f"  ✓ {alias!r} → version {row['version']!r}")
    return _artifact(joined, full, row["version"])


def swap(name: str, one: str, other: str, reason: str | None = None) -> dict[str, str]:
    """Let two aliases change places, both or none, and return where they are: `{"blue": "v2", "green": "v1"}`.

    Raises `AliasNotFound`, `AliasProtected`, and `AliasMoved` where somebody moves one of them in the same moment.
    """
    joined, full = _where(name, "swap")
    joined.console.say(f"Swapping aliases {one!r} and {other!r} of artifact {full.rpartition('/')[2]!r}...")
    places = aliases.swap(joined.client, version_creation.find_named(joined, full)["id"], one, other, reason)
    for alias, version in places.items():
        joined.console.say(f"  ✓ {alias!r} → version {version!r}")
    return places


def history(name: str, alias: str | None = None) -> Iterator[AliasChange]:
    """All that happened to an alias, or to all of the artifact's, newest first and asked for page by page.

    What is on record stays, also of aliases and versions that are no more. Raises `NotFound`, and `AliasNotFound` for
    an alias that never was.
    """
    joined, full = _where(name, "history")
    place = version_creation.find_named(joined, full)["id"]
    return (AliasChange.of(row) for row in aliases.history(joined.client, place, alias))


def propose(name: str, version: str | int | None, alias: str, reason: str | None = None) -> AliasProposal:
    """Ask that a second person move the alias to this version, or remove it where `version` is None.

    It is moved when somebody with the role that the rules ask for approves, if it is then still where it is now.
    Raises `ProposalOpen` where a move of that alias waits already, `Conflict` where it is there already.
    """
    joined, full = _where(name, "propose")
    paths.check_alias(alias)
    if version is None:
        place, target, said = version_creation.find_named(joined, full)["id"], None, "removal"
    else:
        found = version_creation.meant(joined, full, version)
        place, target, said = found["artifact_id"], found["id"], f"version {found['version']!r}"
    made = AliasProposal.of(aliases.propose(joined.client, place, alias, target, reason))
    joined.console.say(f"Proposed: alias {alias!r} of artifact {full.rpartition('/')[2]!r} → {said}")
    joined.console.say("  Somebody else approves or rejects it")
    return made


def proposals(name: str, state: str | None = "open") -> list[AliasProposal]:
    """The proposals about an artifact's aliases, newest first; of any state where `state` is None."""
    joined, full = _where(name, "proposals")
    rows = aliases.proposals(joined.client, version_creation.find_named(joined, full)["id"], state)
    return [AliasProposal.of(row) for row in rows]


def approve(proposal: AliasProposal | str, comment: str | None = None) -> AliasProposal:
    """Let a proposed move happen now. Not for who proposed it.

    Raises `Denied`, `ProposalDecided`, and `AliasMoved` where the alias is no longer where it was when it was proposed.
    """
    return _decide(proposal, "approve", comment)


def reject(proposal: AliasProposal | str, comment: str | None = None) -> AliasProposal:
    """Decide that the alias stays where it is. Raises `Denied`, `ProposalDecided`."""
    return _decide(proposal, "reject", comment)


def withdraw(proposal: AliasProposal | str, comment: str | None = None) -> AliasProposal:
    """Take one's own proposal back. Raises `Denied`, `ProposalDecided`."""
    return _decide(proposal, "withdraw", comment)


def __dir__() -> list[str]:
    return __all__


# --- Inside -----------------------------------------------------------------------------------------------------------


def _where(name: str, act: str) -> tuple[connection.Connection, str]:
    """The connection, and the artifact's `team/project/name`."""
    joined, project = _joined(act)
    full = joined.full_name(name, project)
    if ":" in full:
        raise errors.Invalid(f"{name!r} names a version: name the artifact alone")
    return joined, full


def _joined(act: str) -> tuple[connection.Connection, str | None]:
    run = session.current()
    if run is None:
        joined, project = connection.connect(), None
    else:
        joined, project = run._connection, f"{run.entity}/{run.project}"
    joined.need_server(f"registry.{act}")
    return joined, project


def _read_stage(stage: str | None, alias: str | None) -> tuple[bool, list[str]]:
    """Whether the version leaves, and which aliases are meant."""
    word = (stage or "").strip().lower()
    if alias is not None:
        paths.check_alias(alias)
        if word in _STAGES and alias in _STAGES and alias != word:
            raise errors.Invalid(f"The stage {stage!r} and the alias {alias!r} are two stages: name one of them")
        return word in _NO_STAGE, [alias]
    if word in _NO_STAGE:
        return True, list(_STAGES)
    if not stage:
        raise errors.Invalid("Which stage, or which alias? Name one, such as stage='Production'")
    return False, [word if word in _STAGES else paths.check_alias(stage)]


def _decide(proposal: AliasProposal | str, act: str, comment: str | None) -> AliasProposal:
    joined, _ = _joined(act)
    proposal_id = proposal.id if isinstance(proposal, AliasProposal) else proposal
    decided = AliasProposal.of(aliases.decide(joined.client, proposal_id, act, comment))
    joined.console.say(f"Proposal about alias {decided.alias!r} {decided.state}")
    return decided


def _artifact(joined: connection.Connection, full: str, version: str) -> Artifact:
    return Artifact._of(joined, version_creation.resolve(joined, f"{full}:{version}"))
