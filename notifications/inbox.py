"""What people do with their inbox."""

from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from accounts.actor import Actor
from accounts.models import Invitation, User
from notifications.models import InboxItem

# Beyond so many nobody counts: the inbox says that there are more.
MOST_COUNTED = 99


def unread(user: User) -> int:
    """How many items are unread, up to one more than `MOST_COUNTED`. One query."""
    return InboxItem.objects.visible_to(user).unread().order_by()[: MOST_COUNTED + 1].count()


def waiting(user: User) -> int:
    """The same, with the invitations into teams that wait for an answer. One query."""
    items = InboxItem.objects.visible_to(user).unread().order_by().values("pk")
    invitations = Invitation.objects.pending_for(user).order_by().values("pk")
    return items.union(invitations, all=True)[: MOST_COUNTED + 1].count()


def mark_read(actor: Actor, ids: Iterable[UUID] | None = None) -> int:
    """Mark these of the user's items as read, or all of them. Ids of others' items change nothing."""
    items = InboxItem.objects.filter(user=actor.user).unread()
    if ids is not None:
        items = items.filter(pk__in=list(ids))
    return items.update(read_at=timezone.now())
