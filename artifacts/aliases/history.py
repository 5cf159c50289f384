"""The record of aliases: each change is one row, written in the same transaction, and told to the outbox."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.utils import timezone

from accounts.actor import Actor
from artifacts import errors, events, search_index
from artifacts.models import AliasChange, AliasProposal, Artifact, ArtifactVersion
from core import compiled_queries

if TYPE_CHECKING:
    from artifacts.aliases.lock import LastChange


def record(
    actor: Actor,
    artifact: Artifact,
    alias: str,
    before: ArtifactVersion | None,
    after: ArtifactVersion | None,
    last: "LastChange",
    proposal: AliasProposal | None = None,
    *,
    is_rollback: bool | None = False,
) -> None:
    """Write a change down, for callers that hold the artifact's lock."""
    now = timezone.now()
    change = AliasChange(
        artifact=artifact,
        artifact_name=artifact.full_name,
        alias=alias,
        number=last.number + 1,
        from_version=before,
        from_number=before.number if before else None,
        to_version=after,
        to_number=after.number if after else None,
        changed_by=actor.user,
        changed_by_name=actor.user.username if actor.user else "",
        key=actor.key,
        key_name=actor.key.name if actor.key else "",
        channel=actor.channel,
        reason=actor.reason,
        is_rollback=is_rollback,
        proposal=proposal,
        created_at=max(now, last.created_at) if last.created_at else now,
    )
    compiled_queries.insert(change)
    search_index.put_reason(change, artifact.project_id)
    events.alias_changed(actor.user, artifact, alias, before, after, actor.reason)


def get_change_at(artifact: Artifact, alias: str, moment: datetime) -> AliasChange:
    """The change that put the alias where it was at that moment. Raises `AliasNotFound` if it was nowhere."""
    change = AliasChange.objects.of(artifact, alias).filter(created_at__lte=moment).first()
    if change is None or change.to_version_id is None:
        when = moment.astimezone(timezone.get_current_timezone()).isoformat(timespec="seconds")
        raise errors.AliasNotFound(f"Artifact {artifact.name!r} had no alias {alias!r} at {when}.")
    return change
