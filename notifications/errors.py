"""What notifications refuse, beside the kinds of `accounts.errors`.

Invalid          AddressRefused
Conflict         WebhookPaused, TooManyWebhooks
"""

from core.errors import AddressRefused, Conflict, Denied, Invalid, Missing, RegistryError

__all__ = [
    "AddressRefused",
    "Conflict",
    "Denied",
    "Invalid",
    "Missing",
    "RegistryError",
    "TooManyWebhooks",
    "WebhookPaused",
]


class WebhookPaused(Conflict):
    """The webhook is paused or switched off; it sends nothing until it is resumed."""


class TooManyWebhooks(Conflict):
    """The project has as many webhooks as one may have."""
