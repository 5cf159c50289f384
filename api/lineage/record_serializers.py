"""Serializer of the records that refer to a version."""

from urllib.parse import quote

from django.conf import settings
from rest_framework import serializers

from hierarchies.models import RecordReference


class ReferringRecordSerializer(serializers.ModelSerializer):
    """A reference with its record, hierarchy, project and team loaded."""

    record_id = serializers.CharField(read_only=True)
    hierarchy = serializers.CharField(source="record.hierarchy.full_name", read_only=True)
    level = serializers.IntegerField(source="record.level", read_only=True)
    level_label = serializers.SerializerMethodField()
    type = serializers.CharField(source="record.type", read_only=True)
    is_protecting = serializers.BooleanField(
        source="version_hold.is_protecting",
        read_only=True,
        help_text="Whether the version cannot be deleted before the record, or the reference in its data, is.",
    )
    url = serializers.SerializerMethodField(help_text="Of the record in its hierarchy's API.")

    class Meta:
        model = RecordReference
        fields = [
            "record_id", "hierarchy", "level", "level_label", "type", "pointer", "requested_as", "is_protecting", "url",
        ]  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "pointer": {"help_text": "Where in the data it is named, as a JSON pointer."},
            "requested_as": {"help_text": "The version or alias by which it is named."},
        }

    def get_level_label(self, reference: RecordReference) -> str:
        return reference.record.hierarchy.label_of(reference.record.level)

    def get_url(self, reference: RecordReference) -> str:
        name = quote(reference.record.hierarchy.full_name)
        return f"{settings.BASE_URL}/h/{name}/api/v1/artifacts/{reference.record_id}"
