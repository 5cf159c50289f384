"""One comparison of the bucket with the rows, and what it found."""

from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7


class Reconciliation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(default=timezone.now)
    object_count = models.PositiveIntegerField(help_text="Objects in the bucket.")
    stray_count = models.PositiveIntegerField(help_text="Objects and unfinished multipart uploads without a row.")
    missing_count = models.PositiveIntegerField(help_text="Rows whose bytes are not in the bucket.")
    examples = models.JSONField(default=list, help_text="Some of their keys.")

    class Meta:
        ordering = ["-id"]
        get_latest_by = "id"

    def __str__(self) -> str:
        return f"{self.finished_at:%Y-%m-%d %H:%M}"
