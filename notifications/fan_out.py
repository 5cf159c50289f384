"""What a worker makes of events: a delivery for each webhook, an item for each inbox."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple
from uuid import UUID

from django.db import OperationalError, transaction
from django.utils import timezone

from accounts.models import User
from events import kinds
from events.models import Event
from notifications import proposal_notices
from notifications.models import Delivery, InboxItem, InboxReason, Watch, Webhook
from projects.models import Project

# So many events share the queries of one transaction.
_BATCH = 200
_LOCK_NOT_AVAILABLE = "55P03"


class FanOutResult(NamedTuple):
    """Who has to be seen to next: webhooks with something to send, items of inboxes with a mail to be written."""

    webhooks: list[UUID]
    mails: list[UUID]


def announce_next() -> FanOutResult | None:
    """Line up all that the oldest events ask for. None where nothing is left, or another worker is at it.

    That one looks again when it is through with its batch, and sees what was committed until then.
    """
    unannounced = Event.objects.unannounced()
    if not unannounced.exists():
        return None
    try:
        with transaction.atomic():
            locked = unannounced.select_for_update(of=("self",), nowait=True)
            return fan_out(locked.select_related("project__team")[:_BATCH])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        return None


def fan_out(locked: Iterable[Event]) -> FanOutResult:
    """The same of these events, in a few queries however many they are. The caller holds their locks."""
    events = list(locked)
    projects = {event.project_id: event.project for event in events}
    hooks = defaultdict(list)
    for hook in Webhook.objects.live().filter(project__in=projects):
        hooks[hook.project_id].append(hook)
    deliveries = [
        Delivery(webhook=hook, event=event)
        for event in events
        for hook in hooks[event.project_id]
        if hook.subscribes_to(event)
    ]
    Delivery.objects.bulk_create(deliveries)
    items = InboxItem.objects.bulk_create(_inbox_items(events, projects.values()))
    Event.objects.filter(pk__in=[event.pk for event in events]).update(announced_at=timezone.now())
    mails = [item.pk for item in items if item.mail == InboxItem.Mail.PENDING]
    return FanOutResult(list(dict.fromkeys(delivery.webhook_id for delivery in deliveries)), mails)


def _inbox_items(events: Sequence[Event], projects: Iterable[Project]) -> list[InboxItem]:
    """One for each person whom an event reaches and who sees its project, in the order of the events."""
    watches = defaultdict(list)
    # Those that ask for mail last: where somebody has two, that one counts.
    for watch in Watch.objects.matching(events).order_by("by_email"):
        watches[watch.project_id or watch.team_id].append(watch)
    items, closed = [], proposal_notices.lock_closed(events)
    for project in projects:
        watching = sorted(watches[project.pk] + watches[project.team_id], key=attrgetter("by_email"))
        own = [(event, _audience(event, watching)) for event in events if event.project_id == project.pk]
        people = {user_id for _, audience in own for user_id in audience}
        for reader in project.users_with_access().filter(pk__in=people).order_by("pk") if people else []:
            items += [
                _item(event, reader, audience[reader.pk], is_closed=event.pk in closed)
                for event, audience in own
                if reader.pk in audience
            ]
    return items


def _audience(event: Event, watches: Iterable[Watch]) -> dict[UUID, Watch | None]:
    """Whom the event reaches, each with the watch if there is one; never who did it."""
    audience: dict[UUID, Watch | None] = dict.fromkeys(UUID(user_id) for user_id in event.recipients)
    if kinds.get(event.kind).is_watchable:
        audience |= {watch.user_id: watch for watch in watches if watch.covers(event)}
    audience.pop(event.actor_id, None)
    return audience


def _item(event: Event, user: User, watch: Watch | None, *, is_closed: bool) -> InboxItem:
    """The item, which is read already where the proposal that it tells of has been decided meanwhile."""
    by_mail = watch is not None and watch.by_email and bool(user.email)
    return InboxItem(
        user=user,
        event=event,
        reason=InboxReason.CONCERNED if str(user.pk) in event.recipients else InboxReason.WATCHING,
        mail=InboxItem.Mail.PENDING if by_mail else InboxItem.Mail.NONE,
        next_mail_at=timezone.now() if by_mail else None,
        read_at=timezone.now() if is_closed else None,
    )
