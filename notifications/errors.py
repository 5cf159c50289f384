"""What notifications refuse, beside the kinds of `accounts.errors`.

Invalid          AddressRefused
Conflict         WebhookPaused, TooManyWatches, TooManyWebhooks
"""

from core.errors import AddressRefused, Conflict, Denied, Invalid, Missing, RegistryError

__all__ = [
    "AddressRefused",
    "Conflict",
    "Denied",
    "Invalid",
    "Missing",
    "RegistryError",
    "TooManyWatches",
    "TooManyWebhooks",
    "WebhookPaused",
]


class WebhookPaused(Conflict):
    """The webhook is paused or switched off; it sends nothing until it is resumed."""


class TooManyWatches(Conflict):
    """The user watches as many things as one may watch."""


class TooManyWebhooks(Conflict):
    """The project has as many webhooks as one may have."""
