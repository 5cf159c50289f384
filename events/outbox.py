"""What happens is written down here, always, in the transaction of whoever does it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts.models import User
from core import compiled_queries
from core.metrics import EVENTS
from events.kinds import EventKind
from events.models import Event
from projects.models import Project

_BATCH = 500

# Sent with `event`, in the transaction that wrote it: it may still come to nothing.
recorded = Signal()


def record(
    kind: EventKind,
    project: Project,
    data: dict[str, Any],
    *,
    actor: User | None,
    artifact_id: UUID | None = None,
    alias: str = "",
    run_id: UUID | None = None,
    recipients: Iterable[User] = (),
) -> Event:
    """Write the event down, at the cost of one INSERT. `recipients` hear of it whether or not they watch."""
    event = Event(
        kind=kind.name,
        project=project,
        artifact_id=artifact_id,
        alias=alias,
        run_id=run_id,
        data=data,
        actor=actor,
        recipients=[str(user.pk) for user in recipients],
    )
    compiled_queries.insert(event)
    recorded.send(Event, event=event)
    transaction.on_commit(EVENTS.labels(kind.name).inc)
    return event


def prune() -> None:
    """Delete the events that are older than `EVENT_LIFE`, with all that was made of them."""
    old = Event.objects.filter(created_at__lt=timezone.now() - settings.EVENT_LIFE).order_by("created_at")
    while batch := list(old.values_list("pk", flat=True)[:_BATCH]):
        Event.objects.filter(pk__in=batch).delete()
