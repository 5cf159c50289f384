"""Forms of webhooks and watches. What is allowed is for the verbs to say."""

from typing import Any

from django import forms

from artifacts import event_messages
from core import url_policy
from events import kinds
from notifications import digests
from notifications.message_formats import WebhookFormat
from notifications.models import Watch, Webhook

_ALIAS_EVENTS = [
    kind.name for kind in (event_messages.ALIAS_CREATED, event_messages.ALIAS_MOVED, event_messages.ALIAS_DELETED)
]


class WebhookForm(forms.Form):
    url = forms.CharField(
        label="URL",
        max_length=url_policy.MAX_URL,
        widget=forms.URLInput(
            attrs={"autofocus": True, "autocomplete": "off", "placeholder": "https://example.org/hook"}
        ),
        help_text="Events are sent here by POST. For a chat, use the URL of its incoming webhook.",
    )
    format = forms.ChoiceField(choices=WebhookFormat.choices, initial=WebhookFormat.GENERIC, required=False)
    description = forms.CharField(required=False, max_length=200, help_text="Optional. What this webhook is for.")
    events = forms.MultipleChoiceField(
        choices=kinds.subscribable_choices,
        widget=forms.CheckboxSelectMultiple,
        initial=_ALIAS_EVENTS,
        error_messages={"required": "Choose at least one event."},
    )

    def clean_format(self) -> str:
        return self.cleaned_data["format"] or self.get_initial_for_field(self.fields["format"], "format")

    @classmethod
    def initial_of(cls, webhook: Webhook) -> dict[str, Any]:
        return {name: getattr(webhook, name) for name in ("url", "format", "description", "events")}


class WatchForm(forms.Form):
    pattern = forms.CharField(
        label="Aliases",
        max_length=100,
        initial="*",
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off", "autocapitalize": "none"}),
        help_text="A name or pattern, such as production or prod-*. Use * to include version events.",
    )
    by_email = forms.BooleanField(required=False, label="Also send me e-mail")

    @classmethod
    def initial_of(cls, watch: Watch | None) -> dict[str, Any]:
        return {"pattern": watch.pattern, "by_email": watch.by_email} if watch else {}


class DigestForm(forms.Form):
    frequency = forms.ChoiceField(
        label="E-mail digest",
        choices=digests.FREQUENCIES,
        help_text="One e-mail with your unread notifications. Nothing is sent when there are none.",
    )
