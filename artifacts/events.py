"""What happens to versions and aliases: the kinds of events, their words, and writing them to the outbox.

For callers that hold the artifact's lock.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from accounts.models import User
from events import outbox
from events.kinds import EventKind
from events.models import Event

if TYPE_CHECKING:
    from artifacts.models import AliasProposal, Artifact, ArtifactVersion


def _message(template: str) -> Callable[[Event], str]:
    """The message of a kind, by the names of `_message_fields`."""
    return lambda event: template.format(**_message_fields(event))


def _message_fields(event: Event) -> dict[str, str]:
    data = event.data
    fields = {
        "actor": data.get("by") or "Somebody",
        "alias": event.alias,
        "name": (data.get("artifact") or {}).get("name", ""),
        "before": _version_name(data.get("from")),
        "after": _version_name(data.get("to")),
    }
    if not data.get("to"):
        action = "remove {alias} from {before} of {name}"
    elif not data.get("from"):
        action = "assign {alias} to {after} of {name}"
    else:
        action = "move {alias} of {name} from {before} to {after}"
    return fields | {"action": action.format(**fields)}


def _version_name(version: dict[str, Any] | None) -> str:
    return str(version["version"]) if version else "nowhere"


def _url(event: Event) -> str:
    path = urlsplit((event.data.get("artifact") or {}).get("url", "")).path
    return f"{path}/aliases" if event.alias else path or "/"


ALIAS_CREATED = EventKind(
    "alias.created", "Alias created", _message("{actor} assigned {alias} to {after} of {name}"), _url
)
ALIAS_MOVED = EventKind(
    "alias.moved", "Alias moved", _message("{actor} moved {alias} of {name} from {before} to {after}"), _url
)
ALIAS_DELETED = EventKind(
    "alias.deleted", "Alias deleted", _message("{actor} removed {alias} from {before} of {name}"), _url
)
VERSION_FINALIZED = EventKind(
    "version.finalized", "Version finalized", _message("{actor} finalized {after} of {name}"), _url
)
VERSION_DELETED = EventKind("version.deleted", "Version deleted", _message("{actor} deleted {before} of {name}"), _url)
ALIAS_PROPOSED = EventKind("alias.proposed", "Move proposed", _message("{actor} proposes to {action}"), _url)
# Of an approved move, watchers hear as of any other.
ALIAS_APPROVED = EventKind(
    "alias.approved",
    "Proposed move approved",
    _message("{actor} approved the proposal to {action}"),
    _url,
    is_watchable=False,
)
ALIAS_REJECTED = EventKind(
    "alias.rejected", "Proposed move rejected", _message("{actor} rejected the proposal to {action}"), _url
)
KINDS = (
    ALIAS_CREATED,
    ALIAS_MOVED,
    ALIAS_DELETED,
    VERSION_FINALIZED,
    VERSION_DELETED,
    ALIAS_PROPOSED,
    ALIAS_APPROVED,
    ALIAS_REJECTED,
)


def alias_changed(
    actor: User | None,
    artifact: "Artifact",
    alias: str,
    before: "ArtifactVersion | None",
    after: "ArtifactVersion | None",
    reason: str,
) -> None:
    """Alias created, moved or removed."""
    kind = ALIAS_MOVED if before and after else ALIAS_CREATED if after else ALIAS_DELETED
    _record(kind, actor, artifact, alias, before, after, reason)


def version_finalized(actor: User, version: "ArtifactVersion") -> None:
    _record(VERSION_FINALIZED, actor, version.artifact, "", None, version)


def version_deleted(actor: User, artifact: "Artifact", version: "ArtifactVersion", reason: str) -> None:
    _record(VERSION_DELETED, actor, artifact, "", version, None, reason)


def proposal_created(proposal: "AliasProposal", deciders: Iterable[User]) -> None:
    """A move waits for one of the deciders."""
    _record_proposal(ALIAS_PROPOSED, proposal.proposed_by, proposal, proposal.reason, deciders)


def proposal_decided(proposal: "AliasProposal") -> None:
    """A proposal was approved or rejected; who proposed it gets to know."""
    kind = ALIAS_APPROVED if proposal.state == proposal.State.APPROVED else ALIAS_REJECTED
    _record_proposal(kind, proposal.decided_by, proposal, proposal.comment, [proposal.proposed_by])


def _record_proposal(
    kind: EventKind, actor: User | None, proposal: "AliasProposal", reason: str, recipients: Iterable[User]
) -> None:
    before, after = proposal.from_version, proposal.to_version
    more = {"proposal": {"id": str(proposal.pk), "proposed_by": proposal.proposed_by.username}}
    _record(kind, actor, proposal.artifact, proposal.alias, before, after, reason, recipients, **more)


def _record(
    kind: EventKind,
    actor: User | None,
    artifact: "Artifact",
    alias: str,
    before: "ArtifactVersion | None",
    after: "ArtifactVersion | None",
    reason: str = "",
    recipients: Iterable[User] = (),
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
        "from": _version_data(before),
        "to": _version_data(after),
        "by": actor.username if actor else None,
        "reason": reason,
        "at": timezone.now().isoformat(),
    }
    outbox.record(
        kind,
        artifact.project,
        data | more,
        actor=actor,
        artifact_id=artifact.pk,
        alias=alias,
        recipients=recipients,
    )


def _version_data(version: "ArtifactVersion | None") -> dict[str, str] | None:
    return {"id": str(version.pk), "version": version.version} if version else None
