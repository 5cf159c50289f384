"""Serializers of external stores, of tests of them, and of checks of references."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from api.fields import EnumField, JSONObjectField, LineField
from artifacts.models import ExternalStore, ReadsAs, ReferenceCheck, ReferenceState
from artifacts.references.store_tests import Outcome
from core import url_policy


class ExternalStoreSerializer(serializers.ModelSerializer):
    """A store with its team and creator loaded; its credentials are in no response."""

    team = serializers.CharField(source="team.name", read_only=True)
    reads_as = EnumField(ReadsAs, read_only=True, help_text="With whose credentials the server reads there.")
    has_credentials = serializers.BooleanField(read_only=True)
    is_operated = serializers.BooleanField(
        read_only=True, help_text="Whether an operator of the server made it, whom alone it obeys."
    )
    created_by = serializers.CharField(source="created_by.username", read_only=True, default=None, allow_null=True)

    class Meta:
        model = ExternalStore
        fields = [
            "id", "team", "name", "prefix", "endpoint", "region", "account", "reads_as", "has_credentials",
            "is_operated", "created_by", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = fields


class StoreCredentials(serializers.Serializer):
    """What the kind of store needs: of S3 the first two, of Google those or a service account, of Azure the last."""

    access_key_id = LineField(required=False, max_length=500)
    secret_access_key = LineField(required=False, max_length=500)
    service_account = JSONObjectField(required=False, help_text="The JSON key of a service account.")
    account_key = LineField(required=False, max_length=500)


class ExternalStoreCreate(serializers.Serializer):
    name = LineField(max_length=100)
    prefix = LineField(max_length=1100, help_text="`s3://bucket/folder`, `gs://…` or `az://container/…`.")
    credentials = StoreCredentials(required=False, help_text="Kept encrypted, and in no response.")
    reads_as = serializers.ChoiceField(
        ReadsAs.choices, required=False, help_text="By default `store`; `server` is for operators alone."
    )
    endpoint = LineField(
        required=False, allow_blank=True, max_length=url_policy.MAX_URL, help_text="Empty for the cloud's own."
    )
    region = LineField(required=False, allow_blank=True, max_length=64, help_text="Of S3.")
    account = LineField(required=False, allow_blank=True, max_length=24, help_text="Of Azure.")


class ExternalStoreUpdate(serializers.Serializer):
    name = LineField(required=False, max_length=100)
    prefix = LineField(required=False, max_length=1100)
    credentials = StoreCredentials(
        required=False, help_text="Needed again with another endpoint, account or bucket; else the present ones stay."
    )
    reads_as = serializers.ChoiceField(ReadsAs.choices, required=False)
    endpoint = LineField(required=False, allow_blank=True, max_length=url_policy.MAX_URL)
    region = LineField(required=False, allow_blank=True, max_length=64)
    account = LineField(required=False, allow_blank=True, max_length=24)


class StoreTestRequest(serializers.Serializer):
    path = LineField(
        required=False, allow_blank=True, max_length=1024, help_text="Of an object; by default the bucket is asked for."
    )


class StoreTestSerializer(serializers.Serializer):
    outcome = EnumField(Outcome)
    message = serializers.CharField()
    status = serializers.IntegerField(allow_null=True, help_text="Of the store's response; null if there was none.")
    duration_ms = serializers.IntegerField()


class ReferenceCheckSerializer(serializers.ModelSerializer):
    """A check that was requested, with its version loaded as it is until the check is done."""

    version_id = serializers.UUIDField(read_only=True)
    reference_count = serializers.IntegerField(source="version.reference_count", read_only=True)
    checked_count = serializers.IntegerField(read_only=True)
    reference_state = serializers.SerializerMethodField()
    references_checked_at = serializers.DateTimeField(
        source="version.references_checked_at", read_only=True, allow_null=True, help_text="Of the last check."
    )

    class Meta:
        model = ReferenceCheck
        fields = [
            "version_id", "requested_at", "reference_count", "checked_count", "reference_state",
            "references_checked_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(ReferenceState.choices, allow_null=True))
    def get_reference_state(self, check: ReferenceCheck) -> Any:
        return check.version.reference_state
