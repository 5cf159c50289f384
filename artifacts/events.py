"""What happens to versions and aliases, in the words of notifications. For callers that hold the artifact's lock."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from artifacts.models import AliasProposal, Artifact, ArtifactVersion
from notifications import events
from notifications.models import Kind, Watch


def alias_changed(
    by: User | None,
    artifact: Artifact,
    alias: str,
    before: ArtifactVersion | None,
    after: ArtifactVersion | None,
    reason: str,
    tell: Iterable[User] = (),
) -> None:
    """An alias was made, moved or removed. Those whom to `tell` hear of it in any case."""
    kind = Kind.ALIAS_MOVED if before and after else Kind.ALIAS_CREATED if after else Kind.ALIAS_DELETED
    _record(kind, by, artifact, alias, before, after, reason, tell)


def watches(artifact: Artifact) -> list[Watch]:
    """Those of the artifact alone, with who has them."""
    return list(Watch.objects.filter(artifact=artifact.pk).select_related("user"))


def version_finalized(by: User, version: ArtifactVersion) -> None:
    _record(Kind.VERSION_FINALIZED, by, version.artifact, "", None, version)


def version_deleted(by: User, artifact: Artifact, version: ArtifactVersion, reason: str) -> None:
    _record(Kind.VERSION_DELETED, by, artifact, "", version, None, reason)


def proposal_created(proposal: AliasProposal, deciders: Iterable[User]) -> None:
    """A move waits for one of the deciders."""
    _record_proposal(Kind.ALIAS_PROPOSED, proposal.proposed_by, proposal, proposal.reason, deciders)


def proposal_decided(proposal: AliasProposal) -> None:
    """A proposal was approved or rejected; who proposed it gets to know."""
    kind = Kind.ALIAS_APPROVED if proposal.state == AliasProposal.State.APPROVED else Kind.ALIAS_REJECTED
    _record_proposal(kind, proposal.decided_by, proposal, proposal.comment, [proposal.proposed_by])


def _record_proposal(kind: Kind, by: User | None, proposal: AliasProposal, reason: str, tell: Iterable[User]) -> None:
    before, after = proposal.from_version, proposal.to_version
    told = {"proposal": {"id": str(proposal.pk), "proposed_by": proposal.proposed_by.username}}
    _record(kind, by, proposal.artifact, proposal.alias, before, after, reason, tell, **told)


def _record(
    kind: Kind,
    by: User | None,
    artifact: Artifact,
    alias: str,
    before: ArtifactVersion | None,
    after: ArtifactVersion | None,
    reason: str = "",
    tell: Iterable[User] = (),
    **more: Any,
) -> None:
    data = {
        "artifact": {
            "id": str(artifact.pk),
            "name": artifact.full_name,
            "type": artifact.type,
            "url": settings.BASE_URL + artifact.get_absolute_url(),
        },
        "alias": alias or None,
        "from": _told(before),
        "to": _told(after),
        "by": by.username if by else None,
        "reason": reason,
        "at": timezone.now().isoformat(),
    }
    events.record(kind, artifact.project, data | more, by=by, artifact_id=artifact.pk, alias=alias, tell=tell)


def _told(version: ArtifactVersion | None) -> dict[str, str] | None:
    return {"id": str(version.pk), "version": version.version} if version else None
