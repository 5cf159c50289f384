"""Writes what happens to versions and aliases to the outbox, for callers that hold the artifact's lock."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from accounts.models import User
from artifacts import event_messages, event_payloads
from events import outbox
from events.kinds import EventKind

if TYPE_CHECKING:
    from artifacts.models import AliasProposal, Artifact, ArtifactVersion


def alias_changed(
    actor: User | None,
    artifact: "Artifact",
    alias: str,
    before: "ArtifactVersion | None",
    after: "ArtifactVersion | None",
    reason: str,
) -> None:
    """Alias created, moved or removed."""
    kind = (
        event_messages.ALIAS_MOVED
        if before and after
        else event_messages.ALIAS_CREATED
        if after
        else event_messages.ALIAS_DELETED
    )
    _record(kind, actor, artifact, alias, before, after, reason)


def version_finalized(actor: User, version: "ArtifactVersion") -> None:
    """Finalized, or linked in a collection."""
    extra = event_payloads.of_link() if version.artifact.is_collection else None
    _record(event_messages.VERSION_FINALIZED, actor, version.artifact, "", None, version, extra=extra)


def version_deleted(actor: User, artifact: "Artifact", version: "ArtifactVersion", reason: str) -> None:
    """Deleted, or unlinked."""
    extra = event_payloads.of_link() if artifact.is_collection else None
    _record(event_messages.VERSION_DELETED, actor, artifact, "", version, None, reason, extra=extra)


def references_changed(version: "ArtifactVersion", found: Mapping[str, Any]) -> None:
    """A check found out that references changed, are missing or are denied, which they were not when last checked."""
    extra = event_payloads.of_references(found)
    _record(event_messages.REFERENCES_CHANGED, None, version.artifact, "", None, version, extra=extra)


def proposal_created(proposal: "AliasProposal", deciders: Iterable[User]) -> None:
    """A move waits for one of the deciders."""
    _record_proposal(event_messages.ALIAS_PROPOSED, proposal.proposed_by, proposal, proposal.reason, deciders)


def proposal_decided(proposal: "AliasProposal") -> None:
    """A proposal was approved or rejected; who proposed it gets to know."""
    kind = event_messages.ALIAS_APPROVED if proposal.state == proposal.State.APPROVED else event_messages.ALIAS_REJECTED
    _record_proposal(kind, proposal.decided_by, proposal, proposal.comment, [proposal.proposed_by])


def _record_proposal(
    kind: EventKind, actor: User | None, proposal: "AliasProposal", reason: str, recipients: Iterable[User]
) -> None:
    before, after = proposal.from_version, proposal.to_version
    extra = event_payloads.of_proposal(proposal)
    _record(kind, actor, proposal.artifact, proposal.alias, before, after, reason, recipients, extra)


def _record(
    kind: EventKind,
    actor: User | None,
    artifact: "Artifact",
    alias: str,
    before: "ArtifactVersion | None",
    after: "ArtifactVersion | None",
    reason: str = "",
    recipients: Iterable[User] = (),
    extra: Mapping[str, Any] | None = None,
) -> None:
    outbox.record(
        kind,
        artifact.project,
        event_payloads.of_change(actor, artifact, alias, before, after, reason) | (extra or {}),
        actor=actor,
        artifact_id=artifact.pk,
        alias=alias,
        recipients=recipients,
    )
