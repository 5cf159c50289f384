"""The kinds of events that webhooks themselves make. Nobody chooses to hear of them."""

from urllib.parse import urlsplit

from events.kinds import EventKind
from events.models import Event


def _test_message(event: Event) -> str:
    return f"{event.data.get('by') or 'Someone'} tested a webhook of {event.data['project']}"


def _paused_message(event: Event) -> str:
    return f"A webhook of {event.data['project']} is paused: {event.data['reason']}"


def _url(event: Event) -> str:
    return urlsplit(event.data["url"]).path


WEBHOOK_TEST = EventKind(
    "webhook.test", "Webhook tested", _test_message, _url, is_subscribable=False, is_watchable=False
)
WEBHOOK_PAUSED = EventKind(
    "webhook.paused", "Webhook paused", _paused_message, _url, is_subscribable=False, is_watchable=False
)
KINDS = (WEBHOOK_TEST, WEBHOOK_PAUSED)
