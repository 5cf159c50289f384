"""Serializers of webhooks, deliveries, the inbox and watches."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import BoundedListField, EnumField, JSONObjectField, LineField
from artifacts.models import AliasProposal
from core import url_policy
from events import kinds
from notifications import digests, webhook_previews
from notifications.message_formats import WebhookFormat
from notifications.models import Attempt, Delivery, InboxItem, InboxReason, Watch, Webhook

MAX_READ_IDS = 1000


class EventsField(serializers.ListField):
    """The kinds of events that a webhook subscribes to."""

    def __init__(self, **kwargs: Any) -> None:
        choices = kinds.subscribable_choices()
        child = serializers.ChoiceField(choices)
        super().__init__(child=child, allow_empty=False, max_length=len(choices), **kwargs)


class WebhookSerializer(serializers.ModelSerializer):
    """A webhook with its project, team and creator loaded."""

    project = serializers.UUIDField(source="project_id", read_only=True)
    project_name = serializers.CharField(source="project.full_name", read_only=True)
    format = EnumField(WebhookFormat, read_only=True)
    events = serializers.ListField(child=serializers.CharField(), read_only=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = Webhook
        fields = [
            "id", "project", "project_name", "url", "format", "description", "events", "active", "paused_at",
            "pause_reason", "failures", "created_by", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class NewWebhookSerializer(WebhookSerializer):
    """The only response with the secret."""

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class WebhookCreate(serializers.Serializer):
    url = serializers.CharField(max_length=url_policy.MAX_URL, help_text="A public `https://` or `http://` URL.")
    events = EventsField()
    format = serializers.ChoiceField(
        WebhookFormat.choices, required=False, help_text="By default `generic`, signed JSON; or the chat of the URL."
    )
    description = LineField(required=False, allow_blank=True)
    active = serializers.BooleanField(required=False)


class WebhookUpdate(serializers.Serializer):
    url = serializers.CharField(required=False, max_length=url_policy.MAX_URL)
    events = EventsField(required=False)
    format = serializers.ChoiceField(WebhookFormat.choices, required=False)
    description = LineField(required=False, allow_blank=True)
    active = serializers.BooleanField(required=False, help_text="False pauses the webhook; true resumes it.")


class PreviewQuery(serializers.Serializer):
    format = serializers.ChoiceField(WebhookFormat.choices, default=WebhookFormat.GENERIC)
    event = serializers.CharField(max_length=32, default=webhook_previews.DEFAULT_KIND, help_text="Its kind.")


class WebhookPreviewSerializer(serializers.Serializer):
    format = EnumField(WebhookFormat)
    event = serializers.CharField()
    payload = JSONObjectField(help_text="The body of the request that would be sent.")


class AttemptSerializer(serializers.ModelSerializer):
    headers = serializers.DictField(
        child=serializers.CharField(), read_only=True, help_text="The headers of the request."
    )
    status_code = serializers.IntegerField(read_only=True, allow_null=True, help_text="Null if there was no response.")

    class Meta:
        model = Attempt
        fields = ["id", "created_at", "headers", "status_code", "response", "duration_ms", "error"]
        read_only_fields = fields


class DeliverySerializer(serializers.ModelSerializer):
    """A delivery that was loaded `for_display`."""

    webhook_id = serializers.UUIDField(read_only=True)
    message_id = serializers.CharField(source="event.message_id", read_only=True, help_text="The header `webhook-id`.")
    type = serializers.ChoiceField(kinds.choices(), source="event.kind", read_only=True)
    payload = JSONObjectField(read_only=True, help_text="The body of the request.")
    attempts = serializers.IntegerField(
        source="attempt_count", read_only=True, help_text="Attempts since it was last requested."
    )
    next_try_at = serializers.DateTimeField(source="next_attempt_at", read_only=True, allow_null=True)
    tries = AttemptSerializer(source="attempts", many=True, read_only=True, help_text="Oldest first.")

    class Meta:
        model = Delivery
        fields = [
            "id", "webhook_id", "message_id", "type", "state", "attempts", "next_try_at", "created_at", "finished_at",
            "payload", "tries",
        ]  # fmt: skip
        read_only_fields = fields


class InboxProposalSerializer(serializers.ModelSerializer):
    """What became of a proposal: `decided_by` is null while it is open."""

    state = EnumField(AliasProposal.State, read_only=True)
    decided_by = serializers.CharField(source="decided_by.username", read_only=True, default=None, allow_null=True)

    class Meta:
        model = AliasProposal
        fields = ["id", "state", "decided_by"]
        read_only_fields = fields


class InboxItemSerializer(serializers.ModelSerializer):
    """An inbox item that was loaded `for_display`, and that `proposal_notices.attach` has seen."""

    type = serializers.ChoiceField(kinds.choices(), source="event.kind", read_only=True)
    why = EnumField(InboxReason, source="reason", read_only=True)
    project_name = serializers.CharField(source="event.project.full_name", read_only=True)
    sentence = serializers.CharField(source="event.message", read_only=True)
    url = serializers.SerializerMethodField()
    data = JSONObjectField(
        source="event.data", read_only=True, help_text="The same data as in the payload of webhooks."
    )
    proposal = InboxProposalSerializer(
        read_only=True, allow_null=True, help_text="Of `alias.proposed`: the proposal as it is now; null if it is gone."
    )

    class Meta:
        model = InboxItem
        fields = ["id", "type", "why", "project_name", "sentence", "url", "data", "proposal", "read_at", "created_at"]
        read_only_fields = fields

    def get_url(self, item: InboxItem) -> str:
        return settings.BASE_URL + item.event.get_absolute_url()


class InboxSerializer(serializers.Serializer):
    items = InboxItemSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    unread = serializers.IntegerField(help_text="The number of all unread items; 100 means more than 99.")


class UnreadSerializer(serializers.Serializer):
    unread = serializers.IntegerField(help_text="The number of all unread items; 100 means more than 99.")


class InboxRead(serializers.Serializer):
    ids = BoundedListField(child=serializers.UUIDField(), required=False, allow_null=True, max_length=MAX_READ_IDS)
    all = serializers.BooleanField(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if (data.get("ids") is None) == (not data.get("all")):
            raise serializers.ValidationError('Give either ids, or "all": true.')
        return data


class WatchSerializer(serializers.ModelSerializer):
    """A watch that was loaded `for_display`."""

    team_id = serializers.UUIDField(read_only=True, allow_null=True, help_text="Of a watch of a whole team.")
    project_id = serializers.UUIDField(read_only=True, allow_null=True)
    artifact_id = serializers.SerializerMethodField()
    place = serializers.CharField(
        source="full_name", read_only=True, help_text="`team`, `team/project`, or `team/project/name`."
    )

    class Meta:
        model = Watch
        fields = ["id", "team_id", "project_id", "artifact_id", "place", "pattern", "by_email", "created_at"]
        read_only_fields = fields

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_artifact_id(self, watch: Watch) -> str | None:
        return str(watch.artifact_id) if watch.artifact_id else None


class WatchCreate(serializers.Serializer):
    team = serializers.CharField(required=False, max_length=64, help_text="The name of a team that you are in.")
    project = serializers.CharField(required=False, max_length=200, help_text="An id, or `team/name`.")
    artifact = serializers.UUIDField(required=False)
    pattern = serializers.CharField(
        required=False,
        max_length=100,
        help_text="A pattern of aliases; by default `*`, which includes events about versions.",
    )
    by_email = serializers.BooleanField(required=False)

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        if sum(name in data for name in ("team", "project", "artifact")) != 1:
            raise serializers.ValidationError("Give one of team, project and artifact.")
        return data


class DigestSerializer(serializers.Serializer):
    frequency = serializers.ChoiceField(digests.FREQUENCIES, help_text="How often you get an e-mail of what is unread.")
