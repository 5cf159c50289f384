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
MAX_CONSOLE_LINES = 10_000


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


class ConsoleAppend(serializers.Serializer):
    writer = serializers.UUIDField(help_text="Random, one for each process that prints.")
    offset = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1 - MAX_CONSOLE_LINES, help_text="How many lines this writer has sent before."
    )
    lines = BoundedListField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False, max_length=2**20),
        max_length=MAX_CONSOLE_LINES,
        help_text="Each `2026-05-03T12:00:00.000000 text`, in UTC, and with `ERROR ` before it if it was an error.",
    )


class ConsoleQuery(serializers.Serializer):
    after = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1, help_text="Lines after this.")
    limit = serializers.IntegerField(min_value=1, max_value=MAX_CONSOLE_LINES, default=1000)
    last = serializers.BooleanField(default=False, help_text="The last lines, instead of the first.")


class ConsoleLineSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    timestamp = serializers.CharField(allow_blank=True, help_text="UTC, without zone; empty where it is not known.")
    level = serializers.ChoiceField(["info", "error"])
    text = serializers.CharField(allow_blank=True)


class ConsoleLines(serializers.Serializer):
    items = ConsoleLineSerializer(many=True)
    line_count = serializers.IntegerField(help_text="The number of all lines.")


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
