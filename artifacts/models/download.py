"""Downloads: one row for each signed URL or manifest that was handed out."""

from django.conf import settings
from django.db import models
from uuid_utils.compat import uuid7


class ArtifactDownload(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(
        "artifacts.ArtifactVersion", on_delete=models.CASCADE, related_name="downloads", db_index=False
    )
    file = models.ForeignKey(
        "artifacts.ArtifactFile",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="None for a whole version.",
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True, default="")
    downloaded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["version", "-downloaded_at"], name="download_by_version")]

    def __str__(self) -> str:
        return f"{self.version_id} at {self.downloaded_at:%Y-%m-%d %H:%M}"
