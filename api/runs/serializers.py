"""Serializers of the files and alerts of runs."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from api.fields import BoundedListField, EnumField, LineField, ProseField
from api.pagination import CursorQuery
from tracking import alerts, files
from tracking.alerts import AlertLevel
from tracking.models import RunFile

MAX_NAMES = 1_000
MAX_QUERY_NAMES = 100


class FileNamesField(BoundedListField):
    """Paths of files inside a run."""

    def __init__(self, **kwargs: Any) -> None:
        child = serializers.CharField(max_length=1024, trim_whitespace=False)
        super().__init__(child=child, max_length=MAX_NAMES, allow_empty=False, **kwargs)


class RunFileSerializer(serializers.ModelSerializer):
    """A file that has arrived, with a signed URL of its bytes."""

    url = serializers.SerializerMethodField(help_text="Signed, for an hour.")

    class Meta:
        model = RunFile
        fields = ["name", "size", "md5", "mime_type", "updated_at", "url"]
        read_only_fields = fields

    def get_url(self, file: RunFile) -> str:
        return files.download_url(file)


class RunFileQuery(CursorQuery):
    name = BoundedListField(
        child=serializers.CharField(max_length=1024, trim_whitespace=False),
        max_length=MAX_QUERY_NAMES,
        required=False,
        help_text="The exact path; repeat it for several.",
    )


class RunFileNames(serializers.Serializer):
    files = FileNamesField(help_text="Paths inside the run.")


class RunFileUpload(serializers.Serializer):
    """Where the bytes of a file are sent to, by one PUT without further headers."""

    name = serializers.CharField()
    upload_url = serializers.CharField(help_text="Signed, for an hour.")


class RunFileUploads(serializers.Serializer):
    items = RunFileUpload(many=True)


class RunFilesUploaded(serializers.Serializer):
    items = RunFileSerializer(many=True)


class AlertCreate(serializers.Serializer):
    title = LineField(max_length=alerts.MAX_TITLE_LENGTH)
    text = ProseField(required=False, max_length=alerts.MAX_TEXT_LENGTH)
    level = EnumField(AlertLevel, default=AlertLevel.INFO)
    wait_duration = serializers.FloatField(
        default=0,
        min_value=0,
        max_value=alerts.MAX_PAUSE.total_seconds(),
        help_text="Seconds after an alert of this title in which another one of the run is left out.",
    )

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        return data | {"pause": timedelta(seconds=data.pop("wait_duration"))}


class AlertSent(serializers.Serializer):
    sent = serializers.BooleanField(help_text="False where it came too soon after others.")
