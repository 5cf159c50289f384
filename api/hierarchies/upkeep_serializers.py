"""Serializers of what admins set up for a hierarchy: retention, archives and data indexes; and of its totals."""

from typing import Any

from rest_framework import serializers

from api.fields import EnumField, JSONObjectField, LineField
from core.bounded_count import COUNT_LIMIT
from hierarchies.models import MAX_LEVEL, DataIndex, RecordArchive, RetentionRule
from hierarchies.models.retention import MAX_DAYS
from hierarchies.retention import Plan
from hierarchies.totals import Totals


class RetentionRuleSerializer(serializers.ModelSerializer):
    """A rule with its hierarchy and creator loaded."""

    level_label = serializers.SerializerMethodField(help_text="Null for the rule of all other levels.")
    created_by = serializers.CharField(source="created_by.username", read_only=True, default=None, allow_null=True)

    class Meta:
        model = RetentionRule
        fields = [
            "id", "level", "level_label", "keep_last", "older_than_days", "archive", "created_by", "created_at",
            "updated_at", "applied_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_level_label(self, rule: RetentionRule) -> str | None:
        return None if rule.level is None else rule.hierarchy.label_of(rule.level)


class RetentionRuleUpdate(serializers.Serializer):
    keep_last = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=COUNT_LIMIT,
        help_text="How many children of each parent stay, the newest ones; on level 0, how many of all.",
    )
    older_than_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=MAX_DAYS, help_text="Younger records stay."
    )
    archive = serializers.BooleanField(
        required=False, help_text="Write what goes to the object store before it is deleted; by default true."
    )


class RetentionRuleCreate(RetentionRuleUpdate):
    level = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=MAX_LEVEL,
        help_text="Null for all levels that have no rule of their own.",
    )


class PlannedLevelSerializer(serializers.Serializer):
    level = serializers.IntegerField()
    level_label = serializers.CharField()
    record_count = serializers.IntegerField(help_text="How many records would go.")
    size = serializers.IntegerField(help_text="Bytes of their data as JSON, without payloads.")
    kept_for_children = serializers.IntegerField(help_text="How many stay because records below them do.")
    kept_for_versions = serializers.IntegerField(
        help_text="How many stay because they refer to a version of an artifact, which they protect."
    )
    examples = serializers.ListField(child=serializers.CharField(), help_text="The first ids.")


class RetentionPreviewSerializer(serializers.Serializer):
    record_count = serializers.IntegerField()
    size = serializers.IntegerField()
    is_complete = serializers.BooleanField(help_text="Else there is more: each number is at least.")
    levels = PlannedLevelSerializer(many=True)


class RecordArchiveSerializer(serializers.ModelSerializer):
    class Meta:
        model = RecordArchive
        fields = ["id", "record_count", "payload_count", "size", "levels", "created_at", "restored_at"]
        read_only_fields = fields

    levels = JSONObjectField(read_only=True, help_text="How many records of each level.")


class RecordArchiveDetailSerializer(RecordArchiveSerializer):
    download_url = serializers.CharField(source="url", read_only=True, help_text="Of its JSON Lines, for an hour.")

    class Meta(RecordArchiveSerializer.Meta):
        fields = [*RecordArchiveSerializer.Meta.fields, "download_url"]
        read_only_fields = fields


class ArchiveRestoredSerializer(serializers.Serializer):
    restored = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="How many of its records are there already.")


class DataIndexSerializer(serializers.ModelSerializer):
    """An index with its creator loaded."""

    state = EnumField(DataIndex.State, read_only=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True, default=None, allow_null=True)

    class Meta:
        model = DataIndex
        fields = ["id", "path", "state", "error", "created_by", "created_at", "built_at"]
        read_only_fields = fields


class DataIndexCreate(serializers.Serializer):
    path = LineField(max_length=256, help_text="Keys from the outside in, such as `metrics.accuracy`.")


class LevelTotalSerializer(serializers.Serializer):
    level = serializers.IntegerField()
    level_label = serializers.CharField(source="label")
    record_count = serializers.IntegerField()
    data_size = serializers.IntegerField(help_text="Bytes of data as JSON.")
    payload_size = serializers.IntegerField(help_text="Bytes of payloads, also of those that others have too.")


class TotalsSerializer(serializers.Serializer):
    record_count = serializers.IntegerField(help_text="Of now.")
    size = serializers.IntegerField(help_text="Bytes of data and payloads.")
    counted_at = serializers.DateTimeField(
        allow_null=True, help_text="When sizes and levels were counted; null if nobody has counted yet."
    )
    levels = LevelTotalSerializer(many=True)


def preview_body(plan: Plan) -> dict[str, Any]:
    levels = [
        {
            "level": level.level,
            "level_label": level.label,
            "record_count": len(level.ids),
            "size": level.size,
            "kept_for_children": level.with_children,
            "kept_for_versions": level.with_version,
            "examples": level.examples,
        }
        for level in plan.levels
    ]
    return {
        "record_count": plan.record_count,
        "size": plan.size,
        "is_complete": plan.is_complete,
        "levels": levels,
    }


def totals_body(record_count: int, totals: Totals) -> dict[str, Any]:
    body = {"record_count": record_count, "size": totals.size, "counted_at": totals.counted_at}
    return dict(TotalsSerializer(body | {"levels": totals.levels}).data)
