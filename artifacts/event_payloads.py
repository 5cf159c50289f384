"""What the payload of an event holds, as webhooks and the API send it: `events.models` adds its type and time."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from accounts.models import User

if TYPE_CHECKING:
    from artifacts.models import AliasProposal, Artifact, ArtifactVersion


def of_change(
    actor: User | None,
    artifact: "Artifact",
    alias: str,
    before: "ArtifactVersion | None",
    after: "ArtifactVersion | None",
    reason: str,
) -> dict[str, Any]:
    """Of a change to an alias, or to a version where the alias is empty."""
    return {
        "artifact": {
            "id": str(artifact.pk),
            "name": artifact.full_name,
            "type": artifact.type,
            "url": settings.BASE_URL + artifact.get_absolute_url(),
        },
        "alias": alias or None,
        "from": _version(before),
        "to": _version(after),
        "by": actor.username if actor else None,
        "reason": reason,
        "at": timezone.now().isoformat(),
    }


def of_proposal(proposal: "AliasProposal") -> dict[str, Any]:
    """What an event about a proposal has beside the change."""
    return {"proposal": {"id": str(proposal.pk), "proposed_by": proposal.proposed_by.username}}


def of_references(found: Mapping[str, Any]) -> dict[str, Any]:
    """What an event about references has beside the version: how many became what, and the first of them."""
    counts = {state: found.get(state, 0) for state in ("changed", "missing", "denied")}
    return {"references": counts | {"first": list(found.get("references", ()))}}


def of_link() -> dict[str, Any]:
    """What an event about a link of a collection has beside the change."""
    return {"is_link": True}


def _version(version: "ArtifactVersion | None") -> dict[str, str] | None:
    return {"id": str(version.pk), "version": version.version} if version else None
