"""The nouns of notifications, one a file."""

from notifications.models.delivery import Attempt, Delivery
from notifications.models.event import OFFERED, Event, Kind
from notifications.models.notice import Notice, Why
from notifications.models.watch import Watch
from notifications.models.webhook import Webhook

__all__ = ["OFFERED", "Attempt", "Delivery", "Event", "Kind", "Notice", "Watch", "Webhook", "Why"]
