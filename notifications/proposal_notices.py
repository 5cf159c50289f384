"""Notifications of proposed moves: what became of the proposal, and that nobody is asked about one that is decided."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from artifacts.event_messages import ALIAS_PROPOSED
from artifacts.models import AliasProposal
from events.models import Event
from notifications.models import InboxItem

# An event is written right after its proposal.
_WRITTEN_WITHIN = timedelta(hours=1)


def close(proposal: AliasProposal) -> int:
    """Mark what everybody's inbox has of it as read. How many items that were."""
    since = proposal.created_at
    events = Event.objects.filter(
        project=proposal.artifact.project_id,
        kind=ALIAS_PROPOSED.name,
        artifact_id=proposal.artifact_id,
        created_at__range=(since, since + _WRITTEN_WITHIN),
        data__proposal__id=str(proposal.pk),
    )
    items = InboxItem.objects.filter(event__in=list(events.values_list("pk", flat=True)))
    return items.unread().update(read_at=timezone.now())


def lock_closed(events: Iterable[Event]) -> set[UUID]:
    """Those of the events, by their ids, whose proposal is decided or gone.

    Whoever decides one of the others waits until this transaction is over, and sees what it has written.
    """
    proposals = {event.pk: id_of(event) for event in events if event.kind == ALIAS_PROPOSED.name}
    if not proposals:
        return set()
    rows = AliasProposal.objects.filter(pk__in=proposals.values()).order_by("pk")
    open_ids = {row.pk for row in rows.select_for_update(no_key=True, of=("self",)) if row.is_open}
    return {event for event, proposal in proposals.items() if proposal not in open_ids}


def attach(items: Sequence[InboxItem]) -> Sequence[InboxItem]:
    """The items, each with the `proposal` that waits or waited for its reader, else None. At most one query."""
    ids = {item.pk: id_of(item.event) for item in items if item.event.kind == ALIAS_PROPOSED.name}
    rows = AliasProposal.objects.filter(pk__in=ids.values()).select_related("decided_by") if ids else ()
    found = {row.pk: row for row in rows}
    for item in items:
        item.proposal = found.get(ids.get(item.pk))
    return items


def id_of(event: Event) -> UUID | None:
    """The id of the proposal that the event tells of."""
    proposal = event.data.get("proposal")
    return UUID(proposal["id"]) if proposal else None
