"""What happened to an artifact, newest first: versions finalized, aliases made, moved and removed."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.dateparse import parse_datetime

from accounts.models import User
from artifacts.models import AliasChange, Artifact, ArtifactVersion
from projects.models import Run


@dataclass(frozen=True, slots=True)
class Event:
    """`alias` is empty where a version was finalized; `before` and `after` are versions such as `v3`."""

    at: datetime
    by: User | None
    alias: str = ""
    before: str | None = None
    after: str | None = None
    face: str = ""
    reason: str = ""
    run: Run | None = None


def of_artifact(artifact: Artifact, before: str, limit: int) -> tuple[list[Event], str]:
    """The events before the moment `before` (ISO 8601; empty: now), and the moment to go on from, if there are more."""
    moment = _moment(before)
    changes = AliasChange.objects.filter(artifact=artifact).select_related("changed_by")
    # By number, which an index serves: versions are finalized in the order they are begun, but for a few.
    finals = artifact.versions.finalized().select_related("created_by", "run").order_by("-number")
    if moment:
        changes, finals = changes.filter(created_at__lt=moment), finals.filter(finalized_at__lt=moment)
    found = [_of_change(change) for change in changes.order_by("-created_at")[: limit + 1]]
    found += [_of_version(version) for version in finals[: limit + 1]]
    found.sort(key=lambda event: event.at, reverse=True)
    return found[:limit], found[limit - 1].at.isoformat() if len(found) > limit else ""


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _of_change(change: AliasChange) -> Event:
    return Event(
        at=change.created_at,
        by=change.changed_by,
        alias=change.alias,
        before=change.before,
        after=change.after,
        face=change.get_channel_display(),
        reason=change.reason,
    )


def _of_version(version: ArtifactVersion) -> Event:
    assert version.finalized_at is not None
    return Event(at=version.finalized_at, by=version.created_by, after=version.version, run=version.run)
