"""Moves that wait for a second person: proposed, then approved, rejected or withdrawn."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Subquery
from django.dispatch import Signal
from django.utils import timezone

from accounts import permissions
from accounts.actor import Actor
from accounts.models import Membership, Role, Team, User
from artifacts import errors, events, validators
from artifacts.aliases import aliases, lock, protection
from artifacts.models import AliasProposal, AliasRule, Artifact, ArtifactVersion
from core import row_limits

# Sent with `proposal`, in the transaction that approves, rejects or withdraws it.
proposal_closed = Signal()

_MOST_CONSIDERED = 50


@transaction.atomic
def propose(actor: Actor, artifact: Artifact, alias: str, to: ArtifactVersion | None) -> AliasProposal:
    """Ask that the alias be made, moved, or removed where `to` is None. Remembers where the alias is now.

    Any editor may, whether or not the alias is protected. Raises `ProposalOpen`, `AliasNotFound`,
    `AliasTargetRefused`, `InvalidName`, `TooManyProposals`, `Conflict` where nothing would change.
    """
    artifact = _lock(actor, artifact, alias)
    if to is None:
        now = aliases.get(artifact, alias).version
    else:
        aliases.check_target(artifact, artifact.versions.filter(pk=to.pk).first() or to)
        row = aliases.find(artifact, alias)
        now = row.version if row else None
        if row is None:
            aliases.check_new_alias(artifact, alias)
    if now is not None and to is not None and now.pk == to.pk:
        raise errors.Conflict(f"Alias {alias!r} already points to {to.version}.")
    return _open(actor, artifact, alias, now, to)


@transaction.atomic
def propose_rollback(
    actor: Actor, artifact: Artifact, alias: str, expected: aliases.Expected = aliases.NO_EXPECTATION
) -> AliasProposal:
    """Ask that the alias go back to where `aliases.rollback` would move it now. Raises what `propose` raises, and
    `AliasMoved`, `NothingBefore`.
    """
    artifact = _lock(actor, artifact, alias)
    row = aliases.find(artifact, alias)
    aliases.require_expected(alias, row, expected)
    to = aliases.rollback_target(artifact, alias)
    return _open(actor, artifact, alias, row.version if row else None, to, is_rollback=True)


@transaction.atomic
def approve(actor: Actor, proposal: AliasProposal, comment: str = "") -> aliases.Move:
    """Make the proposed move, if the alias is still where it was when the move was proposed.

    Raises `AliasMoved` where it is not, and `Denied` for who proposed it or has not the role that the rules ask for.
    """
    artifact = lock.acquire(proposal.artifact)
    proposal = _still_open(proposal)
    _require_decider(actor, artifact, proposal)
    actor = replace(actor, reason=proposal.reason)
    events.proposal_decided(_decide(actor, proposal, AliasProposal.State.APPROVED, comment))
    alias, to, expected = proposal.alias, proposal.to_version, proposal.from_version_id
    if to is None:
        return aliases.drop_alias(actor, artifact, alias, expected=expected, proposal=proposal)
    return aliases.put_alias(actor, artifact, alias, to, expected=expected, proposal=proposal)


@transaction.atomic
def reject(actor: Actor, proposal: AliasProposal, comment: str = "") -> AliasProposal:
    """Decide that the alias stays. Raises `Denied` as `approve` does."""
    artifact = lock.acquire(proposal.artifact)
    proposal = _still_open(proposal)
    _require_decider(actor, artifact, proposal)
    _decide(actor, proposal, AliasProposal.State.REJECTED, comment)
    events.proposal_decided(proposal)
    return proposal


@transaction.atomic
def withdraw(actor: Actor, proposal: AliasProposal, comment: str = "") -> AliasProposal:
    """Take one's own proposal back."""
    lock.acquire(proposal.artifact)
    proposal = _still_open(proposal)
    if proposal.proposed_by_id != actor.user.pk and not actor.is_staff:
        raise errors.Denied("Only the person who proposed a move can withdraw it; others can reject it.")
    return _decide(actor, proposal, AliasProposal.State.WITHDRAWN, comment)


