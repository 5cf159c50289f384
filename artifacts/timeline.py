"""What happened to an artifact, newest first: versions finalized, aliases created, moved and deleted."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.dateparse import parse_datetime

from accounts.models import User
from artifacts.models import AliasChange, Artifact, ArtifactVersion
from core import long_values
from projects.models import Run


@dataclass(frozen=True, slots=True)
class Event:
    """`alias` is empty where a version was finalized; `before` and `after` are versions such as `v3`. `link` is that
    version where it is a link."""

    at: datetime
    by: User | None
    alias: str = ""
    before: str | None = None
    after: str | None = None
    channel: str = ""
    reason: str = ""
    is_rollback: bool = False
    run: Run | None = None
    link: ArtifactVersion | None = None


def of_artifact(artifact: Artifact, before: str, limit: int) -> tuple[list[Event], str]:
    """The events before the time `before` (ISO 8601; empty: now), and the time to continue from, if there are more."""
    until = _parse_time(before)
    changes = AliasChange.objects.filter(artifact=artifact).select_related("changed_by")
    # By number, which has an index: nearly all versions are finalized in the order of their numbers.
    finalized = artifact.versions.finalized().select_related("created_by", "run").order_by("-number")
    finalized = long_values.defer(finalized, "", "run")
    if until:
        changes, finalized = changes.filter(created_at__lt=until), finalized.filter(finalized_at__lt=until)
    events = [_event_of_change(change) for change in changes.order_by("-created_at")[: limit + 1]]
    events += [_event_of_version(version) for version in finalized[: limit + 1]]
    events.sort(key=lambda event: event.at, reverse=True)
    return events[:limit], events[limit - 1].at.isoformat() if len(events) > limit else ""


def _parse_time(text: str) -> datetime | None:
    try:
        time = parse_datetime(text)
    except ValueError:
        return None
    return time if time and time.tzinfo else None


def _event_of_change(change: AliasChange) -> Event:
    return Event(
        at=change.created_at,
        by=change.changed_by,
        alias=change.alias,
        before=change.before,
        after=change.after,
        channel=change.get_channel_display(),
        reason=change.reason,
        is_rollback=bool(change.is_rollback),
    )


def _event_of_version(version: ArtifactVersion) -> Event:
    assert version.finalized_at is not None
    link = version if version.is_link else None
    return Event(at=version.finalized_at, by=version.created_by, after=version.version, run=version.run, link=link)
