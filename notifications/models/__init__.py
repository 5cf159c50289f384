"""The nouns of notifications, one a file."""

from notifications.models.delivery import Attempt, Delivery
from notifications.models.digest import Digest
from notifications.models.host_lease import HostLease
from notifications.models.inbox_item import InboxItem, InboxReason
from notifications.models.watch import Watch
from notifications.models.webhook import Webhook

__all__ = [
    "Attempt",
    "Delivery",
    "Digest",
    "HostLease",
    "InboxItem",
    "InboxReason",
    "Watch",
    "Webhook",
]