def candidates(user: User) -> list[AliasProposal]:
    """The newest open proposals of others in teams where the user is editor, each with the user's `role`. One query."""
    role = Membership.objects.filter(team=OuterRef("artifact__project__team"), user=user).values("role")
    # A check of each proposal: for a list of teams, SQLite looks for proposals of all their artifacts.
    mine = Artifact.objects.filter(project__team__in=Team.objects.editable_by(user).values("pk"))
    rows = AliasProposal.objects.open().filter(Exists(mine.filter(pk=OuterRef("artifact"))))
    rows = rows.exclude(proposed_by=user).annotate(role=Subquery(role))
    return list(rows.for_display().order_by("-id")[:_MOST_CONSIDERED])


def decidable(candidates: Iterable[AliasProposal], rules: dict[UUID, list[AliasRule]]) -> list[AliasProposal]:
    """Those of the `candidates` that their user may decide about, by the rules of each artifact."""

    def may_decide(proposal: AliasProposal) -> bool:
        needed = protection.protection(rules[proposal.artifact_id], proposal.alias)
        return Role(proposal.role).covers(protection.required_role(needed))

    return [proposal for proposal in candidates if may_decide(proposal)]


def deciding_role(artifact: Artifact, alias: str) -> Role:
    """The least role of who decides about a move of this alias."""
    return protection.required_role(protection.protection(protection.rules_for(artifact), alias))


def _lock(actor: Actor, artifact: Artifact, alias: str) -> Artifact:
    permissions.require(actor, artifact.project.team, Role.EDITOR)
    validators.check_alias(alias)
    return lock.acquire(artifact)


def _open(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    now: ArtifactVersion | None,
    to: ArtifactVersion | None,
    *,
    is_rollback: bool = False,
) -> AliasProposal:
    if now is None:
        validators.check_new_alias(alias, is_wandb=actor.is_wandb)
    proposal = AliasProposal(
        artifact=artifact,
        alias=alias,
        from_version=now,
        to_version=to,
        is_rollback=is_rollback,
        reason=actor.reason,
        proposed_by=actor.user,
    )
    limit = settings.OPEN_PROPOSALS_AN_ARTIFACT
    refusal = errors.TooManyProposals(
        f"{limit} moves of aliases of artifact {artifact.name!r} are pending approval: decide or withdraw some first."
    )
    row_limits.require_room(artifact, AliasProposal.objects.open().filter(artifact=artifact), limit, refusal)
    waiting = errors.ProposalOpen(
        f"A move of {alias!r} is already pending approval: approve, reject or withdraw it first."
    )
    with errors.refuse(proposal_one_open=waiting):
        proposal.save(force_insert=True)
    events.proposal_created(proposal, _deciders(artifact, alias))
    return proposal


def _deciders(artifact: Artifact, alias: str) -> list[User]:
    """Everybody who may decide about a move of this alias; who proposes it is left out when people are told."""
    needed = deciding_role(artifact, alias)
    roles = [role for role in Role if role.covers(needed)]
    members = artifact.project.team.memberships.filter(role__in=roles)
    return [member.user for member in members.select_related("user")]


def _require_decider(actor: Actor, artifact: Artifact, proposal: AliasProposal) -> None:
    permissions.require(actor, artifact.project.team, deciding_role(artifact, proposal.alias))
    if proposal.proposed_by_id == actor.user.pk:
        raise errors.Denied("You proposed this move: someone else has to review it.")


def _still_open(proposal: AliasProposal) -> AliasProposal:
    """The proposal as it is now, for callers that hold the artifact's lock."""
    proposal = AliasProposal.objects.for_display().get(pk=proposal.pk)
    if not proposal.is_open:
        who = proposal.decided_by.username if proposal.decided_by else "someone"
        raise errors.ProposalDecided(f"This proposal was {proposal.state} by {who}.", state=proposal.state)
    return proposal


def _decide(actor: Actor, proposal: AliasProposal, state: AliasProposal.State, comment: str) -> AliasProposal:
    proposal.state = state
    proposal.decided_by = actor.user
    proposal.decided_at = timezone.now()
    proposal.comment = comment
    proposal.save(update_fields=["state", "decided_by", "decided_at", "comment"])
    proposal_closed.send(AliasProposal, proposal=proposal)
    return proposal
