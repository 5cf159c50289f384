"""What people fill in about webhooks and watches. What is allowed is for the verbs to say."""

from typing import Any

from django import forms

from artifacts import events
from events import kinds
from notifications import url_policy
from notifications.models import Watch, Webhook

_OF_ALIASES = [kind.name for kind in (events.ALIAS_CREATED, events.ALIAS_MOVED, events.ALIAS_DELETED)]


class WebhookForm(forms.Form):
    url = forms.CharField(
        label="Address",
        max_length=url_policy.MAX_URL,
        widget=forms.URLInput(
            attrs={"autofocus": True, "autocomplete": "off", "placeholder": "https://example.org/hook"}
        ),
        help_text="Each event is sent there by POST, as JSON with a signature.",
    )
    description = forms.CharField(required=False, max_length=200, help_text="What it is for.")
    events = forms.MultipleChoiceField(
        choices=kinds.subscribable_choices,
        widget=forms.CheckboxSelectMultiple,
        initial=_OF_ALIASES,
        error_messages={"required": "Choose at least one event."},
    )

    @classmethod
    def shown(cls, webhook: Webhook) -> dict[str, Any]:
        """What the form shows at first."""
        return {name: getattr(webhook, name) for name in ("url", "description", "events")}


class WatchForm(forms.Form):
    pattern = forms.CharField(
        label="Aliases",
        max_length=100,
        initial="*",
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off", "autocapitalize": "none"}),
        help_text="Such as production or prod-*. With * you hear of versions too.",
    )
    by_email = forms.BooleanField(required=False, label="Send me mail too")

    @classmethod
    def shown(cls, watch: Watch | None) -> dict[str, Any]:
        """What the form shows at first."""
        return {"pattern": watch.pattern, "by_email": watch.by_email} if watch else {}
