"""The comparison of two versions: its query string, and its body."""

from typing import Any

from rest_framework import serializers

from api.pagination import CursorQuery
from artifacts.models import ArtifactFile, ArtifactVersion
from artifacts.version_diff import Change, Entry, FileChanges, RunChanges, ValueChanges
from core.cursors import decode_cursor, encode_cursor

_CHANGES = ("added", "removed", "changed")


class CompareQuery(CursorQuery):
    base = serializers.CharField(
        required=False, max_length=128, help_text="`v3`, or an alias. The version before, unless it is given."
    )

    def validate_cursor(self, cursor: str) -> str:
        """The last path of the page before."""
        return decode_cursor(cursor, ArtifactFile, "path") if cursor else ""


class ComparedVersionSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    version = serializers.CharField()


class ComparedFileSerializer(serializers.Serializer):
    size = serializers.IntegerField()
    sha256 = serializers.CharField(allow_null=True, help_text="Null for references, and until it is computed.")
    reference_uri = serializers.CharField(
        allow_null=True, help_text="Of a reference, without what grants access: signatures, tokens, keys."
    )
    reference_identity = serializers.CharField(
        allow_null=True, help_text="`etag:…`, `sha256:…`, `md5:…`, `modified:…`, or empty; null for files."
    )
    reference_version_id = serializers.CharField(
        allow_null=True, help_text="The version of the object in its store, or empty; null for files."
    )
    executable = serializers.BooleanField()


class FileChangeSerializer(serializers.Serializer):
    path = serializers.CharField()
    change = serializers.ChoiceField(_CHANGES)
    before = ComparedFileSerializer(allow_null=True)
    after = ComparedFileSerializer(allow_null=True)


class FileChangesSerializer(serializers.Serializer):
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    changes = FileChangeSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ValueChangeSerializer(serializers.Serializer):
    key = serializers.CharField(help_text="`a.b` is `b` in the object `a`.")
    change = serializers.ChoiceField(_CHANGES)
    before = serializers.CharField(allow_null=True, help_text="As JSON, cut after 300 characters.")
    after = serializers.CharField(allow_null=True, help_text="As JSON, cut after 300 characters.")
    delta = serializers.CharField(help_text="Of numbers: `+0.02 (+2.5%)`; else empty.")


class ValueChangesSerializer(serializers.Serializer):
    total = serializers.IntegerField()
    changes = ValueChangeSerializer(many=True, help_text="The first 200.")


class ComparisonSerializer(serializers.Serializer):
    base = ComparedVersionSerializer()
    head = ComparedVersionSerializer()
    files = FileChangesSerializer()
    metadata = ValueChangesSerializer()
    config = ValueChangesSerializer(allow_null=True, help_text="Of the runs that made them; null unless two runs did.")
    summary = ValueChangesSerializer(allow_null=True)


def comparison_body(
    base: ArtifactVersion,
    head: ArtifactVersion,
    files: FileChanges,
    metadata: ValueChanges,
    runs: RunChanges | None,
) -> dict[str, Any]:
    """The data of `ComparisonSerializer`."""
    return {
        "base": {"id": base.pk, "version": base.version},
        "head": {"id": head.pk, "version": head.version},
        "files": {
            "added": files.added,
            "removed": files.removed,
            "changed": files.changed,
            "unchanged": files.unchanged,
            "changes": [_file_change(change) for change in files.page],
            "next_cursor": None if files.next_cursor is None else encode_cursor(files.next_cursor),
        },
        "metadata": _value_changes(metadata),
        "config": _value_changes(runs.config) if runs else None,
        "summary": _value_changes(runs.summary) if runs else None,
    }


def _file_change(change: Change) -> dict[str, Any]:
    return {
        "path": change.path,
        "change": change.kind,
        "before": _file(change.before, change.sha256_before),
        "after": _file(change.after, change.sha256_after),
    }


def _file(entry: Entry | None, sha256: str | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {
        "size": entry.size,
        "sha256": sha256,
        "reference_uri": entry.reference,
        "reference_identity": entry.reference_identity,
        "reference_version_id": entry.reference_version_id,
        "executable": entry.is_executable,
    }


def _value_changes(values: ValueChanges) -> dict[str, Any]:
    changes = [
        {"key": row.key, "change": row.kind, "before": row.before, "after": row.after, "delta": row.delta}
        for row in values.changes
    ]
    return {"total": values.total, "changes": changes}
